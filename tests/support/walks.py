"""The ticks of whatever names times on the wall, by walking through every minute or second of some days."""

# ruff: noqa: DTZ001 - times on the wall have no zone

import functools
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Protocol
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Repeating(Protocol):
    """What is walked for: a crontab or a rule with its meaning, one time on the wall at a time."""

    @property
    def follows_real_time(self) -> bool: ...

    def matches(self, wall: datetime) -> bool: ...


# Days on which the clock changes, many of them the first or the last of their kind in the month.
CHANGES = [
    ("Europe/Berlin", datetime(2024, 3, 31, 1)),  # the last day, a Sunday, the fifth and the last of them
    ("Europe/Berlin", datetime(2025, 10, 26, 1)),
    ("Europe/Berlin", datetime(2026, 3, 29, 1)),
    ("America/New_York", datetime(2026, 11, 1, 6)),  # the first, a Sunday: the weekday nearest is the 2nd
    ("America/New_York", datetime(2027, 3, 14, 7)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30)),  # half an hour
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15)),
    ("Africa/Casablanca", datetime(2026, 3, 22, 2)),
    ("Africa/Cairo", datetime(2026, 4, 23, 22)),  # at midnight, the last Friday begins
    ("Africa/Cairo", datetime(2026, 10, 29, 21)),  # back at midnight: the last Thursday ends twice
    ("Pacific/Apia", datetime(2011, 12, 30, 10)),  # a Friday, the last of its month, that never was
    ("Asia/Seoul", datetime(2028, 2, 28, 15)),
]


@functools.cache
def steps_around(
    zone: str, moment: datetime, reach: timedelta, step: timedelta
) -> list[tuple[datetime, datetime]]:
    start = moment.replace(tzinfo=UTC) - reach
    moments = [start + step * index for index in range(2 * reach // step)]
    return [(moment, moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for moment in moments]


def ticks_by_walking(
    cron: Repeating,
    walk: list[tuple[datetime, datetime]],
    step: timedelta,
    gap: str = "shift",
    fold: str = "first",
) -> list[datetime]:
    """Real time: each moment that matches. Times of day: those that were jumped over come at the jump, unless they are
    skipped; of a time that comes twice the first, the second or both count.
    """
    if cron.follows_real_time:
        return [moment for moment, wall in walk if cron.matches(wall)]
    latest_before = accumulate([walk[0][1] - step, *(wall for _, wall in walk)], max)
    earliest_after = list(accumulate([walk[-1][1] + step, *(wall for _, wall in reversed(walk))], min))[
        -2::-1
    ]
    ticks = []
    shown = walk[0][1] - step
    for (moment, wall), before, after in zip(walk, latest_before, earliest_after, strict=False):
        counts = {"first": wall > before, "second": wall < after, "both": True}[fold]
        jumped = (
            (shown + step * index for index in range(1, (wall - shown) // step)) if gap == "shift" else ()
        )
        if (counts and cron.matches(wall)) or any(cron.matches(each) for each in jumped):
            ticks.append(moment)
        shown = wall
    return ticks
