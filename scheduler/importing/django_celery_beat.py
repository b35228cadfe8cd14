"""What `manage.py dumpdata django_celery_beat` prints: a list of rows, each with its model, key and fields."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from celery.schedules import ParseException, crontab

from scheduler.importing.beat_schedule import CLEANUP, set_options
from scheduler.importing.celery_schedules import DIFFERENCES, set_schedule
from scheduler.importing.draft import Draft, Imported, Note, Unreadable
from scheduler.quoting import quoted

_APP: Final = "django_celery_beat."
_SCHEDULES: Final = ("crontab", "interval", "solar", "clocked")
_IGNORED_MODELS: Final = ("periodictasks",)  # when the table was last changed
_TAKEN: Final = (
    "name", "task", *_SCHEDULES, "args", "kwargs", "queue", "expire_seconds", "enabled", "description",
    "last_run_at", "total_run_count", "date_changed",
)  # fmt: skip
_PERIODS: Final = ("days", "hours", "minutes", "seconds", "microseconds")

Row = Mapping[str, Any]


def from_django_celery_beat(text: str) -> Imported:
    """The periodic tasks of a dump. Raises Unreadable where it is none."""
    rows = _rows(text)
    tables: dict[str, dict[Any, Row]] = {}
    for row in rows:
        tables.setdefault(str(row["model"]).removeprefix(_APP), {})[_hashable(row.get("pk"))] = row["fields"]
    drafts, notes = [], []
    for key, task in tables.get("periodictask", {}).items():
        if task.get("task") == CLEANUP:
            notes.append(Note(text=f"{task.get('name')}: {CLEANUP} is Celery's own; Onbeat keeps no results"))
        else:
            drafts.append(_draft(key, task, tables))
    known = {"periodictask", *_IGNORED_MODELS, *(f"{kind}schedule" for kind in _SCHEDULES), "clockedschedule"}
    notes += [
        Note(text=f"{len(tables[model])} rows of {model} are not carried over")
        for model in tables
        if model not in known
    ]
    if tables.get("periodictask"):
        notes.append(
            Note(text="when each task ran last is not carried over; Onbeat starts with its next tick")
        )
    return Imported(drafts=drafts, notes=[*notes, *(Note(text=text) for text in DIFFERENCES)], clock=None)


def _rows(text: str) -> list[Row]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is no JSON: {error.msg.lower()}", error.lineno, error.colno) from error
    except (RecursionError, ValueError) as error:
        raise Unreadable(f"it is no JSON that can be read: {error}", 1, 1) from error
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise Unreadable("it is no list of rows with model and fields, as `manage.py dumpdata` prints", 1, 1)
    if not any(str(row["model"]) == f"{_APP}periodictask" for row in rows):
        raise Unreadable(f"no row of it is a {_APP}periodictask", 1, 1)
    return rows


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("model"), str) and isinstance(row.get("fields"), dict)


def _hashable(key: object) -> object:
    return json.dumps(key) if isinstance(key, (list, dict)) else key


def _draft(key: object, task: Row, tables: Mapping[str, Mapping[Any, Row]]) -> Draft:
    draft = Draft(name=str(task.get("name") or f"task-{key}"))
    draft.keys["job"] = task.get("task")
    _set_schedule(draft, task, tables)
    for field, kind in (("args", list), ("kwargs", dict)):
        _set_arguments(draft, field, task.get(field), kind)
    set_options(draft, {"queue": task.get("queue"), "expires": task.get("expire_seconds")})
    if task.get("description"):
        draft.keys["description"] = task["description"]
    if task.get("enabled") is False:
        draft.keys["enabled"] = False
    taken: tuple[str, ...] = _TAKEN
    if task.get("headers") in ("{}", {}):
        taken = (*taken, "headers")
    if task.get("one_off") is False:
        taken = (*taken, "one_off")
    elif task.get("one_off"):
        draft.disable("it is to run once and no more (one_off)")
        taken = (*taken, "one_off")
    draft.leave_out(task, taken)
    return draft


def _set_schedule(draft: Draft, task: Row, tables: Mapping[str, Mapping[Any, Row]]) -> None:
    for kind in _SCHEDULES:
        if (key := task.get(kind)) is None:
            continue
        row = tables.get(f"{kind}schedule", {}).get(_hashable(key))
        if row is None:
            draft.tick_by_hand(
                f"the dump has no {kind}schedule {key}: dump the whole app, django_celery_beat"
            )
        elif kind == "crontab":
            _set_crontab(draft, row)
        elif kind == "interval":
            _set_interval(draft, row)
        elif kind == "clocked":
            draft.tick_by_hand(f"once, at {row.get('clocked_time')}")
        else:
            draft.tick_by_hand(f"{row.get('event')} at {row.get('latitude')}, {row.get('longitude')}")
        return
    draft.tick_by_hand("the task has none")


def _set_crontab(draft: Draft, row: Row) -> None:
    names = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
    fields = {name: str(row.get(name, "*")).replace(" ", "") for name in names}
    try:
        value = crontab(**fields)
    except (ParseException, ValueError) as error:
        draft.tick_by_hand(f"{fields}: {error}")
        return
    set_schedule(draft, value, str(row.get("timezone") or "UTC"))


def _set_interval(draft: Draft, row: Row) -> None:
    every, period = row.get("every"), row.get("period")
    if period not in _PERIODS or not isinstance(every, int):
        draft.tick_by_hand(f"every {every} {period}")
        return
    draft.tick_every(timedelta(**{str(period): every}))


def _set_arguments(draft: Draft, field: str, text: object, kind: type) -> None:
    """Arguments are JSON in a text field, so that anything may stand there."""
    try:
        value = json.loads(text) if isinstance(text, str) and text.strip() else text or kind()
    except ValueError as error:
        draft.disable(f"its {field} {quoted(text)} are no JSON ({error})")
        return
    if not isinstance(value, kind):
        draft.disable(f"its {field} {quoted(text)} are no {'list' if kind is list else 'table'}")
        return
    draft.keys[field] = value
