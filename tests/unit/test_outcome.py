"""How an attempt ended, from what its job returned or raised."""

from datetime import timedelta

import pytest

from scheduler.attempt import after_loss
from scheduler.job import Abort, Retry, Skip
from scheduler.retry import RetryPolicy
from scheduler.run import RunState
from scheduler.worker.outcome import Failure, asked_for, failed, succeeded

THREE = RetryPolicy(max_attempts=3, backoff="fixed", initial=timedelta(seconds=10), jitter=0.0)


def failure(error: BaseException) -> Failure:
    try:
        raise error
    except type(error) as raised:
        return Failure.of(raised)


def test_a_result_that_is_json_is_kept_as_it_is() -> None:
    assert succeeded({"rows": 1}, '{"rows": 1}').result == {"rows": 1}


def test_a_result_that_is_no_json_is_kept_as_text() -> None:
    ending = succeeded(object, None)
    assert ending.result == "<class 'object'>"
    assert ending.reason == "result kept as text"


def test_a_huge_result_is_cut() -> None:
    text = "x" * 100_000
    ending = succeeded(text, f'"{text}"')
    assert len(ending.result) < 5_000
    assert ending.result.endswith("…")


def test_an_error_is_retried_while_attempts_are_left() -> None:
    ending = failed(failure(OSError("no route")), THREE, 2, 0.5)
    assert (ending.state, ending.wait) == (RunState.RETRYING, timedelta(seconds=10))
    assert ending.error == "OSError: no route"
    assert ending.traceback is not None
    assert ending.traceback.endswith("OSError: no route")


def test_the_last_attempt_fails_and_says_that_all_are_used() -> None:
    ending = failed(failure(OSError("no route")), THREE, 3, 0.5)
    assert (ending.state, ending.reason) == (RunState.FAILED, "all 3 attempts used")


def test_an_error_that_the_policy_gives_up_on_is_not_retried() -> None:
    policy = RetryPolicy(max_attempts=3, give_up_on=("ValueError",))
    ending = failed(failure(UnicodeError("x")), policy, 1, 0.5)
    assert (ending.state, ending.reason) == (RunState.FAILED, "the retry policy does not retry UnicodeError")


def test_without_a_policy_a_failure_needs_no_reason() -> None:
    assert failed(failure(OSError("x")), RetryPolicy(), 1, 0.5).reason is None


def test_skip_ends_the_run_as_skipped() -> None:
    ending = asked_for(Skip("nothing to do"), THREE, 1, 0.5)
    assert (ending.state, ending.reason, ending.error) == (RunState.SKIPPED, "nothing to do", None)


def test_abort_fails_though_attempts_are_left() -> None:
    ending = asked_for(Abort("bad invoice"), THREE, 1, 0.5)
    assert (ending.state, ending.error) == (RunState.FAILED, "bad invoice")


def test_retry_after_overrides_the_wait_but_not_the_number_of_attempts() -> None:
    asked = Retry("rate limited", after="5m")
    assert asked_for(asked, THREE, 2, 0.5).wait == timedelta(minutes=5)
    assert asked_for(asked, THREE, 3, 0.5).state is RunState.FAILED


@pytest.mark.parametrize(
    ("policy", "attempt", "state"),
    [
        (RetryPolicy(), 1, RunState.FAILED),
        (THREE, 1, RunState.RETRYING),
        (THREE, 3, RunState.FAILED),
        (RetryPolicy(max_attempts=3, on_lost=False), 1, RunState.FAILED),
    ],
)
def test_a_lost_run_is_retried_by_its_policy(policy: RetryPolicy, attempt: int, state: RunState) -> None:
    assert after_loss(policy, attempt, 0.5)[0] is state
