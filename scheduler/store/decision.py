"""What a beat decides for one entry, and how the commit's script is told of it: named fields, as JSON.

What all runs of an entry share is text that is made once and kept (`RunForm`), so that a commit costs only what is new
at each tick; commit.lua puts the two together.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from scheduler.disposition import TickRange
from scheduler.entry import Entry
from scheduler.epoch import milliseconds, moment, score
from scheduler.message import list_name, message_pieces
from scheduler.run import Call
from scheduler.store.ledger import range_json

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


class RunForm(NamedTuple):
    """What all runs of an entry share, as text.

    `rules`: JSON that many entries have in common. `call`: its call's JSON, as the run's record holds it. `message`:
    how its messages end, after the last of their holes.
    """

    rules: str
    call: str
    message: str


NO_FORM: Final = RunForm("{}", "", "")


class Decided(NamedTuple):
    """What was decided for one entry, to be committed if the entry is still as it was read.

    `form` is what its runs share; where there are no runs it may be left out.
    `ran`: how often the entry has run, this tick with it, for RedBeat's `meta`; None leaves that as it is.
    `behind`: since when ticks wait for their turn; `caught_up`: none does now, and some may have.
    """

    due: DueEntry
    next_at: datetime | None
    last_at: datetime
    form: RunForm = NO_FORM
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


def run_form(entry: Entry) -> RunForm:
    """What all runs of `entry` share."""
    call = Call.of(entry)
    text = json.dumps(call.to_json(), sort_keys=True, separators=(",", ":"))
    *pieces, rest = message_pieces(text, entry.name)
    rules = {
        "job": entry.job,
        "queue": entry.queue,
        **({"list": list_name(entry.queue, entry.priority)} if entry.priority else {}),
        **({} if call.gap is None else {"gap": str(call.gap // timedelta(milliseconds=1))}),
        "max_attempts": str(entry.retry.max_attempts),
        "overlap": entry.overlap,
        "most": entry.most_active or 0,
        **({"group": entry.group} if entry.group else {}),
        "message": pieces,
    }
    return RunForm(json.dumps(rules, separators=(",", ":")), text, rest)


def batch_document(decisions: Sequence[Decided], now: datetime) -> tuple[dict[str, Any], str]:
    """What is new at these ticks, as JSON values, and the rules by which runs are made, as JSON; see commit.lua.

    It goes over as columns: the server reads a few long lists in a third of the time that many small objects take.
    """
    rules: dict[str, int] = {}
    rows, more = [], []
    for place, decided in enumerate(decisions, 1):
        due, runs = decided.due, decided.runs
        run_id = at = ""
        if len(runs) == 1 and runs[0].start_by is None:
            run_id, at = runs[0].run_id, _ms(runs[0].scheduled_at)
        if run_id == "" or decided.expected != 1 or _is_special(decided):
            more.append((place, _more(decided, now, with_runs=run_id == "")))
        rows.append(
            (
                due.score,
                due.tick,
                _score(decided.next_at),
                _ms(decided.last_at),
                decided.ran or 0,
                rules.setdefault(decided.form.rules, len(rules) + 1) if runs else 0,
                run_id,
                at,
            )
        )
    columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
    return {**columns, "more": more}, f"[{','.join(rules)}]"


_COLUMNS: Final = ("score", "tick", "next", "last", "ran", "rules", "run", "at")
# Thousands of decisions share a moment.
_ms = lru_cache(maxsize=1_024)(lambda at: str(milliseconds(at)))
_score = lru_cache(maxsize=1_024)(score)


def _is_special(decided: Decided) -> bool:
    return bool(
        decided.left_out
        or decided.parked
        or decided.due.parked
        or decided.caught_up
        or decided.max_runs is not None
        or decided.behind is not None
    )


def _more(decided: Decided, now: datetime, *, with_runs: bool) -> dict[str, Any]:
    """What is said of few entries. What is not so is left out: Lua would take a null for something."""
    document: dict[str, Any] = {}
    if decided.expected:
        document["expected"] = decided.expected
    if decided.parked:
        document["parked"] = True
    if decided.due.parked:
        document["unpark"] = True
    if decided.left_out:
        document["left_out"] = [
            {"disposition": some.disposition, "count": some.count, "range": range_json(some, now)}
            for some in decided.left_out
        ]
        if not decided.runs or decided.left_out[0].first_at < decided.runs[0].scheduled_at:
            document["joins"] = True
    if decided.runs and with_runs:
        document["runs"] = [_run(run) for run in decided.runs]
    if decided.max_runs is not None:
        document["max_runs"] = decided.max_runs
    if decided.behind is not None:
        document["behind"] = str(milliseconds(decided.behind))
    if decided.caught_up:
        document["caught_up"] = True
    return document


def _run(run: NewRun) -> dict[str, str]:
    document = {"id": run.run_id, "at": _ms(run.scheduled_at)}
    if run.start_by is not None:
        document["by"] = _ms(run.start_by)
    return document


_DONE: Final = Committed(done=True)
_NOT_DONE: Final = Committed(done=False)


def committed(answer: str) -> Committed:
    """What the script answered for one entry."""
    if answer == "decided":
        return _DONE
    if answer in ("stale", "gone", "over"):
        return _NOT_DONE
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
