"""Retry policies: the waits, which errors are tried again, and how a policy is read and written."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.retry import BACKOFFS, RetryPolicy, error_names, retry_value

SECOND = timedelta(seconds=1)


class FlakyUpstream(ConnectionError):
    pass


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [
        ("exponential", [10, 20, 40, 60, 60]),
        ("linear", [10, 20, 30, 40, 50]),
        ("fixed", [10, 10, 10, 10, 10]),
    ],
)
def test_the_wait_grows_as_the_backoff_says(backoff: Any, seconds: list[int]) -> None:
    policy = RetryPolicy(max_attempts=9, backoff=backoff, initial=10 * SECOND, maximum=60 * SECOND)
    assert [policy.delay(attempt, 0) / SECOND for attempt in range(1, 6)] == seconds


def test_jitter_shortens_the_wait_by_up_to_its_share() -> None:
    policy = RetryPolicy(initial=100 * SECOND, jitter=0.2)
    assert policy.delay(1, 0.5) == 90 * SECOND


@given(
    st.builds(
        RetryPolicy,
        backoff=st.sampled_from(BACKOFFS),
        initial=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_500)),
        maximum=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_500)),
        jitter=st.floats(0, 1),
    ),
    st.integers(1, 1_000),
    st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_never_negative_nor_longer_than_the_longest(
    policy: RetryPolicy, attempt: int, chance: float
) -> None:
    assert timedelta(0) <= policy.delay(attempt, chance) <= policy.maximum


def test_by_default_a_run_has_one_attempt() -> None:
    assert not RetryPolicy().allows(1, error_names(ValueError()))


def test_attempts_end_at_the_limit() -> None:
    policy = RetryPolicy(max_attempts=3)
    assert [policy.allows(attempt, ["ValueError"]) for attempt in (1, 2, 3, 4)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("on", "give_up_on", "allowed"),
    [
        ((), (), True),
        (("ConnectionError",), (), True),
        (("builtins.OSError",), (), True),
        (("ValueError",), (), False),
        ((), ("OSError",), False),
        ((), ("ValueError",), True),
        (("ConnectionError",), ("OSError",), True),
        (("OSError",), ("ConnectionError",), False),
        (("ConnectionError",), ("ConnectionError",), False),
    ],
)
def test_the_more_special_name_decides(
    on: tuple[str, ...], give_up_on: tuple[str, ...], *, allowed: bool
) -> None:
    policy = RetryPolicy(max_attempts=2, on=on, give_up_on=give_up_on)
    assert policy.allows(1, error_names(FlakyUpstream())) is allowed


def test_an_error_goes_by_its_own_name_and_those_above_it() -> None:
    names = error_names(FlakyUpstream())
    assert names[1] == "FlakyUpstream"
    assert names[2:4] == ("builtins.ConnectionError", "ConnectionError")
    assert "object" not in names


def test_a_policy_reads_the_keys_that_users_write() -> None:
    policy = RetryPolicy.from_json(
        {
            "max_attempts": 5,
            "initial": "5s",
            "max": "1h",
            "on": ["OSError", TimeoutError],
            "give_up_on": [FlakyUpstream],
        }
    )
    assert policy == RetryPolicy(
        max_attempts=5,
        initial=5 * SECOND,
        maximum=timedelta(hours=1),
        on=("OSError", "TimeoutError"),
        give_up_on=(f"{__name__}.FlakyUpstream",),
    )


def test_a_policy_survives_the_store() -> None:
    policy = RetryPolicy(
        max_attempts=4,
        backoff="linear",
        initial=3 * SECOND,
        maximum=9 * SECOND,
        jitter=0.5,
        on=("A",),
        on_lost=False,
    )
    assert RetryPolicy.from_json(policy.to_json()) == policy
    assert RetryPolicy().to_json() == {}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("max_attempts", 0, "max_attempts: 0 attempts would never run; 1 means no retry"),
        ("max_attempts", "3", "max_attempts: '3' is not a whole number"),
        ("max_attempts", True, "max_attempts: true is not a whole number"),
        ("max_attempts", 5_000, "max_attempts: 5000 is more than 1000, the most"),
        ("max_atempts", 3, "unknown key 'max_atempts'; did you mean 'max_attempts'?"),
        (
            "backoff",
            "exponental",
            "backoff: 'exponental' is not one of exponential, fixed, linear; did you mean 'exponential'?",
        ),
        ("initial", "soon", 'initial: \'soon\' is not a duration; write "90s", "1h30m", "2d" or "250ms"'),
        ("jitter", 10, "jitter: 10 is not a number from 0 to 1; it is a share of the wait"),
        ("on", "ValueError", "on: 'ValueError' is not a list; write [\"ValueError\"]"),
        ("on", {}, 'on: {} is not a list of exceptions, such as ["ConnectionError"]'),
        (
            "give_up_on",
            ["nil?"],
            "give_up_on: 'nil?' is not the name of an exception, such as \"httpx.HTTPError\"",
        ),
        ("on_lost", 1, "on_lost: 1 is not true or false"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        retry_value(key, value)
    assert str(refusal.value) == message


def test_a_first_wait_beyond_the_longest_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"retry: initial is 1h and max is 10m; the first wait can't be longer"
    ):
        RetryPolicy.from_json({"initial": "1h"})
