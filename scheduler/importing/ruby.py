"""Recurring jobs of Ruby's queues: sidekiq-cron's YAML, and Solid Queue's recurring.yml.

Their classes are Ruby. An entry gets the name that a Python job in their place would have, which `onbeat
check` asks for until there is one; a Ruby command becomes a run of `bin/rails runner`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from scheduler.importing.draft import Draft, Imported, Note, Unreadable
from scheduler.importing.fugit import set_fugit
from scheduler.importing.yaml_documents import Document, Path
from scheduler.quoting import quoted

Found = list[tuple[str, Mapping[str, Any], int | None]]

_CLOCK: Final = "a schedule that names no time zone is read in the Ruby process's"
_OVERLAP: Final = Note(
    text="a Ruby queue takes a job although its last run goes on; Onbeat leaves that tick out"
    ' (overlap = "allow" would not)'
)
_SIDEKIQ_KEYS: Final = (
    "name", "class", "klass", "cron", "every", "args", "queue", "description", "status", "date_as_argument",
    "active_job",
)  # fmt: skip
# Where a sidekiq.yml has its schedule.
_UNDER: Final = (":schedule", "schedule")
ENVIRONMENTS: Final = ("production", "staging", "development", "test")


def from_sidekiq(document: Document) -> Imported:
    """The jobs of a sidekiq-cron file. Raises Unreadable where there is none."""
    drafts = []
    for name, fields, line in sidekiq_entries(document):
        draft = Draft(name=name, line=line)
        _set_class(draft, fields.get("class") or fields.get("klass"))
        _set_times(draft, fields)
        draft.keys["args"] = _arguments(fields)
        _set_words(draft, fields, "queue", "description")
        if fields.get("date_as_argument"):
            draft.say("date_as_argument: a job finds the time of its tick in current_run().scheduled_at")
        draft.leave_out(fields, _SIDEKIQ_KEYS)
        drafts.append(draft)
    imported = _imported(document, drafts)
    imported.notes[:0] = _left_out(
        document, _inside(document.value, _UNDER), {draft.name for draft in drafts}
    )
    return imported


def _set_times(draft: Draft, fields: Mapping[str, Any]) -> None:
    """A crontab, or sidekiq-scheduler's `every`."""
    if fields.get("cron") is not None or fields.get("every") is None:
        set_fugit(draft, fields.get("cron"))
    elif isinstance(every := fields["every"], str):
        draft.tick_every(every)
    else:
        draft.tick_by_hand(f"every {every}")


def _has_times(fields: Any) -> bool:
    keys = set(_plain_keys(fields)) if isinstance(fields, Mapping) else set()
    return "cron" in keys or {"every", "class"} <= keys


def _left_out(document: Document, inside: tuple[Any, Path], taken: set[str]) -> list[Note]:
    """What is said of each key beside those that were taken, here and in the whole document."""
    value, path = inside
    if isinstance(value, list):
        return [
            Note(text="an item without a schedule is left out", line=document.line(*path, index))
            for index, item in enumerate(value)
            if not _has_times(item)
        ]
    notes = (
        []
        if value is document.value
        else _left_out(document, (document.value, ()), {*taken, *map(str, path)})
    )
    return notes + [
        Note(
            text=f"{quoted(str(name))} is no entry with a schedule, and left out",
            line=document.line(*path, str(name)),
        )
        for name in value
        if str(name) not in taken
    ]


def from_solid_queue(document: Document, *, environment: str | None = None) -> Imported:
    """The tasks of a recurring.yml, those of one environment where it has several: production unless named.

    Raises Unreadable where there is none.
    """
    entries, notes = solid_queue_entries(document, environment)
    drafts = []
    for name, fields, line in entries:
        draft = Draft(name=name, line=line)
        if fields.get("class"):
            _set_class(draft, fields["class"])
            draft.keys["args"] = _arguments(fields)
        else:
            draft.keys["job"] = "onbeat.command"
            draft.keys["kwargs"] = {"argv": ["bin/rails", "runner", str(fields.get("command") or "")]}
            draft.say(
                "its Ruby runs by `bin/rails runner` in the worker's directory; set cwd to the application's"
            )
        set_fugit(draft, fields.get("schedule"))
        _set_words(draft, fields, "queue", "description")
        draft.leave_out(fields, ("class", "command", "args", "queue", "description", "schedule"))
        drafts.append(draft)
    imported = _imported(document, drafts)
    imported.notes[:0] = notes
    return imported


def sidekiq_entries(document: Document) -> Found:
    """The entries that have a `cron` or an `every`, with their names and lines."""
    value, path = _inside(document.value, _UNDER)
    pairs: list[tuple[str, Any, Path]] = []
    if isinstance(value, Mapping):
        pairs = [(str(name), fields, (*path, str(name))) for name, fields in value.items()]
    elif isinstance(value, list):
        pairs = [(str(each.get("name", "")), each, (*path, index)) for index, each in enumerate(value)
                 if isinstance(each, Mapping)]  # fmt: skip
    return [
        (name, _plain_keys(fields), document.line(*where))
        for name, fields, where in pairs
        if _has_times(fields)
    ]


def solid_queue_entries(document: Document, environment: str | None) -> tuple[Found, list[Note]]:
    """The tasks that have a `schedule`, and what is said of the environments that are left out."""
    value = document.value
    if not isinstance(value, Mapping):
        return [], []
    tasks = _tasks(value, document, ())
    if tasks:
        return tasks, _left_out(document, (value, ()), {name for name, _, _ in tasks})
    tables = {str(name): inner for name, inner in value.items() if isinstance(inner, Mapping)}
    found = {name: tasks for name, inner in tables.items() if (tasks := _tasks(inner, document, (name,)))}
    if environment is not None and environment not in found:
        raise Unreadable(f"it has no environment {environment!r}; it has: {', '.join(found) or 'none'}", 1, 1)
    chosen = environment or next((name for name in (*ENVIRONMENTS, *found) if name in found), None)
    if chosen is None:
        return [], []
    taken = {name for name, _, _ in found[chosen]} | found.keys()
    notes = _left_out(document, (tables[chosen], (chosen,)), taken)
    notes += [
        Note(
            text=f"the environment {name} is left out, {chosen} taken; `--environment {name}` takes it",
            line=document.line(name),
        )
        for name in found
        if name != chosen
    ]
    return found[chosen], notes


def _tasks(value: Mapping[str, Any], document: Document, path: Path) -> Found:
    return [
        (str(name), _plain_keys(fields), document.line(*path, str(name)))
        for name, fields in value.items()
        if isinstance(fields, Mapping)
        and "schedule" in _plain_keys(fields)
        and {"class", "command"} & set(_plain_keys(fields))
    ]


def _inside(value: Any, names: tuple[str, ...]) -> tuple[Any, Path]:
    """What stands under the first of `names`, or the whole, and the way to it."""
    for name in names:
        if isinstance(value, Mapping) and isinstance(value.get(name), (Mapping, list)):
            return value[name], (name,)
    return value, ()


def _plain_keys(fields: Mapping[Any, Any]) -> dict[str, Any]:
    """`fields` without the colons of Ruby's symbols."""
    return {str(key).strip(":"): value for key, value in fields.items()}


def _set_class(draft: Draft, name: object) -> None:
    job = python_name(str(name)) if isinstance(name, str) else "jobs.unknown"
    draft.keys["job"] = job
    if isinstance(name, str):
        draft.say(f"the Ruby class {name} has to become the Python job {job}")
    else:
        draft.disable(f"it names no class ({quoted(name)})")


def python_name(ruby: str) -> str:
    """`Billing::InvoiceJob` as `jobs.billing.invoice_job`."""
    parts = [
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", part) for part in ruby.split("::")
    ]
    words = [re.sub(r"\W+", "_", part).strip("_").lower() for part in parts]
    return ".".join(["jobs", *(word for word in words if word)])


def _arguments(fields: Mapping[str, Any]) -> list[Any]:
    arguments = fields.get("args")
    if arguments is None:
        return []
    return arguments if isinstance(arguments, list) else [arguments]


def _set_words(draft: Draft, fields: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if fields.get(name) is not None:
            draft.keys[name] = str(fields[name])
    if fields.get("status") == "disabled":
        draft.keys["enabled"] = False


def _imported(document: Document, drafts: list[Draft]) -> Imported:
    if not drafts:
        raise Unreadable("there is no entry with a schedule in it", 1, 1)
    return Imported(drafts=drafts, notes=[*document.notes, _OVERLAP], clock=_CLOCK)
