"""A schedule in plain words: the fields of a crontab, what shapes the ticks, when the clock changes. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from scheduler.cadences.calendar_words import DAYS, MONTHS, NTH, joined, ordinal
from scheduler.cadences.crontab_fields import (
    MONTH,
    MONTH_DAY,
    WEEKDAY,
    Field,
    Word,
    checked_words,
    item_numbers,
    special_word,
)
from scheduler.cadences.crontab_hash import HASH
from scheduler.cadences.wall_clock import LAST_YEAR, stretch_at
from scheduler.durations import format_duration
from scheduler.foresight.rule_explanation import across_changes, rule_sentences
from scheduler.schedule import (
    EPOCH,
    Crontab,
    Crontabs,
    Interval,
    Later,
    Moments,
    Rule,
    Schedule,
    Solar,
    Within,
    cadence_of,
    part_of,
)

_MOST_NUMBERS: Final = 8
_LONG_ENOUGH: Final = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class Meaning:
    """One field of a crontab as it is written, and what it means."""

    field: str
    written: str
    means: str


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A moment at which a zone's clock jumps from what it showed to what it shows."""

    at: datetime
    before: timedelta
    after: timedelta


def meanings(crontab: Crontab) -> list[Meaning]:
    """The fields of `crontab` one by one; that for seconds only where it is written."""
    words = checked_words(crontab.expression)
    shown = words if len(crontab.expression.split()) == len(words) else words[1:]
    return [Meaning(word.field.name, word.text, _means(word, crontab.entry)) for word in shown]


def sentences(schedule: Schedule | None) -> Iterator[str]:
    """What the fields don't say: how days combine, what happens where clocks change, what shifts and bounds ticks."""
    if schedule is None:
        yield "It has no schedule: it runs only by hand."
        return
    yield from _of_cadence(schedule)
    if (later := part_of(schedule, Later)) is not None:
        limit = format_duration(later.jitter)
        yield f"Each tick is {format_duration(later.by)} later than that: its place within a jitter of {limit}."
    if isinstance(schedule, Within):
        if schedule.starts_at is not None:
            yield f"There is no tick before {_moment(schedule.starts_at)}."
        if schedule.ends_at is not None:
            yield f"There is no tick after {_moment(schedule.ends_at)}."


def clock_changes(zone: ZoneInfo, after: datetime, *, count: int = 2) -> list[ClockChange]:
    """The next changes of the zone's clock; fewer where it has none in three years."""
    found: list[ClockChange] = []
    moment, end = after, after + _LONG_ENOUGH
    while len(found) < count and moment < end and moment.year < LAST_YEAR:
        stretch = stretch_at(zone, moment)
        if stretch.offset_after != stretch.offset:
            found.append(ClockChange(stretch.end_at, stretch.offset, stretch.offset_after))
        moment = stretch.end_at
    return found


def _of_cadence(schedule: Schedule) -> Iterator[str]:
    cadence = cadence_of(schedule)
    if isinstance(cadence, Interval):
        phase = "the Unix epoch" if cadence.anchor == EPOCH else _moment(cadence.anchor)
        yield f"It ticks every {format_duration(cadence.every)}, counted from {phase}, on no clock on a wall."
    elif isinstance(cadence, Rule):
        yield from rule_sentences(cadence)
    elif isinstance(cadence, Solar):
        when = cadence.when if cadence.offset else f"at {cadence.when}"
        yield f"It ticks {when}, at {_place(cadence)}: each day at another time."
        yield "A day on which the sun does not do that, as near the poles in summer and winter, has no tick."
    elif isinstance(cadence, Moments):
        yield f"It ticks at {', '.join(_moment(moment) for moment in cadence.moments)}, and never again."
    else:
        members = cadence.members if isinstance(cadence, Crontabs) else (cadence,)
        if len(members) > 1:
            yield "It has the ticks of each of its crontabs; a moment that several have is one tick."
        for crontab in members:
            of_it = f"{crontab.expression}: " if len(members) > 1 else ""
            yield from (of_it + sentence for sentence in _of_crontab(crontab))


def _of_crontab(crontab: Crontab) -> Iterator[str]:
    times = crontab.wall_times()
    day, weekday = checked_words(crontab.expression)[3], checked_words(crontab.expression)[5]
    if not times.days.both:
        yield "A day matches by month or by week: either is enough."
    elif day.text != "*" and weekday.text != "*":
        yield "A day must match both by month and by week, since one of the two begins with a star."
    yield across_changes(crontab)


def _means(word: Word, entry: str) -> str:
    field = word.field
    if word.text == "*":
        return "every day" if field in (MONTH_DAY, WEEKDAY) else f"every {field.name}"
    parts = []
    for item in word.text.split(","):
        if (special := special_word(field, item)) is not None:
            groups = special.groupdict()
            parts.append(_of_month(groups) if field is MONTH_DAY else _of_week(groups))
        else:
            own = ", by the entry's name" if HASH.fullmatch(item.upper()) else ""
            parts.append(_listed(field, item_numbers(field, item, entry)) + own)
    parts = list(dict.fromkeys(parts))
    return "; ".join(parts) if any(" " in part for part in parts) else joined(parts)


def _of_month(groups: dict[str, str | None]) -> str:
    if groups["near"]:
        return f"the weekday nearest to the {ordinal(int(groups['near']))}"
    if groups["last"]:
        return "the last weekday"
    back = int(groups["back"] or 0)
    return "the last day" if not back else f"{back} day{'s' if back > 1 else ''} before the last"


def _of_week(groups: dict[str, str | None]) -> str:
    day = _name(WEEKDAY, WEEKDAY.number(groups["nth_of"] or groups["last"] or "") or 0)
    return f"the {NTH[int(groups['nth']) - 1]} {day}" if groups["nth"] else f"the last {day}"


def _listed(field: Field, numbers: range) -> str:
    names = [_name(field, number) for number in numbers]
    if len(names) > 2 and numbers.step == 1:  # noqa: PLR2004 - two are listed, more are a span
        return f"{names[0]} to {names[-1]}"
    if len(names) > _MOST_NUMBERS:
        return f"{', '.join(names[:3])} and so on, up to {names[-1]}"
    return joined(names)


def _name(field: Field, number: int) -> str:
    if field is MONTH:
        return MONTHS[number - 1]
    if field is WEEKDAY:
        return DAYS[number % len(DAYS)]
    return ordinal(number) if field is MONTH_DAY else str(number)


def _place(solar: Solar) -> str:
    north, east = solar.latitude >= 0, solar.longitude >= 0
    return (
        f"{abs(solar.latitude):g}° {'north' if north else 'south'}, "
        f"{abs(solar.longitude):g}° {'east' if east else 'west'}"
    )


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def crontabs_of(schedule: Schedule | None) -> Iterable[Crontab]:
    """The crontabs in a schedule: several of a list, none of an interval."""
    cadence = None if schedule is None else cadence_of(schedule)
    if isinstance(cadence, Crontab):
        return (cadence,)
    return cadence.members if isinstance(cadence, Crontabs) else ()
