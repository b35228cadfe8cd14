"""Where the sun stands: when it rises, sets and dawns at a place. Pure; times are UTC.

The equations are NOAA's, by astral. The sun rises and sets where its upper edge is on a level horizon, with the usual
refraction: its centre is then 90°50' from the zenith. Dawn and dusk are the civil ones, 6° below the horizon.
"""

import functools
from datetime import UTC, datetime, timedelta
from math import acos, cos, degrees, radians, tan
from typing import Final, Literal, get_args

SunEvent = Literal["dawn", "sunrise", "noon", "sunset", "dusk"]
SUN_EVENTS: Final[tuple[SunEvent, ...]] = get_args(SunEvent)

_ZENITHS: Final = {"dawn": 96.0, "sunrise": 90.833, "sunset": 90.833, "dusk": 96.0}
_BEFORE_NOON: Final = ("dawn", "sunrise")
_J2000: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
_CENTURY: Final = timedelta(days=36_525)
_NEAREST: Final = 89.5  # degrees: nearer to the pole the sun would miss its only days of rising and setting
_ROUNDS: Final = 3  # each comes nearer by a factor of a hundred


@functools.lru_cache(maxsize=65_536)
def sun_event(event: SunEvent, latitude: float, longitude: float, day: int) -> datetime | None:
    """The moment of the event around noon of a day at the place, to the second; None where there is none.

    Latitude and longitude are degrees, north and east positive; `day` is an ordinal, as of `date.toordinal`.
    """
    noon = datetime.fromordinal(day).replace(hour=12, tzinfo=UTC) - _minutes(4 * longitude)
    moment = noon
    for _ in range(_ROUNDS):
        declination, ahead = _sun_at(moment)
        moment = noon - ahead
        if event != "noon":
            away = _half_day(latitude, declination, _ZENITHS[event])
            if away is None:
                return None
            moment += -away if event in _BEFORE_NOON else away
    return (moment + timedelta(milliseconds=500)).replace(microsecond=0)


def _sun_at(moment: datetime) -> tuple[float, timedelta]:
    """The sun's declination in degrees, and how far a sundial is ahead of the clock."""
    from astral.sun import eq_of_time, sun_declination

    century = (moment - _J2000) / _CENTURY
    return sun_declination(century), _minutes(eq_of_time(century))


def _half_day(latitude: float, declination: float, zenith: float) -> timedelta | None:
    """The time between noon and the sun's reaching that distance from the zenith; None where it doesn't."""
    phi, delta = radians(max(-_NEAREST, min(_NEAREST, latitude))), radians(declination)
    cosine = cos(radians(zenith)) / (cos(phi) * cos(delta)) - tan(phi) * tan(delta)
    return _minutes(4 * degrees(acos(cosine))) if -1 <= cosine <= 1 else None


def _minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
