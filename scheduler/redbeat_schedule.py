"""A schedule in the words of Celery and RedBeat, for a stock beat and RedBeat's own tools.

They know less. What they can't say exactly is said as less: a stock beat then runs some of an entry's ticks and nothing
besides; docs/redbeat.md has the table. Neither form has a zone.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from celery.schedules import crontab, schedule
from redbeat.schedules import rrule

from scheduler.cadences.crontab_days import LAST, WEEK, Days
from scheduler.cadences.wall_times import WallTimes
from scheduler.redbeat_crontab import celery_fields, is_plain
from scheduler.redbeat_rule import MOST_TIMES_A_DAY, RULES_START_AT, rule_of
from scheduler.schedule import Crontab, Crontabs, Interval, Later, Moments, Rule, Schedule

# The least that a definition can say: once a year.
NO_TICKS: Final = schedule(run_every=timedelta(days=365))
_EVERY_DAY: Final = frozenset(range(1, 32))
_WEEK: Final = frozenset(range(WEEK))
_WORKDAYS: Final = frozenset(range(1, 6))


def celery_schedule(wanted: Schedule | None) -> schedule | rrule:
    """The schedule as Celery or RedBeat has it, or less of it.

    What they can't say at all is a yearly interval. So is an entry that is run only by hand, and it is disabled.
    """
    if isinstance(wanted, Later):
        return celery_schedule(wanted.cadence)
    if isinstance(wanted, Moments):
        return rrule("DAILY", dtstart=wanted.moments[0], count=1)
    if isinstance(wanted, Crontabs):
        return celery_schedule(wanted.members[0])
    if isinstance(wanted, Crontab):
        return _of_crontab(wanted)
    if isinstance(wanted, Rule):
        return rule_of(wanted) or NO_TICKS
    return schedule(run_every=wanted.every) if isinstance(wanted, Interval) else NO_TICKS


def _of_crontab(wanted: Crontab) -> schedule | rrule:
    times = wanted.wall_times()
    days = times.days
    if is_plain(days):
        return _fields(wanted, times, days.numbers, days.weekdays)
    if days.both and days.numbers != _EVERY_DAY and days.weekdays != _WEEK:
        return NO_TICKS
    return _of_words(wanted, times, days) or NO_TICKS


def _of_words(wanted: Crontab, times: WallTimes, days: Days) -> schedule | rrule | None:
    """The first of these that there is: numbers, `15W`, `L`, `5#3`, `5L`; each alone names only days that match."""
    by_month = days.numbers if not days.both or days.weekdays == _WEEK else frozenset()
    by_week = days.weekdays if not days.both or days.numbers == _EVERY_DAY else frozenset()
    if by_month:
        return _fields(wanted, times, by_month, _WEEK)
    if by_week:
        return _fields(wanted, times, _EVERY_DAY, by_week)
    if near := days.near - {LAST}:
        return _fields(wanted, times, near, _WORKDAYS)
    if len(times.hours) * len(times.minutes) > MOST_TIMES_A_DAY or len(times.seconds) > 1:
        return None
    if days.from_end:
        return _rule(times, [-1 - back for back in sorted(days.from_end)], None)
    if LAST in days.near:
        if len(times.hours) * len(times.minutes) == 1:
            return _rule(times, None, _WORKDAYS, position=-1)
        return _rule(times, [-1], _WORKDAYS)
    if days.nth:
        weekday, nth = min(days.nth)
        return _rule(times, [day for day in _EVERY_DAY if (day - 1) // WEEK == nth - 1], {weekday})
    return _rule(times, list(range(-WEEK, 0)), {min(days.last)})


def _rule(
    times: WallTimes,
    month_days: Collection[int] | None,
    weekdays: Collection[int] | None,
    *,
    position: int | None = None,
) -> rrule:
    """A rule of RFC 5545; `position` picks one of a month's times, -1 the last."""
    return rrule(
        "MONTHLY",
        dtstart=RULES_START_AT,
        bysetpos=position,
        bymonth=sorted(times.months),
        bymonthday=None if month_days is None else sorted(month_days),
        byweekday=None if weekdays is None else sorted((day - 1) % WEEK for day in weekdays),
        byhour=times.hours,
        byminute=times.minutes,
        bysecond=times.seconds,
    )


def _fields(wanted: Crontab, times: WallTimes, days: Collection[int], weekdays: Collection[int]) -> schedule:
    fields = celery_fields(wanted, times, days, weekdays)
    return NO_TICKS if fields is None else crontab(**fields)
