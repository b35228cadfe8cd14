"""Times as a test writes them, as moments in UTC."""

from datetime import UTC, date, datetime, tzinfo

from scheduler.cadences.wall_clock import stretch_at

When = str | date | datetime


def moment_of(when: When, zone: tzinfo) -> datetime:
    """The moment in UTC that is meant: a time without a zone is one of `zone`, a date its midnight there.

    A time that the clock of `zone` jumps over is the moment of the jump, as for a crontab; of one that comes twice the
    first is meant. Raises ValueError for text that is no ISO 8601.
    """
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            message = f'{when!r} is not a time; write "2026-03-28", "2026-03-28 02:30" or "2026-03-28T02:30Z"'
            raise ValueError(message) from None
    elif not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day)  # noqa: DTZ001 - the zone comes below
    if when.tzinfo is not None:
        return when.astimezone(UTC)
    moment = when.replace(tzinfo=zone).astimezone(UTC)
    is_shown = moment.astimezone(zone).replace(tzinfo=None) == when
    return moment if is_shown else stretch_at(zone, moment).start_at


def span_of(between: tuple[When, When], zone: tzinfo) -> tuple[datetime, datetime]:
    """Both ends in UTC. Raises ValueError where the second is not later than the first."""
    start, end = (moment_of(when, zone) for when in between)
    if end <= start:
        raise ValueError(f"nothing lies between {between[0]} and {between[1]}: the second must be later")
    return start, end
