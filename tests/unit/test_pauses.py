"""Restarts wait longer and longer, and end where they are hopeless."""

import pytest

from scheduler.up.pauses import Pauses, Verdict


def test_pauses_double_up_to_half_a_minute() -> None:
    pauses = Pauses()
    waits = [pauses.after(1, lived_s=20.0) for _ in range(9)]
    assert {verdict for verdict, _ in waits} == {Verdict.RESTART}
    assert [wait for _, wait in waits] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_minute_of_health_begins_anew() -> None:
    pauses = Pauses()
    for _ in range(4):
        pauses.after(1, lived_s=20.0)
    assert pauses.after(-9, lived_s=60.0) == (Verdict.RESTART, 0.5)
    assert pauses.after(-9, lived_s=20.0) == (Verdict.RESTART, 1)


@pytest.mark.parametrize("code", [2, 3, 4])
def test_wrong_use_schedules_settings_or_password_are_hopeless_at_once(code: int) -> None:
    assert Pauses().after(code, lived_s=1.0) == (Verdict.GIVE_UP, 0.0)
    assert Pauses().after(code, lived_s=11.0) == (Verdict.RESTART, 0.5)


def test_five_quick_failures_in_a_row_are_enough() -> None:
    pauses = Pauses()
    for _ in range(4):
        assert pauses.after(1, lived_s=1.0)[0] is Verdict.RESTART
    assert pauses.after(1, lived_s=1.0)[0] is Verdict.GIVE_UP


def test_a_longer_life_in_between_forgives() -> None:
    pauses = Pauses()
    for _ in range(4):
        pauses.after(1, lived_s=1.0)
    assert pauses.after(1, lived_s=12.0)[0] is Verdict.RESTART
    assert pauses.after(1, lived_s=1.0)[0] is Verdict.RESTART
