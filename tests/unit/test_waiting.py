import pytest

from tests.support.waiting import eventually, never


def test_eventually_returns_the_first_true_value() -> None:
    answers = iter([None, "", "found", "later"])
    assert eventually(lambda: next(answers), within=5, every=0) == "found"


def test_eventually_takes_an_assertion_for_not_yet() -> None:
    seen = []

    def third_time() -> bool:
        seen.append(1)
        assert len(seen) == 3
        return True

    assert eventually(third_time, within=5, every=0)


def test_eventually_shows_the_last_assertion_when_the_time_is_up() -> None:
    def refused() -> bool:
        raise AssertionError("the reason")

    with pytest.raises(AssertionError, match="the reason"):
        eventually(refused, within=0)


def test_eventually_says_what_it_waited_for() -> None:
    with pytest.raises(AssertionError, match=r"not within 0 s: a reply"):
        eventually(lambda: False, within=0, what="a reply")


def test_eventually_lets_other_errors_through_at_once() -> None:
    def broken() -> bool:
        raise KeyError("x")

    with pytest.raises(KeyError):
        eventually(broken, within=60)


def test_never_fails_as_soon_as_the_check_is_true() -> None:
    with pytest.raises(AssertionError, match="a second start came true"):
        never(lambda: True, during=60, what="a second start")


def test_never_passes_when_the_check_stays_false() -> None:
    never(lambda: False, during=0.05, every=0.01)
