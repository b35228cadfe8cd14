"""Finding the entry or the run that a person named, with the likeliest name where there is none."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from scheduler.errors import NotFound, UsageProblem
from scheduler.run import Run, RunState
from scheduler.run_family import MOST, Relative, relative_of
from scheduler.store import Store
from scheduler.store.entries import StoredEntry
from scheduler.store.refusals import Refusal
from scheduler.suggestion import did_you_mean

WITHOUT_ENTRY: Final = ""
_SHOWN = 5


def entry_named(store: Store, name: str) -> StoredEntry:
    """The entry `name`. Raises NotFound."""
    if (stored := store.entries.get(name)) is not None:
        return stored
    names = store.entries.names()
    hint = (
        "`onbeat entries` lists them"
        if names
        else "no schedules are applied yet: start `onbeat up` or `onbeat beat`"
    )
    raise NotFound(f"no entry {name!r}{did_you_mean(name, names)}", hint=hint)


def runs_of(
    store: Store,
    name: str | None,
    *,
    states: frozenset[RunState] | None = None,
    since: datetime | None = None,
    limit: int = 20,
) -> list[Run]:
    """The newest runs, newest first: of the entry `name`, also one that is gone, or of the job `name` that Celery's own
    means started, with no entry; of all where it is None. Raises NotFound.
    """
    if name is None:
        return store.runs.recent(_names_on_record(store), states=states, since=since, limit=limit)
    if store.entries.get(name) is not None or store.runs.any_of(name):
        return store.runs.recent([name], states=states, since=since, limit=limit)
    if store.runs.recent([WITHOUT_ENTRY], job=name, limit=1):
        return store.runs.recent([WITHOUT_ENTRY], job=name, states=states, since=since, limit=limit)
    entry_named(store, name)
    return []


def _names_on_record(store: Store) -> list[str]:
    return [*sorted({*store.entries.names(), *store.entries.gone()}), WITHOUT_ENTRY]


def run_with_id(store: Store, text: str) -> Run:
    """The run whose id is `text` or begins with it.

    Raises NotFound, and UsageProblem where several runs' ids begin so.
    """
    prefix = text.strip().lower()
    if prefix and (run := store.runs.get(prefix)) is not None:
        return run
    found = store.runs.with_prefix(prefix, _names_on_record(store)) if prefix else []
    if len(found) > 1:
        some = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise UsageProblem(
            f"{text!r} is the beginning of {len(found)} runs: {some}", hint="give more of the id"
        )
    if found and (run := store.runs.get(found[0])) is not None:
        return run
    raise NotFound(f"no run {text!r}", hint="`onbeat runs` lists what is on record")


def run_named(store: Store, text: str) -> Run:
    """The newest run of the entry `text`, or the run with that id. Raises NotFound and UsageProblem."""
    try:
        runs = runs_of(store, text, limit=1)
    except NotFound:
        return _run_or_entry(store, text)
    if not runs:
        raise NotFound(f"{text!r} has not run yet", hint=f"`onbeat show {text}` says when it will")
    return runs[0]


def _run_or_entry(store: Store, text: str) -> Run:
    try:
        return run_with_id(store, text)
    except NotFound:
        close = did_you_mean(text, store.entries.names())
        hint = "`onbeat runs` and `onbeat entries` list what there is"
        raise NotFound(f"no run or entry {text!r}{close}", hint=hint) from None


def family_of(store: Store, run: Run) -> list[Relative]:
    """The run, all that it followed on, near and far, and all that followed on it. Raises Unreachable."""
    before = _reached(store, run, lambda each: each.parents)
    return [relative_of(each) for each in (run, *before, *_reached(store, run, lambda each: each.children))]


def _reached(store: Store, run: Run, further: Callable[[Run], Sequence[str]]) -> list[Run]:
    found: dict[str, Run] = {}
    ids = dict.fromkeys(further(run))
    while ids and len(found) < MOST:
        level = store.runs.get_many(list(ids)[: MOST - len(found)])
        found |= {each.run_id: each for each in level}
        ids = {each: None for run in level for each in further(run) if each not in found}
    return list(found.values())


def refusals_named(store: Store, texts: Sequence[str]) -> list[Refusal]:
    """The refused messages whose ids are `texts` or begin with them; without any, all.

    Raises NotFound, and UsageProblem where several ids begin so.
    """
    every = store.refusals.newest()
    found: dict[str, Refusal] = {}
    for text in texts:
        matching = [each for each in every if text and each.id.startswith(text.strip().lower())]
        if not matching:
            raise NotFound(f"no refused message {text!r}", hint="`onbeat quarantine` lists them")
        if len(matching) > 1:
            some = ", ".join(each.id for each in matching[:_SHOWN])
            message = f"{text!r} is the beginning of {len(matching)} messages: {some}"
            raise UsageProblem(message, hint="give more of the id")
        found[matching[0].id] = matching[0]
    return list(found.values()) if texts else every
