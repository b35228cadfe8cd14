"""The keys of a `solar` table: what each may hold, and what is said of a value that it may not."""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from scheduler.cadences.solar import MOST_OFFSET
from scheduler.cadences.sun import SUN_EVENTS
from scheduler.durations import parse_duration
from scheduler.quoting import quoted
from scheduler.suggestion import did_you_mean

_OTHER_NAMES: Final = {"lat": "latitude", "lon": "longitude", "lng": "longitude", "long": "longitude"}


def solar_value(key: str, value: object) -> Any:
    """The value of one key, checked. Raises ValueError with what is wrong, and with which key."""
    if key not in _CHECKS:
        close = _OTHER_NAMES.get(key)
        hint = f"; did you mean {close!r}?" if close else did_you_mean(key, _CHECKS)
        raise ValueError(f"unknown key {key!r}{hint or '; there are ' + ', '.join(_CHECKS)}")
    return _CHECKS[key](value)


def sun_event_value(value: object) -> str:
    """The name of an event of the sun."""
    if not isinstance(value, str) or value not in SUN_EVENTS:
        hint = did_you_mean(value, SUN_EVENTS) if isinstance(value, str) else ""
        raise ValueError(f"{quoted(value)} is not one of {', '.join(SUN_EVENTS)}{hint}")
    return value


def degrees_up_to(most: int) -> Callable[[object], float]:
    """A check of degrees from `-most` to `most`."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{quoted(value)} is not a number of degrees, such as 52.5")
        if abs(value) > most:
            raise ValueError(f"{quoted(value)} is not between -{most} and {most} degrees")
        return float(value)

    return check


def _offset(value: object) -> timedelta:
    sign = 1
    if isinstance(value, str) and value.strip()[:1] in ("-", "+"):
        sign, value = (-1 if value.strip()[0] == "-" else 1), value.strip()[1:]
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
        sign, value = -1, -value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f'{quoted(value)} is not an offset; write "30m" for later, "-30m" for earlier')
    offset = sign * parse_duration(value)
    if abs(offset) > MOST_OFFSET:
        raise ValueError(f"{quoted(value)} is more than a day")
    return offset


_CHECKS: Final[Mapping[str, Callable[[object], Any]]] = {
    "event": sun_event_value,
    "latitude": degrees_up_to(90),
    "longitude": degrees_up_to(180),
    "offset": _offset,
}
