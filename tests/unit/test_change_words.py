"""What becomes of a schedule at a change of the clock, in a sentence."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.foresight.change_words import at_change
from scheduler.foresight.explanation import clock_changes
from scheduler.schedule import Crontab, Crontabs, Interval, Later, Schedule

BERLIN = "Europe/Berlin"
SPRING, AUTUMN = clock_changes(ZoneInfo(BERLIN), datetime(2026, 11, 21, tzinfo=UTC))
UNAFFECTED = "None of its times is affected."


def nightly(gap: str = "shift", fold: str = "first", crontab: str = "30 2 * * *") -> Crontab:
    return Crontab(crontab, BERLIN, dst_gap=gap, dst_fold=fold)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schedule", "spring", "autumn"),
    [
        (
            nightly(),
            "02:30 does not exist: the tick is at 03:00 instead.",
            "02:30 comes twice: the first time is the tick.",
        ),
        (
            nightly("skip", "second"),
            "02:30 does not exist: there is no tick.",
            "02:30 comes twice: the second time is the tick.",
        ),
        (
            nightly(fold="both", crontab="0,15,20,25,30 2 * * *"),
            "02:00, 02:15, 02:20 and 2 more do not exist: the tick is at 03:00 instead.",
            "02:00, 02:15, 02:20 and 2 more come twice: both are ticks.",
        ),
        (
            Later(nightly(), timedelta(hours=1), "a"),
            "02:30 does not exist: the tick is at 03:00 instead.",
            None,
        ),
        (nightly(crontab="0 4 * * *"), UNAFFECTED, UNAFFECTED),
        (nightly(crontab="30 2 * * mon"), UNAFFECTED, UNAFFECTED),
        (Interval(timedelta(hours=1)), UNAFFECTED, UNAFFECTED),
        (
            Crontabs((nightly(), nightly(crontab="*/5 * * * *"))),
            "02:30 does not exist: the tick is at 03:00 instead. What repeats within the hour follows real time.",
            None,
        ),
    ],
)
def test_a_change_is_explained_by_the_times_that_it_touches(
    schedule: Schedule, spring: str, autumn: str | None
) -> None:
    assert at_change(schedule, SPRING) == spring
    if autumn is not None:
        assert at_change(schedule, AUTUMN) == autumn
