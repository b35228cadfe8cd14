"""What a run followed on and what followed on it, as the branches of a tree. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from scheduler.run import Run

MOST: Final = 200  # that a family shows of each kind: those before a run and those after it


@dataclass(frozen=True, slots=True)
class Relative:
    """One run of a family. `parents` are the ids of those that it followed on, the one that ended last at the end."""

    run_id: str
    name: str
    state: str
    began_at: datetime
    took: timedelta | None = None
    parents: tuple[str, ...] = ()


class Branch(NamedTuple):
    """A line of the tree: what is drawn before it, the run, and the names of others that it followed on as well."""

    drawn: str
    run: Relative
    also_after: tuple[str, ...]


def relative_of(run: Run) -> Relative:
    """A run as one of a family."""
    return Relative(run.run_id, run.entry or run.job, run.state, run.queued_at, run.duration, run.parents)


def related(parents: Mapping[str, Sequence[str]], run_id: str) -> set[str]:
    """The ids of a run, of all that it followed on, near and far, and of all that followed on it."""
    children: dict[str, list[str]] = {}
    for child, those in parents.items():
        for parent in those:
            children.setdefault(parent, []).append(child)
    return {run_id} | _reached(parents, run_id) | _reached(children, run_id)


def _reached(further: Mapping[str, Sequence[str]], run_id: str) -> set[str]:
    found: set[str] = set()
    level = list(further.get(run_id, ()))
    while level and len(found) < MOST:
        found |= set(level)
        level = [each for run in level for each in further.get(run, ()) if each not in found]
    return found


def branches(family: Iterable[Relative]) -> list[Branch]:
    """The tree of these runs, line by line. Each stands once, beneath the one of its parents that ended last."""
    runs = {each.run_id: each for each in family}
    beneath: dict[str | None, list[Relative]] = {}
    for each in sorted(runs.values(), key=lambda run: (run.began_at, run.name)):
        beneath.setdefault(_place(each, runs), []).append(each)
    return list(_drawn(beneath, None, runs, ""))


def _place(run: Relative, runs: Mapping[str, Relative]) -> str | None:
    return next((parent for parent in reversed(run.parents) if parent in runs), None)


def _drawn(
    beneath: Mapping[str | None, Sequence[Relative]],
    place: str | None,
    runs: Mapping[str, Relative],
    before: str,
) -> Iterator[Branch]:
    here = beneath.get(place, ())
    for number, run in enumerate(here, start=1):
        last = number == len(here)
        drawn = "" if place is None else before + ("└─ " if last else "├─ ")
        others = tuple(runs[each].name for each in run.parents if each in runs and each != place)
        yield Branch(drawn, run, others)
        further = "" if place is None else before + ("   " if last else "│  ")
        yield from _drawn(beneath, run.run_id, runs, further)
