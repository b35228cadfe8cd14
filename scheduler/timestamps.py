"""Moments as people and programs write them: RFC 3339 for documents, "in 12s" for the eye, both ways."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal

from scheduler.durations import parse_duration

_CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?")
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def rfc3339(moment: datetime | None) -> str | None:
    """`moment` in UTC to the millisecond, "2026-11-21T12:00:00.000Z" (RFC 3339); None for None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(duration: timedelta | None) -> int | None:
    """Whole milliseconds; None for None."""
    return None if duration is None else round(duration / timedelta(milliseconds=1))


def relative(moment: datetime, now: datetime) -> str:
    """`moment` as seen from `now`: "now", "in 12s", "3m ago", with one unit, rounded down."""
    distance = moment - now
    if abs(distance) < _SECOND:
        return "now"
    whole = abs(distance) // _SECOND * _SECOND
    return f"in {rough(whole)}" if distance > timedelta(0) else f"{rough(whole)} ago"


def rough(duration: timedelta) -> str:
    """A duration at a glance: "250ms", "4.2s", "12s", "3m 20s", "5h 10m", "3d 4h"."""
    if duration < _SECOND:
        return f"{duration // timedelta(milliseconds=1)}ms"
    if duration < 10 * _SECOND:
        return f"{duration // timedelta(milliseconds=100) / 10:g}s"
    for unit, smaller, name, small_name in _STEPS:
        if duration >= unit:
            whole, rest = divmod(duration, unit)
            few = rest // smaller if whole < _FEW else 0
            return f"{whole}{name}" + (f" {few}{small_name}" if few else "")
    return f"{duration // _SECOND}s"


_FEW: Final = 10
_STEPS: Final = ((_DAY, _HOUR, "d", "h"), (_HOUR, _MINUTE, "h", "m"), (_MINUTE, _SECOND, "m", "s"))


def local(moment: datetime, zone: tzinfo | None, now: datetime) -> str:
    """`moment` on the wall clock of `zone` (None: this machine's), with the day where it is not today."""
    there, here = moment.astimezone(zone), now.astimezone(zone)
    clock = f"{there:%H:%M:%S}"
    if there.date() == here.date():
        return clock
    return f"{there:%a %d %b} {clock}" if there.year == here.year else f"{there:%Y-%m-%d} {clock}"


def parse_moment(
    text: str,
    *,
    now: datetime,
    zone: tzinfo | None,
    backwards: bool = False,
    clock: Literal["next", "last", "near"] | None = None,
) -> datetime:
    """The moment that a person means, in UTC.

    `2026-11-21T14:00Z`, `2026-11-21 14:00` and `2026-11-21` (in `zone`, None: this machine's), `14:00` (the
    next one, or the last where `backwards`; as `clock` says otherwise: `near` is today's, or yesterday's where that is
    nearer), `now`, and a duration from now: `10m`, `+10m`, `-10m`; without a sign it points into the future, or into
    the past where `backwards`. Raises ValueError, fit to be shown.
    """
    text = text.strip()
    if text == "now":
        return now
    if time := _CLOCK.fullmatch(text):
        which = clock or ("last" if backwards else "next")
        return _of_clock(time, text, now.astimezone(zone), which).astimezone(UTC)
    if re.match(r"\d{4}-", text):
        return _of_date(text, zone)
    sign = -1 if text.startswith("-") or (backwards and not text.startswith("+")) else 1
    try:
        return now + sign * parse_duration(text.lstrip("+-"))
    except (ValueError, OverflowError):
        raise _unclear(text) from None


def _of_date(text: str, zone: tzinfo | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _unclear(text) from None


def _of_clock(time: re.Match[str], text: str, here: datetime, which: str) -> datetime:
    try:
        today = here.replace(
            hour=int(time["hour"]),
            minute=int(time["minute"]),
            second=int(time["second"] or 0),
            microsecond=0,
        )
    except ValueError:
        raise _unclear(text) from None
    if today > here and (which == "last" or (which == "near" and today - here > _DAY / 2)):
        return today - _DAY
    return today + _DAY if which == "next" and today < here else today


def _unclear(text: str) -> ValueError:
    return ValueError(
        f'{text!r} is not a time; write "2026-11-21T14:00Z", "14:00" or a duration such as "10m"'
    )
