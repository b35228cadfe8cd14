"""A day's runs on one page of Markdown. Pure: runs and a moment in, text out."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from scheduler.run import Run, RunState
from scheduler.timestamps import rough

MOST_FAILURES = 20
MOST_SLOW = 5
_ERROR_CHARACTERS = 200
_BY_HAND = "(no entry)"


def digest(runs: Iterable[Run], now: datetime, hours: float = 24) -> str:
    """The report on `runs`, which were asked for in the `hours` before `now`."""
    chosen = sorted(runs, key=lambda run: (run.scheduled_at, run.run_id))
    sections = [
        f"# Onbeat: the last {'hour' if hours == 1 else f'{hours:g} hours'}",
        f"Until {_moment(now)}. {summary(chosen)}",
    ]
    if chosen:
        sections += [entries(chosen), failures(chosen), slowest(chosen), lateness(chosen)]
    return "\n\n".join(section for section in sections if section) + "\n"


def summary(runs: Sequence[Run]) -> str:
    """One sentence: how many runs, and how they ended."""
    if not runs:
        return "No run was on record."
    counts = [(state.value, sum(run.state is state for run in runs)) for state in RunState]
    told = ", ".join(f"{count} {name}" for name, count in reversed(counts) if count)
    return f"{len(runs)} run{'s' * (len(runs) != 1)}: {told}."


def entries(runs: Sequence[Run]) -> str:
    """A table with a line for each entry."""
    groups: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[_entry(run)].append(run)
    rows = [
        [
            name,
            str(len(group)),
            *(
                str(sum(run.state is state for run in group))
                for state in (RunState.SUCCEEDED, RunState.FAILED)
            ),
            str(sum(run.attempt > 1 for run in group)),
            _duration(max((run.duration for run in group if run.duration is not None), default=None)),
        ]
        for name, group in sorted(groups.items())
    ]
    return "## Entries\n\n" + table(["entry", "runs", "succeeded", "failed", "retried", "slowest"], rows)


def failures(runs: Sequence[Run]) -> str:
    """What failed, the newest first, each with its error."""
    failed = [run for run in reversed(runs) if run.state is RunState.FAILED]
    if not failed:
        return "## Failures\n\nNone."
    rows = [
        [
            _moment(run.scheduled_at),
            _entry(run),
            f"{run.attempt} of {run.max_attempts}",
            _error(run),
            f"`{run.run_id}`",
        ]
        for run in failed[:MOST_FAILURES]
    ]
    more = f"\n\nAnd {len(failed) - MOST_FAILURES} more." if len(failed) > MOST_FAILURES else ""
    return "## Failures\n\n" + table(["scheduled", "entry", "attempts", "error", "run"], rows) + more


def slowest(runs: Sequence[Run]) -> str:
    """The runs that took longest."""
    timed = [(run.duration, run) for run in runs if run.duration is not None]
    timed.sort(key=lambda pair: pair[0], reverse=True)
    rows = [
        [_duration(duration), _entry(run), _moment(run.scheduled_at), f"`{run.run_id}`"]
        for duration, run in timed[:MOST_SLOW]
    ]
    return "## Slowest\n\n" + table(["took", "entry", "scheduled", "run"], rows) if rows else ""


def lateness(runs: Sequence[Run]) -> str:
    """How long after their time scheduled runs started. What a person asked for is never late."""
    late = [(run.lateness, run) for run in runs if run.trigger == "schedule" and run.lateness is not None]
    if not late:
        return ""
    values = [value for value, _ in late]
    worst, run = max(late, key=lambda pair: pair[0])
    return (
        "## Lateness\n\n"
        f"Half of {len(late)} scheduled runs started within {_duration(percentile(values, 50))} of their time, "
        f"95 % within {_duration(percentile(values, 95))}; "
        f"the latest was {_entry(run)} of {_moment(run.scheduled_at)}, by {_duration(worst)}."
    )


def percentile(values: Iterable[timedelta], percent: float) -> timedelta:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank). Not for no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; what stands in a cell can't break out of it."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _entry(run: Run) -> str:
    return run.entry or _BY_HAND


def _error(run: Run) -> str:
    """The error in one line, as code so that nothing in it is Markdown."""
    text = " ".join((run.error or run.reason or "no error on record").replace("`", "'").split())
    return f"`{text[:_ERROR_CHARACTERS]}" + ("…`" if len(text) > _ERROR_CHARACTERS else "`")


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _duration(duration: timedelta | None) -> str:
    return "" if duration is None else rough(duration)
