"""What a beat decides for one entry, and how the commit's script is told of it: named fields, as JSON.

What all runs of an entry share is text that is made once and kept (`run_form`), so that a commit costs only what is new
at each tick; commit.lua puts the two together.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from scheduler.disposition import TickRange
from scheduler.entry import Entry
from scheduler.message import list_name, message_parts
from scheduler.rate import time_between
from scheduler.store.ledger import range_json
from scheduler.store.moments import milliseconds, moment, score

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class DueEntry(NamedTuple):
    """An entry whose time has come, as text, with what the commit will compare."""

    key: str
    name: str
    score: str
    definition: str
    meta: str
    own: str
    tick: str
    parked: bool

    @property
    def due_at(self) -> datetime:
        """Its due time."""
        return moment(round(float(self.score) * 1000))

    @property
    def last_tick_at(self) -> datetime | None:
        """The last tick with a disposition, or None for an entry that Onbeat never saw before."""
        return moment(self.tick) if self.tick else None


class NewRun(NamedTuple):
    """A run that a commit creates."""

    run_id: str
    scheduled_at: datetime
    start_by: datetime | None = None


class Decided(NamedTuple):
    """What was decided for one entry, to be committed if the entry is still as it was read.

    `form` is what its runs share, see `run_form`; where there are no runs it may be left out.
    `ran`: how often the entry has run, this tick with it, for RedBeat's `meta`; None leaves that as it is.
    `behind`: since when ticks wait for their turn; `caught_up`: none does now, and some may have.
    """

    due: DueEntry
    next_at: datetime | None
    last_at: datetime
    form: str = "{}"
    ran: int | None = None
    parked: bool = False
    expected: int = 0
    left_out: Sequence[TickRange] = ()
    runs: Sequence[NewRun] = ()
    max_runs: int | None = None
    behind: datetime | None = None
    caught_up: bool = False


class Replaced(NamedTuple):
    """A run that gives way to another one: `asked` is True where it goes on until its worker has ended it."""

    run_id: str
    job: str
    scheduled_at: datetime
    attempt: int
    asked: bool
    reason: str


class Committed(NamedTuple):
    """What a commit made of a decision.

    `overlapping`: the runs not started, each with the reason for it. `waits`: runs that wait, each with the run for
    whose end. `replaced`: the runs that give way to them.
    `ended`: how many runs the entry has had, where these are all that it may have.
    `trouble`: what the server said where the entry's own keys are of the wrong type; it was taken out of the schedule.
    """

    done: bool
    overlapping: Mapping[str, str] = _NONE
    waits: Mapping[str, str] = _NONE
    replaced: Sequence[Replaced] = ()
    trouble: str | None = None
    ended: int | None = None


def run_form(entry: Entry, call: str) -> str:
    """What all runs of `entry` share, as JSON; `call` is the JSON text of its call, as the run's record holds it."""
    return json.dumps(
        {
            "job": entry.job,
            "queue": entry.queue,
            **({"list": list_name(entry.queue, entry.priority)} if entry.priority else {}),
            **({"gap": str(call_gap_ms(entry))} if entry.rate_limit else {}),
            "max_attempts": entry.retry.max_attempts,
            "overlap": entry.overlap,
            "most": entry.most_active or 0,
            **({"group": entry.group} if entry.group else {}),
            "call": call,
            "message": message_parts(call, entry.name),
        }
    )


def call_gap_ms(entry: Entry) -> int:
    """The milliseconds that its rate limit leaves between two starts."""
    return time_between(entry.rate_limit or "") // timedelta(milliseconds=1)


def decision_document(decided: Decided, now: datetime) -> dict[str, Any]:
    """What is new at this tick, as JSON values."""
    due = decided.due
    document: dict[str, Any] = {
        "name": due.name,
        "score": due.score,
        "tick": due.tick,
        "next": score(decided.next_at),
        "last": str(milliseconds(decided.last_at)),
    }
    if decided.expected:
        document["expected"] = decided.expected
    if decided.ran is not None:
        document["ran"] = decided.ran
    if decided.parked:
        document["parked"] = True
    if due.parked:
        document["unpark"] = True
    if decided.left_out:
        document["left_out"] = [
            {"disposition": some.disposition, "count": some.count, "range": range_json(some, now)}
            for some in decided.left_out
        ]
        if not decided.runs or decided.left_out[0].first_at < decided.runs[0].scheduled_at:
            document["joins"] = True
    if decided.runs:
        document["runs"] = [_run(run) for run in decided.runs]
    if decided.max_runs is not None or decided.behind is not None or decided.caught_up:
        document |= _more(decided)
    return document


def _more(decided: Decided) -> dict[str, Any]:
    """What is said of few entries. What is not so is left out: Lua would take a null for something."""
    document: dict[str, Any] = {}
    if decided.max_runs is not None:
        document["max_runs"] = decided.max_runs
    if decided.behind is not None:
        document["behind"] = str(milliseconds(decided.behind))
    if decided.caught_up:
        document["caught_up"] = True
    return document


def _run(run: NewRun) -> dict[str, str]:
    document = {"id": run.run_id, "at": str(milliseconds(run.scheduled_at))}
    if run.start_by is not None:
        document["by"] = str(milliseconds(run.start_by))
    return document


def committed(answer: str) -> Committed:
    """What the script answered for one entry."""
    if answer == "decided":
        return Committed(done=True)
    if answer in ("stale", "gone", "over"):
        return Committed(done=False)
    document = json.loads(answer)
    return Committed(
        done="trouble" not in document,
        overlapping=document.get("overlapping", _NONE),
        waits=document.get("waits", _NONE),
        replaced=[_replaced(each) for each in document.get("replaced", ())],
        trouble=document.get("trouble"),
        ended=document.get("ended"),
    )


def _replaced(document: Mapping[str, Any]) -> Replaced:
    return Replaced(
        document["id"],
        document["job"],
        moment(document["at"]),
        document["attempt"],
        document["answer"] == "asked",
        document["why"],
    )
