"""An RFC 5545 recurrence rule as text: what its parts hold, and what is wrong with them, to the very characters.

`FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9` alone, or the lines of a calendar: `DTSTART:…`, `RRULE:…`, and any of `RDATE:…` and
`EXDATE:…`. Which parts go with which frequency is in the table of RFC 5545, section 3.3.10.
"""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from scheduler.cadences.wall_clock import LAST_YEAR
from scheduler.suggestion import did_you_mean

FREQUENCIES: Final = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# Without DTSTART: a Monday, the first of the first month, at midnight on the wall.
USUAL_START: Final = datetime(2001, 1, 1)  # noqa: DTZ001 - on the wall

_LINES: Final = ("DTSTART", "RRULE", "RDATE", "EXDATE")
_MOST: Final = 1_000_000_000  # of COUNT and INTERVAL
_FIRST_YEAR: Final = 1900
_DAY: Final = timedelta(days=1)
_STAMP: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")


class RuleProblem(ValueError):
    """What is wrong with a rule; `start` and `end` are the characters that it is about."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as a calendar has it: on the wall, or in UTC; `whole_day` where no time of day is given."""

    time: datetime
    is_utc: bool
    whole_day: bool

    def on_wall(self, zone: ZoneInfo) -> datetime:
        """What a clock on the wall of `zone` shows then, without a zone."""
        return (
            self.time.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if self.is_utc else self.time
        )


@dataclass(frozen=True, slots=True)
class RuleText:
    """The parts of a rule; a tuple that is empty is a part that is not given. Weekdays are numbers from 0, Monday."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: Stamp | None = None
    week_start: int = 0
    months: tuple[int, ...] = ()
    week_numbers: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int | None], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    starts: Stamp | None = None
    timezone: str | None = None
    more: tuple[Stamp, ...] = ()
    without: tuple[Stamp, ...] = ()


class _Piece(NamedTuple):
    """Some characters of the text, and where the first of them stands."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def problem(self, message: str) -> RuleProblem:
        return RuleProblem(message, self.start, self.end)

    def split(self, separator: str) -> Iterator["_Piece"]:
        at = self.start
        for text in self.text.split(separator):
            yield _Piece(text, at)
            at += len(text) + len(separator)

    def stripped(self) -> "_Piece":
        return _Piece(self.text.strip(), self.start + len(self.text) - len(self.text.lstrip()))


@functools.lru_cache(maxsize=8_192)
def rule_text(text: str) -> RuleText:
    """The parts of the rule. Raises RuleProblem for the first thing that is wrong."""
    found = _lines(_Piece(text, 0))
    values = _parts(found["RRULE"][0][1])
    for name, key in (("RDATE", "more"), ("EXDATE", "without")):
        values[key] = tuple(_stamp(each) for _, piece in found[name] for each in piece.split(","))
    for _, start in found["DTSTART"]:
        values["starts"] = _stamp(start)
    for parameters in (each for name in _LINES for each, _ in found[name]):
        if (zone := _zone(parameters)) is not None and values.setdefault("timezone", zone) != zone:
            raise parameters.problem(f"two zones, {values['timezone']} and {zone}; a rule is read in one")
    rule = RuleText(**values)
    whole = _Piece(text, 0).stripped()
    if rule.count is not None and rule.starts is None:
        raise whole.problem(
            'COUNT counts from DTSTART; put "DTSTART:20270101T090000" in a line before the rule'
        )
    if rule.until is not None and rule.starts is not None and rule.until.time < rule.starts.time - _DAY:
        raise whole.problem("ends before it starts: UNTIL is before DTSTART")
    return rule


def _lines(text: _Piece) -> dict[str, list[tuple[_Piece, _Piece]]]:
    """The parameters and the value of each line, by its name."""
    found: dict[str, list[tuple[_Piece, _Piece]]] = {name: [] for name in _LINES}
    for line in text.split("\n"):
        if (piece := line.stripped()).text:
            name, parameters, value = _line(piece)
            found[name].append((parameters, value))
            if len(found[name]) > 1 and name in ("DTSTART", "RRULE"):
                raise value.problem(f"a second {name}; a rule has one")
    if not found["RRULE"]:
        raise text.stripped().problem("has no rule; write one such as FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9")
    return found


def _line(line: _Piece) -> tuple[str, _Piece, _Piece]:
    """The name of a line, its parameters and its value; a rule may stand without a name."""
    head, colon, _ = line.text.partition(":")
    name = head.split(";")[0].upper()
    if not colon and "=" in line.text:
        return "RRULE", _Piece("", line.start), line
    if name not in _LINES or not colon:
        here = _Piece(head.split(";")[0], line.start)
        if name == "EXRULE":
            raise here.problem(
                "EXRULE is no part of RFC 5545 any more; name the days in EXDATE, or use `exclude`"
            )
        hint = did_you_mean(name, _LINES)
        raise here.problem(f"{here.text!r} is no line of a rule{hint or '; there are ' + ', '.join(_LINES)}")
    parameters = _Piece(head[len(name) + 1 :], line.start + len(name) + 1)
    return name, parameters, _Piece(line.text[len(head) + 1 :], line.start + len(head) + 1).stripped()


def _zone(parameters: _Piece) -> str | None:
    zone = None
    for each in parameters.split(";") if parameters.text else ():
        name, _, value = each.text.partition("=")
        if name.upper() == "TZID":
            zone = value
        elif name.upper() != "VALUE" or value.upper() not in ("DATE", "DATE-TIME"):
            raise each.problem(f"{each.text!r} means nothing here; TZID=…, VALUE=DATE and VALUE=DATE-TIME do")
    return zone


def _stamp(piece: _Piece) -> Stamp:
    piece = piece.stripped()
    match = _STAMP.fullmatch(piece.text.upper())
    example = "write 20270131T090000 for the clock on the wall, with a Z for UTC"
    if match is None:
        raise piece.problem(f"{piece.text!r} is not a time of a calendar; {example}")
    year, month, day, hour, minute, second = (int(each or 0) for each in match.groups()[:6])
    try:
        time = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - on the wall, or said to be UTC
    except ValueError:
        raise piece.problem(f"{piece.text!r} is not on the calendar; {example}") from None
    if not _FIRST_YEAR <= year <= LAST_YEAR:
        raise piece.problem(f"the year {year} is out of reach; write one from {_FIRST_YEAR} to {LAST_YEAR}")
    return Stamp(time, is_utc=bool(match[7]), whole_day=match[4] is None)


def _parts(rule: _Piece) -> dict[str, Any]:
    pieces: dict[str, tuple[_Piece, _Piece]] = {}
    for part in rule.split(";"):
        if not part.text.strip():
            if part.end == rule.end and pieces:
                continue  # one semicolon too many at the end: calendars write it
            raise RuleProblem("an empty part; parts are NAME=VALUE, parted by ;", part.start, part.end + 1)
        name, equals, value = part.text.partition("=")
        known, here = name.strip().upper(), _Piece(name, part.start).stripped()
        if not equals or known not in _READERS:
            hint = did_you_mean(known, _READERS) if equals else "; parts are NAME=VALUE, parted by ;"
            raise here.problem(f"unknown part {here.text!r}{hint}")
        if known in pieces:
            raise here.problem(f"{known} stands twice; write its values as a list")
        pieces[known] = here, _Piece(value, part.start + len(name) + 1).stripped()
    if "FREQ" not in pieces:
        raise rule.problem("FREQ is missing; it says how often: FREQ=DAILY")
    read = {name: _READERS[name](value) for name, (_, value) in pieces.items()}
    _check_together(pieces, read)
    return {_FIELDS[name]: value for name, value in read.items()}


def _check_together(pieces: dict[str, tuple[_Piece, _Piece]], read: dict[str, Any]) -> None:
    """What a part may not stand beside; RFC 5545, 3.3.10."""
    frequency = str(read["FREQ"])
    for name, allowed, instead in _ONLY_WITH:
        if name in pieces and frequency not in allowed:
            raise pieces[name][0].problem(
                f"{name} goes with {_either(allowed)}, not with FREQ={frequency}{instead}"
            )
    if "BYDAY" in pieces and any(nth is not None for _, nth in read["BYDAY"]):
        if frequency not in ("YEARLY", "MONTHLY"):
            message = (
                f"a number before a day goes with FREQ=MONTHLY or FREQ=YEARLY, not with FREQ={frequency}"
            )
            raise pieces["BYDAY"][1].problem(message)
        if "BYWEEKNO" in pieces:
            raise pieces["BYDAY"][1].problem("a number before a day does not go with BYWEEKNO")
    if "BYSETPOS" in pieces and not any(name.startswith("BY") and name != "BYSETPOS" for name in pieces):
        raise pieces["BYSETPOS"][0].problem(
            "BYSETPOS picks among what other BY… parts give, and there are none"
        )
    if "COUNT" in pieces and "UNTIL" in pieces:
        raise pieces["UNTIL"][0].problem("COUNT and UNTIL both end the rule; keep one")


def _either(allowed: tuple[str, ...]) -> str:
    return " or ".join(f"FREQ={each}" for each in allowed)


def _frequency(piece: _Piece) -> str:
    if (name := piece.text.upper()) not in FREQUENCIES:
        hint = did_you_mean(name, FREQUENCIES) or f"; there are {', '.join(FREQUENCIES)}"
        raise piece.problem(f"FREQ {piece.text!r} is none{hint}")
    return name


def _whole(piece: _Piece, low: int, high: int, what: str, *, signed: bool = False) -> int:
    if not re.fullmatch("[+-]?[0-9]{1,10}" if signed else "[0-9]{1,10}", piece.text):
        raise piece.problem(f"{what} {piece.text!r} is not a number")
    number = int(piece.text)
    if low <= number <= high or (signed and low <= -number <= high):
        return number
    less = f" or -{high} to -{low}" if signed else ""
    raise piece.problem(f"{what} {number} is out of range {low} to {high}{less}")


def _one(name: str) -> Callable[[_Piece], int]:
    return lambda piece: _whole(piece, 1, _MOST, name)


def _list(name: str, low: int, high: int, *, signed: bool = False) -> Callable[[_Piece], tuple[int, ...]]:
    def read(piece: _Piece) -> tuple[int, ...]:
        values = {_whole(each.stripped(), low, high, name, signed=signed) for each in piece.split(",")}
        return tuple(sorted(values, key=lambda number: (number < 0, number)))

    return read


def _weekday(piece: _Piece) -> int:
    if (name := piece.text.upper()) not in WEEKDAYS:
        raise piece.problem(f"{piece.text!r} is no day of the week; they are {' '.join(WEEKDAYS)}")
    return WEEKDAYS.index(name)


def _weekdays(piece: _Piece) -> tuple[tuple[int, int | None], ...]:
    found: dict[tuple[int, int | None], None] = {}
    for each in piece.split(","):
        item = each.stripped()
        number, name = (
            _Piece(item.text[:-2], item.start),
            _Piece(item.text[-2:], max(item.start, item.end - 2)),
        )
        day = _weekday(name if number.text else item)
        nth = _whole(number, 1, 53, "BYDAY", signed=True) if number.text else None
        found[day, nth] = None
    return tuple(found)


_READERS: Final[dict[str, Callable[[_Piece], object]]] = {
    "FREQ": _frequency,
    "INTERVAL": _one("INTERVAL"),
    "COUNT": _one("COUNT"),
    "UNTIL": _stamp,
    "WKST": _weekday,
    "BYMONTH": _list("BYMONTH", 1, 12),
    "BYWEEKNO": _list("BYWEEKNO", 1, 53, signed=True),
    "BYYEARDAY": _list("BYYEARDAY", 1, 366, signed=True),
    "BYMONTHDAY": _list("BYMONTHDAY", 1, 31, signed=True),
    "BYDAY": _weekdays,
    "BYHOUR": _list("BYHOUR", 0, 23),
    "BYMINUTE": _list("BYMINUTE", 0, 59),
    "BYSECOND": _list("BYSECOND", 0, 59),
    "BYSETPOS": _list("BYSETPOS", 1, 366, signed=True),
}
_FIELDS: Final = {
    "FREQ": "frequency", "INTERVAL": "interval", "COUNT": "count", "UNTIL": "until", "WKST": "week_start",
    "BYMONTH": "months", "BYWEEKNO": "week_numbers", "BYYEARDAY": "year_days", "BYMONTHDAY": "month_days",
    "BYDAY": "weekdays", "BYHOUR": "hours", "BYMINUTE": "minutes", "BYSECOND": "seconds", "BYSETPOS": "positions",
}  # fmt: skip
_ONLY_WITH: Final = (
    ("BYWEEKNO", ("YEARLY",), ""),
    ("BYYEARDAY", ("YEARLY", "HOURLY", "MINUTELY", "SECONDLY"), "; BYMONTH and BYMONTHDAY name days too"),
    ("BYMONTHDAY", tuple(each for each in FREQUENCIES if each != "WEEKLY"), "; FREQ=DAILY takes it"),
)
