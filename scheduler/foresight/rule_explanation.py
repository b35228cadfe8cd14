"""A recurrence rule in plain words. Pure."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final

from scheduler.cadences.calendar_words import DAYS, MONTHS, from_end, joined
from scheduler.cadences.crontab import Crontab
from scheduler.cadences.rule import Rule
from scheduler.cadences.rule_days import with_start
from scheduler.cadences.rule_text import RuleText, Stamp

_UNITS: Final = {
    "YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day", "HOURLY": "hour", "MINUTELY": "minute",
    "SECONDLY": "second",
}  # fmt: skip
_MOST_TIMES: Final = 6


def rule_sentences(rule: Rule) -> Iterator[str]:
    """How often and when it ticks, what it is counted from, how it ends, and what clocks do to it."""
    parts = with_start(rule.parts, rule.start.date())
    unit = _UNITS[parts.frequency]
    often = f"every {unit}" if parts.interval == 1 else f"every {parts.interval} {unit}s"
    yield f"It ticks {', '.join([often, *_days(parts), *_times(rule, parts)])}."
    if parts.positions:
        places = joined([f"the {from_end(place)}" for place in parts.positions])
        yield f"Of these it takes only {places} of each {unit}."
    if parts.starts is not None:
        yield f"It is counted from {_stamp(parts.starts)}."
    elif parts.interval > 1:
        yield f"It is counted from {rule.start:%F %R}, for it has no DTSTART."
    if parts.count is not None:
        yield f"It ends after {parts.count} tick{'s' if parts.count > 1 else ''}."
    if parts.until is not None:
        yield f"It ends with {_stamp(parts.until)}."
    if parts.more:
        yield f"RDATE adds {joined([_stamp(each) for each in parts.more])}."
    if parts.without:
        yield f"EXDATE takes out {joined([_stamp(each) for each in parts.without])}."
    yield across_changes(rule)


def across_changes(schedule: Crontab | Rule) -> str:
    """What becomes of a time on the wall that is missing, or comes twice."""
    if schedule.follows_real_time:
        return "It repeats within the hour, so it follows real time where the clock changes."
    gap = {"shift": "runs once, at the jump", "skip": "does not run"}[schedule.dst_gap]
    fold = {"first": "runs the first time", "second": "runs the second time", "both": "runs both times"}
    return f"A time that the clock jumps over {gap}; one that comes twice {fold[schedule.dst_fold]}."


def _days(parts: RuleText) -> Iterator[str]:
    if parts.months:
        yield f"in {joined([MONTHS[month - 1] for month in parts.months])}"
    if parts.week_numbers:
        yield f"in the {joined([from_end(number) for number in parts.week_numbers])} week of the year"
    if parts.year_days:
        yield f"on the {joined([from_end(number) for number in parts.year_days])} day of the year"
    if parts.month_days:
        yield f"on the {joined([from_end(number) for number in parts.month_days])} day of the month"
    plain = [DAYS[(day + 1) % len(DAYS)] for day, nth in parts.weekdays if nth is None]
    if plain:
        yield f"on {joined(plain)}"
    whole = "month" if parts.frequency == "MONTHLY" or parts.months else "year"
    numbered = [
        f"{from_end(nth)} {DAYS[(day + 1) % len(DAYS)]}" for day, nth in parts.weekdays if nth is not None
    ]
    if numbered:
        yield f"on the {joined(numbered)} of the {whole}"


def _times(rule: Rule, parts: RuleText) -> Iterator[str]:
    if parts.frequency in ("HOURLY", "MINUTELY", "SECONDLY"):
        named = (("hour", parts.hours), ("minute", parts.minutes), ("second", parts.seconds))
        yield from (f"in {name} {_listed(values)}" for name, values in named if values)
        return
    hours, minutes = parts.hours or (rule.start.hour,), parts.minutes or (rule.start.minute,)
    seconds = parts.seconds or (rule.start.second,)
    count = len(hours) * len(minutes) * len(seconds)
    if count > _MOST_TIMES:
        yield f"{count} times a day"
        return
    short = seconds == (0,)
    times = product(hours, minutes, seconds)
    yield f"at {joined([f'{h:02}:{m:02}' + ('' if short else f':{s:02}') for h, m, s in times])}"


def _listed(values: Sequence[int]) -> str:
    return joined([str(value) for value in values])


def _stamp(stamp: Stamp) -> str:
    if stamp.whole_day:
        return f"{stamp.time:%F}"
    return f"{stamp.time:%F %T} UTC" if stamp.is_utc else f"{stamp.time:%F %T}"
