"""When a beat says that the server's clock was set, and when it must not."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.beat.clock_watch import ClockWatch

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "went", "answered", "step"),
    [
        (10.0, 10.0, 10.1, None),
        (10.0, 10.9, 10.1, None),
        (10.0, 3610.1, 10.1, 3600.0),
        (10.0, -3590.1, 10.1, -3600.0),
        (10.0, 70.0, 70.1, None),  # frozen while it waited for the answer
        (70.0, 70.0, 70.1, None),  # frozen between two turns
    ],
)
def test_a_step_is_what_the_time_between_two_answers_can_not_explain(
    asked: float, went: float, answered: float, step: float | None
) -> None:
    watch = ClockWatch()
    assert watch.step(-0.1, NOW, 0.0) is None
    found = watch.step(asked, NOW + timedelta(seconds=went), answered)
    assert (found and round(found.total_seconds())) == step


def test_a_step_is_said_once() -> None:
    watch = ClockWatch()
    watch.step(0, NOW, 0)
    assert watch.step(1, NOW + timedelta(hours=1), 1) is not None
    assert watch.step(2, NOW + timedelta(hours=1, seconds=1), 2) is None
