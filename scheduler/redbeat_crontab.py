"""The five fields of a crontab as Celery reads them, and RedBeat's JSON of what most entries have, without Celery.

To import Celery takes as long as to read some thousand entries, and a beat has no other use for it.
"""

import json
import re
from collections.abc import Collection
from typing import Final

from scheduler.cadences.crontab_days import WEEK, Days
from scheduler.cadences.crontab_fields import MONTH, WEEKDAY, Field, written_out
from scheduler.cadences.wall_times import WallTimes
from scheduler.schedule import Crontab, Crontabs, Interval, Later, Schedule

Fields = dict[str, str]  # celery's `crontab` takes them by these names

_NUMBER: Final = "[0-9]+"
_LONGEST_MONTH: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_RANGES: Final = {
    "minute": range(60),
    "hour": range(24),
    "day_of_week": range(WEEK),
    "day_of_month": range(1, 32),
    "month_of_year": range(1, 13),
}


def is_plain(days: Days) -> bool:
    """Whether the days are numbers alone: no `L`, no `15W`, no `5#3`."""
    return not (days.from_end or days.near or days.nth or days.last)


def celery_fields(
    wanted: Crontab, times: WallTimes, days: Collection[int], weekdays: Collection[int]
) -> Fields | None:
    """The crontab on these days, in Celery's words.

    None where Celery refuses it: a day that its month never has, even where a day of the week would come in its place.
    """
    if not any(day <= _LONGEST_MONTH[month - 1] for month in times.months for day in days):
        return None
    minute, hour, day, month, weekday = written_out(wanted.expression, wanted.entry).split()[-5:]
    return {
        "minute": _field("minute", minute, times.minutes),
        "hour": _field("hour", hour, times.hours),
        "day_of_week": _field("day_of_week", weekday, weekdays, WEEKDAY),
        "day_of_month": _field("day_of_month", day, days),
        "month_of_year": _field("month_of_year", month, times.months, MONTH),
    }


def redbeat_text(wanted: Schedule | None) -> str | None:
    """RedBeat's JSON of an interval or of a crontab with plain days; None for what Celery itself has to write."""
    if isinstance(wanted, Later):
        return redbeat_text(wanted.cadence)
    if isinstance(wanted, Crontabs):
        return redbeat_text(wanted.members[0])
    if isinstance(wanted, Interval):
        every = wanted.every.total_seconds()
        return json.dumps({"__type__": "interval", "every": every, "relative": False})
    if not isinstance(wanted, Crontab):
        return None
    times = wanted.wall_times()
    days = times.days
    fields = celery_fields(wanted, times, days.numbers, days.weekdays) if is_plain(days) else None
    return None if fields is None else json.dumps({"__type__": "crontab", **fields})


def _field(name: str, text: str, values: Collection[int], named: Field | None = None) -> str:
    """The field in Celery's words: as it was written where Celery takes that for the same, else as numbers."""
    among = _RANGES[name]
    if set(values) == set(among):
        return "*"
    if set(values) == _read_by_celery(text, among, named):
        return text
    return ",".join(str(each) for each in sorted(values))


def _read_by_celery(text: str, among: range, named: Field | None) -> set[int] | None:
    """The numbers that Celery's parser reads in a list of numbers, names, ranges and steps; None where it refuses."""
    found: set[int] = set()
    for item in text.split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        low, high = among.start, among.stop - 1
        if span != "*":
            ends = [_number(each, named) for each in ((first, last) if dash else (first,))]
            numbers = [number for number in ends if number in among]
            if len(numbers) < len(ends) or (slash and not dash):
                return None
            low, high = numbers[0], numbers[-1]
        found |= set(range(low, high + 1, int(step) if slash else 1))
    return found


def _number(text: str, named: Field | None) -> int:
    number = named.number(text) if named else int(text) if re.fullmatch(_NUMBER, text) else None
    return -1 if number is None else number
