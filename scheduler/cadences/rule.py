"""Recurrence rules (RFC 5545) on the wall clock of a zone. Pure: every time is given, and given back, in UTC.

A rule names times on the wall, as a crontab does, and the same happens to them where the clock changes. A rule by the
minute or second, and one for every hour, is about how often: it follows real time. docs/reference/schedules.md says
what a rule starts from.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from scheduler.cadences.rule_days import RuleDays
from scheduler.cadences.rule_text import USUAL_START, RuleProblem, RuleText, Stamp, rule_text
from scheduler.cadences.rule_times import RuleTimes, counts_real_time, follows_real_time, rule_times
from scheduler.cadences.wall_clock import LAST_YEAR, stretch_at, utc, zone_named
from scheduler.cadences.wall_steps import (
    DST_FOLDS,
    DST_GAPS,
    LEAST,
    DstFold,
    DstGap,
    latest_tick,
    next_tick,
    tick_count,
)

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_END: Final = datetime(LAST_YEAR, 12, 31, tzinfo=UTC)
_CALENDAR: Final = 401
_DAY_PART: Final = re.compile(
    r"(?:^|[;:])((?:BYMONTH|BYWEEKNO|BYYEARDAY|BYMONTHDAY|BYDAY)\s*=[^;\n]*)", re.IGNORECASE | re.MULTILINE
)
_SOON: Final = timedelta(days=1_000)
_FARTHEST: Final = timedelta(days=146_097)  # 400 years, after which dates and weekdays begin anew


@dataclass(frozen=True, slots=True)
class Rule:
    """An RFC 5545 rule on the wall clock of an IANA zone, with DTSTART, RDATE and EXDATE lines where there are any.

    Raises RuleProblem (a ValueError) for a rule that is wrong, never comes or has another zone as TZID, ValueError for
    an unknown zone or rule for changes of the clock.
    """

    text: str
    timezone: str = "UTC"
    dst_gap: DstGap = "shift"
    dst_fold: DstFold = "first"

    def __post_init__(self) -> None:
        if self.dst_gap not in DST_GAPS or self.dst_fold not in DST_FOLDS:
            raise ValueError(f"no rules for changes of the clock: {self.dst_gap!r}, {self.dst_fold!r}")
        parts = rule_text(self.text)
        if follows_real_time(parts):
            object.__setattr__(self, "dst_gap", "shift")
            object.__setattr__(self, "dst_fold", "first")
        zone_named(self.timezone)
        if parts.timezone is not None and parts.timezone != self.timezone:
            message = f"its TZID is {parts.timezone}, and timezone is {self.timezone}; keep one of them"
            raise RuleProblem(message, 0, len(self.text))
        if self.next_after(_first(self) - LEAST) is None:
            raise _never(self)
        lines = [line.strip() for line in self.text.splitlines()]
        object.__setattr__(self, "text", "\n".join(line for line in lines if line))

    @property
    def parts(self) -> RuleText:
        """What the rule says, part by part."""
        return rule_text(self.text)

    @property
    def expression(self) -> str:
        """The rule as it is shown, on one line."""
        return " ".join(self.text.split("\n"))

    @property
    def start(self) -> datetime:
        """What it is counted from, on the wall: without a zone."""
        return _start(self)

    @property
    def follows_real_time(self) -> bool:
        """Whether it is about how often, not about a time of day."""
        return follows_real_time(self.parts)

    def times(self, offset: timedelta) -> RuleTimes:
        """The times on the wall that it names, while the zone's offset from UTC is this one."""
        start = _start(self)
        if counts_real_time(self.parts):
            start = _first(self).replace(tzinfo=None) + offset
        return rule_times(_recurring(self.text), start)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before it ends."""
        return _next_after(self, utc(moment))

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        tick, until = self.next_after(after), utc(until)
        while tick is not None and tick <= until:
            yield tick
            tick = self.next_after(tick)

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give; days are counted, not ticks."""
        after, until = utc(after), utc(until)
        left_out = sum(
            _recurrences(self, max(after, start - LEAST), min(until, end - LEAST))
            for start, end in _without(self)
        )
        more = sum(after < each <= until and not _recurs(self, each) for each in _more(self))
        return _recurrences(self, after, until) - left_out + more

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        after, until = utc(after), utc(until)
        found = [each for each in _more(self) if after < each <= until]
        first, last = _bounds(self)
        low, high = max(after, first - LEAST), min(until, last)
        while low < high and (tick := latest_tick(self, low, high)) is not None:
            if (span := _span_with(self, tick)) is None:
                found.append(tick)
                break
            high = span[0] - LEAST
        return max(found, default=None)

    def describe(self) -> str:
        """In few words: "FREQ=MONTHLY;BYDAY=-1FR Europe/Berlin"."""
        return f"{self.expression} {self.timezone}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`; what is as usual is left out."""
        document = {"rrule": self.text, "timezone": self.timezone}
        more = {"dst_gap": self.dst_gap, "dst_fold": self.dst_fold}
        usual = {"dst_gap": "shift", "dst_fold": "first"}
        return document | {key: value for key, value in more.items() if value != usual[key]}


def rule_from_json(document: Mapping[str, Any]) -> Rule:
    """The rule that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of ours."""
    keys = ("timezone", "dst_gap", "dst_fold")
    return Rule(document["rrule"], **{key: document[key] for key in keys if key in document})


def _never(rule: Rule) -> RuleProblem:
    """What is said of a rule that has no tick: its parts for days, where no year has such a day."""
    text, days = rule.text, RuleDays(rule.parts, _start(rule).date())
    found = list(_DAY_PART.finditer(text))
    if found and not any(days.of(year) for year in range(1, _CALENDAR)):
        message = f"never comes: no year has a day with {' and '.join(match[1] for match in found)}"
        return RuleProblem(message, found[0].start(1), found[-1].end(1))
    ends = " before it ends" if rule.parts.until or rule.parts.count else ""
    return RuleProblem(f"never comes: no time{ends} is in all of its parts", 0, len(text))


@functools.lru_cache(maxsize=65_536)
def _next_after(rule: Rule, moment: datetime) -> datetime | None:
    first, last = _bounds(rule)
    after = max(moment, first - LEAST)
    tick = next_tick(rule, after) if _in_step(rule, after) else None
    while tick is not None and (span := _span_with(rule, tick)) is not None:
        tick = next_tick(rule, span[1] - LEAST)
    found = [] if tick is None or tick > last else [tick]
    return min([*found, *(each for each in _more(rule) if each > moment)], default=None)


def _in_step(rule: Rule, moment: datetime) -> bool:
    """Whether its steps meet its BY… parts in a stretch of the next years: offsets repeat, and so it is known soon."""
    zone, at = zone_named(rule.timezone), moment
    while at <= _END and at - moment < _SOON:
        stretch = stretch_at(zone, at)
        if rule.times(stretch.offset).ever:
            return True
        at = stretch.end_at
    return False


def _recurrences(rule: Rule, after: datetime, until: datetime) -> int:
    """How many ticks the rule itself has, without RDATE and EXDATE."""
    first, last = _bounds(rule)
    low, high = max(after, first - LEAST), min(until, last)
    return tick_count(rule, low, high) if low < high else 0


def _recurs(rule: Rule, moment: datetime) -> bool:
    first, last = _bounds(rule)
    return first <= moment <= last and next_tick(rule, moment - LEAST) == moment


@functools.lru_cache(maxsize=8_192)
def _recurring(text: str) -> RuleText:
    """The rule without what begins and ends it: rules that recur alike share what was worked out."""
    nothing: dict[str, Any] = dict.fromkeys(("count", "until", "starts", "timezone"))
    return replace(rule_text(text), more=(), without=(), **nothing)


@functools.lru_cache(maxsize=8_192)
def _start_of(text: str, timezone: str) -> datetime:
    stamp = rule_text(text).starts
    return USUAL_START if stamp is None else stamp.on_wall(zone_named(timezone))


def _start(rule: Rule) -> datetime:
    return _start_of(rule.text, rule.timezone)


def _bounds(rule: Rule) -> tuple[datetime, datetime]:
    """The first and the last moment at which it may recur."""
    return _first(rule), _last(rule)


@functools.lru_cache(maxsize=8_192)
def _first(rule: Rule) -> datetime:
    start = Stamp(_start(rule), is_utc=False, whole_day=False)
    return min(_moments(start, zone_named(rule.timezone), "shift", "first"))


@functools.lru_cache(maxsize=8_192)
def _last(rule: Rule) -> datetime:
    if rule.parts.count is not None:
        return _end_of_count(rule, _first(rule), rule.parts.count)
    if (until := rule.parts.until) is None:
        return _END
    if until.whole_day:
        until = replace(until, time=until.time + _DAY - _SECOND)
    return max(_moments(until, zone_named(rule.timezone), "shift", "both"))


def _end_of_count(rule: Rule, first: datetime, count: int) -> datetime:
    """The moment by which it has come `count` times: wider steps from its start, then halving."""
    low, reach, farthest = first - LEAST, _DAY, first + min(_FARTHEST, _END - first)
    while tick_count(rule, first - LEAST, high := min(first + reach, farthest)) < count:
        if high == farthest:
            return farthest
        low, reach = high, reach * 2
    while high - low > _SECOND / 2:
        middle = low + (high - low) / 2
        if tick_count(rule, first - LEAST, middle) < count:
            low = middle
        else:
            high = middle
    return high


def _moments(stamp: Stamp, zone: ZoneInfo, gap: DstGap, fold: DstFold) -> tuple[datetime, ...]:
    """When the clock on the wall shows this: never, once or twice, by the rules for changes of the clock."""
    if stamp.is_utc:
        return (stamp.time.replace(tzinfo=UTC),)
    early, late = (stamp.time.replace(tzinfo=zone, fold=each).astimezone(UTC) for each in (0, 1))
    if early < late:
        return {"first": (early,), "second": (late,), "both": (early, late)}[fold]
    if early == late:
        return (early,)
    return (stretch_at(zone, early).start_at,) if gap == "shift" else ()


@functools.lru_cache(maxsize=8_192)
def _more(rule: Rule) -> tuple[datetime, ...]:
    """The moments of RDATE that EXDATE leaves."""
    zone = zone_named(rule.timezone)
    found = {each for stamp in rule.parts.more for each in _moments(stamp, zone, rule.dst_gap, rule.dst_fold)}
    return tuple(sorted(each for each in found if _span_with(rule, each) is None))


@functools.lru_cache(maxsize=8_192)
def _without(rule: Rule) -> tuple[tuple[datetime, datetime], ...]:
    """The spans that EXDATE takes out, in order and apart, each with its first moment and without its last."""
    zone, spans = zone_named(rule.timezone), []
    for stamp in rule.parts.without:
        for moment in _moments(stamp, zone, "shift", "both"):
            end = moment + LEAST
            if stamp.whole_day:
                end = max(_moments(replace(stamp, time=stamp.time + _DAY), zone, "shift", "second"))
            spans.append((moment, max(end, moment + LEAST)))
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)


def _span_with(rule: Rule, moment: datetime) -> tuple[datetime, datetime] | None:
    return next((span for span in _without(rule) if span[0] <= moment < span[1]), None)
