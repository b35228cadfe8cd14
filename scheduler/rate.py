"""How often runs of an entry may start: "10/m" is one every 6 s, by whichever worker. Pure."""

import re
from datetime import timedelta
from typing import Final

from scheduler.durations import FINEST, parse_duration

_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_RATE: Final = re.compile(r"(?P<count>[1-9]\d{0,6}) */ *(?P<span>.+)")


def time_between(rate: str) -> timedelta:
    """The least time between two starts that `rate` allows, to the millisecond, rounded up.

    A number of runs for each `s`, `m`, `h`, `d`, or each duration: "10/m", "1/90s". Raises ValueError for another text,
    and for more than a thousand a second.
    """
    found = _RATE.fullmatch(rate.strip())
    if found is None:
        raise ValueError(f"{rate!r} is not a rate; write how many runs for each s, m, h or d, such as '10/m'")
    span = _UNITS.get(found["span"]) or parse_duration(found["span"])
    count = int(found["count"])
    if span / count < FINEST:
        raise ValueError(f"{rate!r} is no limit: more than a thousand runs a second")
    return -(-span // (count * FINEST)) * FINEST  # so that no more start than may
