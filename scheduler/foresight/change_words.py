"""What becomes of an entry's ticks where the clock of its zone changes, in a sentence. Pure."""

from datetime import datetime, timedelta
from typing import Final

from scheduler.cadences.calendar_words import joined
from scheduler.cadences.crontab import Crontab
from scheduler.cadences.rule import Rule
from scheduler.foresight.explanation import ClockChange, crontabs_of
from scheduler.foresight.rule_explanation import across_changes
from scheduler.schedule import Schedule, cadence_of

_MOST: Final = 3
_SECOND: Final = timedelta(seconds=1)


def at_change(schedule: Schedule, change: ClockChange) -> str:
    """What the change does to the times that the schedule names, before jitter and calendars have their say."""
    cadence = cadence_of(schedule)
    if isinstance(cadence, Rule):
        return across_changes(cadence)
    crontabs = crontabs_of(schedule)
    sentences = [_of_times(each, change) for each in crontabs if not each.follows_real_time]
    found = list(dict.fromkeys(each for each in sentences if each))
    if any(each.follows_real_time for each in crontabs):
        found.append("What repeats within the hour follows real time.")
    return " ".join(found) or "None of its times is affected."


def _of_times(crontab: Crontab, change: ClockChange) -> str | None:
    shown = change.at.replace(tzinfo=None)
    low, high = sorted((shown + change.before, shown + change.after))
    times = _times(crontab, low, high)
    if not times:
        return None
    several = len(times) > 1
    if change.after > change.before:
        becomes = f"the tick is at {high:%R} instead" if crontab.dst_gap == "shift" else "there is no tick"
        return f"{joined(times)} {'do' if several else 'does'} not exist: {becomes}."
    which = {
        "first": "the first time is the tick",
        "second": "the second time is the tick",
        "both": "both are ticks",
    }
    return f"{joined(times)} {'come' if several else 'comes'} twice: {which[crontab.dst_fold]}."


def _times(crontab: Crontab, low: datetime, high: datetime) -> list[str]:
    """The first times of day from `low` up to `high`, on the wall."""
    found: list[str] = []
    times = crontab.wall_times()
    while (match := times.first(low, high)) is not None:
        if len(found) == _MOST:
            return [*found, f"{times.count(match, high)} more"]
        found.append(f"{match:%T}" if match.second else f"{match:%R}")
        low = match + _SECOND
    return found
