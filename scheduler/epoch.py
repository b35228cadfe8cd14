"""How moments are written in Redis: whole milliseconds since the epoch."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded to the nearest."""
    return round((moment - _EPOCH) / timedelta(milliseconds=1))


def moment(milliseconds: str | float) -> datetime:
    """The aware UTC datetime of so many milliseconds since the epoch."""
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def moment_or_none(milliseconds: int | str | None) -> datetime | None:
    """`moment`, or None for None and for the empty string."""
    return None if milliseconds in (None, "") else moment(milliseconds)


def score(at: datetime | None) -> str:
    """The score of a due time in RedBeat's zset: seconds to the millisecond, or -1 for never."""
    return "-1" if at is None else f"{milliseconds(at) / 1000:.3f}"


def moment_of_score(score: float | str) -> datetime | None:
    """The due time that a score stands for, or None for a parked entry."""
    seconds = float(score)
    return None if seconds < 0 else moment(round(seconds * 1000))
