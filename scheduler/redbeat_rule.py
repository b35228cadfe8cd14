"""A recurrence rule as RedBeat has it: dateutil's, or less of it, or nothing.

RedBeat keeps no number before a day of the week (`-1FR`): what that means is said in days of the month or year.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from redbeat.schedules import rrule

from scheduler.cadences.rule_days import WEEK, with_start
from scheduler.cadences.rule_text import RuleText
from scheduler.schedule import Rule

# A rule's days are counted from here; one value, so that a definition is the same each time it is written.
RULES_START_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
MOST_TIMES_A_DAY: Final = 48  # a stock beat walks through a rule from its start at each look

_BY_THE_DAY: Final = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")


def rule_of(wanted: Rule) -> rrule | None:
    """RedBeat's rule with the same ticks in UTC, or some of them; None where that can't be said."""
    start = wanted.start
    parts = _without_numbers(with_start(wanted.parts, start.date()))
    if parts is None or parts.frequency not in _BY_THE_DAY or parts.without:
        return None
    if parts.positions and parts.frequency == "WEEKLY":
        return None  # dateutil begins its first week in the middle
    times = {
        "byhour": parts.hours or (start.hour,),
        "byminute": parts.minutes or (start.minute,),
        "bysecond": parts.seconds or (start.second,),
    }
    if len(times["byhour"]) * len(times["byminute"]) * len(times["bysecond"]) > MOST_TIMES_A_DAY:
        return None
    begin = start.replace(tzinfo=UTC)
    if parts.count is None and not parts.positions and begin < RULES_START_AT:
        tick = wanted.next_after(RULES_START_AT)
        begin = begin if tick is None else tick.astimezone(ZoneInfo(wanted.timezone)).replace(tzinfo=UTC)
    until = None
    if parts.until is not None:
        rest = timedelta(days=1, seconds=-1) if parts.until.whole_day else timedelta(0)
        until = parts.until.time.replace(tzinfo=UTC) + rest
    return rrule(
        parts.frequency,
        dtstart=begin,
        interval=parts.interval,
        wkst=parts.week_start,
        count=parts.count,
        until=until,
        bysetpos=parts.positions or None,
        bymonth=parts.months or None,
        bymonthday=parts.month_days or None,
        byyearday=parts.year_days or None,
        byweekno=parts.week_numbers or None,
        byweekday=[day for day, _ in parts.weekdays] or None,
        **times,
    )


def _without_numbers(parts: RuleText) -> RuleText | None:
    """The rule with the first of its numbered days as days of the month or year; None where that is not the same."""
    numbered = [(day, nth) for day, nth in parts.weekdays if nth is not None]
    if not numbered:
        return parts
    if len(numbered) < len(parts.weekdays) or (len(numbered) > 1 and (parts.positions or parts.count)):
        return None
    day, nth = numbered[0]
    first = (nth - 1) * WEEK + 1 if nth > 0 else nth * WEEK
    week = tuple(range(first, first + WEEK))
    weekdays: tuple[tuple[int, int | None], ...] = ((day, None),)
    if parts.frequency == "MONTHLY" or parts.months:
        return None if parts.month_days else replace(parts, weekdays=weekdays, month_days=_at_most(week, 31))
    return (
        None
        if parts.year_days or parts.month_days
        else replace(parts, weekdays=weekdays, year_days=_at_most(week, 366))
    )


def _at_most(days: tuple[int, ...], size: int) -> tuple[int, ...]:
    return tuple(day for day in days if abs(day) <= size)
