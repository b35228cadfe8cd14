"""Lints of an entry: what is right, and suspicious in what its keys do together. Pure; `now` is an argument."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Final

from scheduler.cadences.crontab import Crontab, Crontabs
from scheduler.cadences.crontab_fields import checked_words
from scheduler.cadences.interval import Interval
from scheduler.cadences.moments import Moments
from scheduler.cadences.rule import Rule
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.entry_ticks import coming_ticks, next_tick
from scheduler.lints.clock_lint import struck_by_changes
from scheduler.lints.crontab_lint import suspicions
from scheduler.lints.lint import Finding
from scheduler.schedule import Schedule, cadence_of, calendars_of

FLOOD: Final = 100  # ticks of a catchup_window that are made up for at once
CROWD: Final = 10  # entries at minute 0

_LOOKED_AT: Final = 20  # ticks between which the shortest gap is looked for


def findings(
    entry: Entry, *, own: Collection[str], given: Collection[str], now: datetime | None
) -> Iterator[Finding]:
    """What the lints find in an entry that has these keys of its `own`, and these with those of `[defaults]`.

    Without `now` those are left out that look ahead, and notices: a beat that reads a file has no use for them.
    """
    yield from _of_text(entry)
    yield from _without_effect(entry, own)
    if now is None:
        return
    if entry.timeout is None:
        yield Finding("no-timeout", "has no timeout: a run that hangs keeps its worker's slot for ever")
    if entry.schedule is None:
        return
    if entry.enabled and next_tick(entry, now) is None:
        yield _never(entry, now)
        return
    yield from _of_calendars(entry)
    yield from struck_by_changes(entry, _on_walls(entry.schedule), given, now)
    yield from _of_gaps(entry, now)


def _never(entry: Entry, now: datetime) -> Finding:
    tick = None if entry.schedule is None else entry.schedule.next_after(now)
    if tick is None or entry.exclusion is None:
        return Finding("never-fires", "never fires again: its last tick has passed")
    reason = entry.exclusion.reason_for(tick)
    return Finding(
        "never-fires", f"takes out every tick that is to come; the next one is {reason}", ("exclude",)
    )


def _of_calendars(entry: Entry) -> Iterator[Finding]:
    """Moments after the years for which holidays are known."""
    cadence = None if entry.schedule is None else cadence_of(entry.schedule)
    if isinstance(cadence, Moments):
        excluding = () if entry.exclusion is None else entry.exclusion.calendars
        for calendar in (*excluding, *calendars_of(entry.schedule)):
            if calendar.years is not None and cadence.moments[-1].year > calendar.years[1]:
                message = (
                    f"calendar {calendar.name} is known up to {calendar.years[1]}: later no day is a holiday"
                )
                yield Finding("unknown-holidays", message, ("at",))


def _of_text(entry: Entry) -> Iterator[Finding]:
    for crontab in _crontabs(entry.schedule):
        for lint, message, start, end in suspicions(crontab.expression):
            yield Finding(lint, message, ("crontab",), (crontab.expression, start, end))


def _without_effect(entry: Entry, own: Collection[str]) -> Iterator[Finding]:
    on_walls = _on_walls(entry.schedule)
    keys = [key for key in ("dst_gap", "dst_fold") if key in own]
    if keys and on_walls and all(each.follows_real_time for each in on_walls):
        kind = "rule" if isinstance(on_walls[0], Rule) else "crontab"
        for key in keys:
            message = f"has no effect: the {kind} repeats within the hour, and follows real time"
            yield Finding("dst-without-effect", message, (key,))


def _of_gaps(entry: Entry, now: datetime) -> Iterator[Finding]:
    retried = entry.retry.max_attempts > 1
    parallel = entry.most_active is None and entry.timeout is not None
    if not (retried or parallel or entry.catchup == "all"):
        return
    gap = shortest_gap(entry, now)
    if gap is None:
        return
    apart = f"the {format_duration(gap)} between ticks"
    if parallel and entry.timeout is not None and entry.timeout > gap:
        number = -(-entry.timeout // gap)
        message = (
            f"timeout is {format_duration(entry.timeout)}, longer than {apart}: up to {number} runs at once"
        )
        yield Finding("many-at-once", message, ("overlap",))
    if (
        entry.catchup == "all"
        and entry.catchup_spread is None
        and (number := entry.catchup_window // gap) > FLOOD
    ):
        message = (
            f"catchup = all: up to {number} runs begin at once after a downtime of the catchup_window, "
            f"{format_duration(entry.catchup_window)}; catchup_spread spreads them"
        )
        yield Finding("catchup-flood", message, ("catchup",))
    if retried and (longest := _longest(entry, gap)) > gap:
        message = f"all attempts with their waits take up to {format_duration(longest)}, longer than {apart}"
        yield Finding("retries-outlast-tick", message, ("retry",))


def _longest(entry: Entry, gap: timedelta) -> timedelta:
    """All attempts, each as long as it may take, and the waits between them.

    Where one attempt alone may outlast the gap it is no matter of retries, and only the waits count.
    """
    attempts = entry.retry.max_attempts
    waits = sum((entry.retry.delay(attempt, 0) for attempt in range(1, attempts)), timedelta(0))
    alone = entry.timeout or timedelta(0)
    return waits + attempts * alone if alone < gap else waits


def shortest_gap(entry: Entry, now: datetime) -> timedelta | None:
    """The shortest time between the next ticks; None where there are not two of them."""
    cadence = None if entry.schedule is None else cadence_of(entry.schedule)
    if isinstance(cadence, Interval):
        return cadence.every
    ticks = islice(coming_ticks(entry, now), _LOOKED_AT)
    return min((after - before for before, after in pairwise(ticks)), default=None)


def at_minute_0(entry: Entry) -> bool:
    """Whether a crontab starts the entry at minute 0, with no jitter to move it."""
    if not entry.enabled or not isinstance(entry.schedule, Crontab | Crontabs):
        return False
    minutes = [(each, checked_words(each.expression)[1].text.upper()) for each in _crontabs(entry.schedule)]
    return any(0 in each.wall_times().minutes and "H" not in text for each, text in minutes)


def _crontabs(schedule: Schedule | None) -> tuple[Crontab, ...]:
    return tuple(each for each in _on_walls(schedule) if isinstance(each, Crontab))


def _on_walls(schedule: Schedule | None) -> tuple[Crontab | Rule, ...]:
    """What of a schedule reads a clock on a wall."""
    cadence = None if schedule is None else cadence_of(schedule)
    if isinstance(cadence, Crontabs):
        return cadence.members
    return (cadence,) if isinstance(cadence, Crontab | Rule) else ()
