"""Entries in RedBeat's form, so that RedBeat's own API and tools work on what Onbeat runs.

A definition holds only what stock RedBeat knows: an unknown key in its JSON stops a stock beat. All else of an entry
stands in a field of its own beside it. RedBeat's encoder drops zones, so moments are written in UTC.

RedBeat brings all of Celery, so it is imported where it is needed: most of what is read was written by us.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from scheduler.entry import Entry
from scheduler.redbeat_crontab import redbeat_text
from scheduler.schedule import Crontab, Interval, Rule, Schedule

NEVER_RUN = '{"last_run_at": null}'
_COUNT = ', "total_run_count": '

# What reading a document that somebody else wrote can raise: a number too large, a list too deep, a key too few.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def definition(entry: Entry) -> str:
    """The `definition` that RedBeat's `save` would write for this entry, as JSON text."""
    options: dict[str, Any] = {"queue": entry.queue}
    if entry.timeout is not None:
        options["time_limit"] = entry.timeout.total_seconds()
    if entry.soft_timeout is not None:
        options["soft_time_limit"] = entry.soft_timeout.total_seconds()
    call = {
        "name": entry.name,
        "task": entry.job,
        "args": list(entry.args),
        "kwargs": dict(entry.kwargs),
        "options": options,
    }
    when = _schedule_text(None if entry.exclusion is not None else entry.schedule)
    enabled = json.dumps(entry.enabled and entry.schedule is not None)
    return f'{json.dumps(call)[:-1]}, "schedule": {when}, "enabled": {enabled}}}'


@lru_cache(maxsize=4096)
def _schedule_text(schedule: Schedule | None) -> str:
    """RedBeat's JSON of a schedule, kept: thousands of entries share one, and Celery's crontabs are slow to make."""
    if (text := redbeat_text(schedule)) is not None:
        return text
    from scheduler.redbeat_schedule import celery_schedule

    return _dumped(celery_schedule(schedule))


def entry_from_definition(text: str) -> Entry:
    """The entry that another program wrote with RedBeat's API; its source is `api`.

    Raises ValueError where it can't be read as one, saying why.
    """
    from celery.schedules import ParseException

    try:
        document = _loaded(text)
        return Entry(
            name=document["name"], schedule=_schedule(document["schedule"]), source="api", **_call(document)
        )
    except (*UNREADABLE, ParseException) as error:
        raise _unreadable(error) from error


def edits(before: str, after: str) -> dict[str, Any]:
    """What another program changed between two definitions of an entry: the fields of an Entry, with their new values.

    A schedule that is as it was is not read: it may be a rule, which only stands for a crontab of ours. Raises
    ValueError where `after` can't be read, saying why.
    """
    from celery.schedules import ParseException

    try:
        was, edited = _loaded(before), _loaded(after)
        old, new = _call(was), _call(edited)
        changes = {field: value for field, value in new.items() if value != old[field]}
        if json.loads(before)["schedule"] != json.loads(after)["schedule"]:
            changes["schedule"] = _schedule(edited["schedule"])
    except (*UNREADABLE, ParseException) as error:
        raise _unreadable(error) from error
    return changes


def _call(document: Mapping[str, Any]) -> dict[str, Any]:
    options = document.get("options") or {}
    args, kwargs = tuple(document.get("args") or ()), dict(document.get("kwargs") or {})
    json.dumps([args, kwargs])  # RedBeat's own JSON holds moments too; a run's arguments are plain JSON
    return {
        "job": _text(document, "task"),
        "args": args,
        "kwargs": kwargs,
        "queue": _text(options, "queue") if options.get("queue") else "default",
        "timeout": _seconds(options.get("time_limit")),
        "soft_timeout": _seconds(options.get("soft_time_limit")),
        "enabled": bool(document.get("enabled", True)),
    }


def _unreadable(error: Exception) -> ValueError:
    return ValueError(f"not a definition that RedBeat wrote: {type(error).__name__}: {error}")


def meta(last_run_at: datetime, total_run_count: int | None = None) -> str:
    """The `meta` that RedBeat writes at each tick, as JSON text."""
    if total_run_count is not None:
        return f"{meta_up_to_count(last_run_at)}{total_run_count}}}"
    return _meta(last_run_at.astimezone(UTC))


def meta_up_to_count(last_run_at: datetime) -> str:
    """`meta` without its end: how often the entry has run, and a brace."""
    return f"{_meta(last_run_at.astimezone(UTC))[:-1]}{_COUNT}"


@lru_cache(maxsize=64)
def _meta(last_run_at: datetime) -> str:
    """RedBeat's JSON of a moment in UTC, kept: thousands of entries run at one."""
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    moment = {part: getattr(last_run_at, part) for part in parts}
    return json.dumps({"last_run_at": {"__type__": "datetime", **moment, "timezone": 0.0}})


def total_run_count(text: str) -> int:
    """How often the entry has run, by RedBeat's `meta`; 0 where it does not say."""
    count = text.rpartition(_COUNT)[2].removesuffix("}")
    if count.isdecimal():
        return int(count)
    try:
        return int(json.loads(text or NEVER_RUN).get("total_run_count") or 0)
    except UNREADABLE:
        return 0


def last_run_at(text: str) -> datetime | None:
    """The `last_run_at` of RedBeat's `meta`, or None where there is none that can be read."""
    try:
        value = json.loads(text or NEVER_RUN).get("last_run_at")
        moment = _in_utc(value) or (None if value is None else _loaded(text)["last_run_at"])
    except UNREADABLE:
        return None
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


def _in_utc(value: Any) -> datetime | None:
    """A moment as RedBeat writes one of UTC; None for all else."""
    if not isinstance(value, dict) or value.get("__type__") != "datetime":
        return None
    fields = {key: part for key, part in value.items() if key not in ("__type__", "timezone")}
    return datetime(**fields, tzinfo=UTC) if value.get("timezone", "UTC") in ("UTC", 0) else None


def _dumped(value: Any) -> str:
    from redbeat.decoder import RedBeatJSONEncoder

    return json.dumps(value, cls=RedBeatJSONEncoder)


def _loaded(text: str) -> Any:
    from redbeat.decoder import RedBeatJSONDecoder

    return json.loads(text, cls=RedBeatJSONDecoder)


def _text(document: Mapping[str, Any], key: str) -> str:
    if not isinstance(value := document[key], str) or not value:
        raise ValueError(f"its {key} is {value!r}, which is no name")
    return value


def _schedule(value: object) -> Schedule:
    from celery.schedules import crontab, schedule
    from redbeat.schedules import rrule

    if isinstance(value, crontab):
        fields = (
            value._orig_minute,
            value._orig_hour,
            value._orig_day_of_month,
            value._orig_month_of_year,
            value._orig_day_of_week,
        )
        return Crontab(" ".join(str(field).replace(" ", "") for field in fields))
    if isinstance(value, rrule):
        if value.dtstart.utcoffset() or (value.until is not None and value.until.utcoffset()):
            raise ValueError("a rule whose start or end is in another zone than UTC is not supported")
        return Rule(str(value.rrule))
    if isinstance(value, schedule):
        return Interval(value.run_every)
    if isinstance(value, Mapping):
        message = f"its schedule has the unknown type {value.get('__type__')!r}"
        raise ValueError(message)
    message = f"schedules of the kind {type(value).__name__} are not supported"
    raise ValueError(message)


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
