"""The right to one attempt of a run, and how it ended. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.retry import RetryPolicy
from scheduler.run import Call, Run, RunState
from scheduler.secrecy import hidden

# How the errors of attempts begin that something else than their job ended.
WORKER_LOST: Final = "worker lost"
TOO_LONG: Final = {
    "soft": "SoftTimeLimitExceeded: the job took longer than its soft_timeout",
    "hard": "TimeLimitExceeded: the job took longer than its timeout",
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """The right to one attempt, and all that is needed to carry it out."""

    run: Run
    call: Call
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """No right: the message came twice, late or for nothing. `why` says which; `early`: the attempt before goes on.

    `expired`: it came too late for the first start, and the run has ended with it. `until`: its entry's rate limit lets
    it start no sooner, and another message will come then.
    """

    why: str
    early: bool = False
    expired: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended. `wait` is the time to the next attempt, for `retrying`."""

    state: RunState
    error: str | None = None
    traceback: str | None = None
    reason: str | None = None
    result: Any = None
    wait: timedelta = timedelta(0)

    def without(self, secrets: frozenset[str]) -> "Ending":
        """The same, with these values masked, and what stands under the name of a secret in the result."""
        return replace(
            self,
            error=hidden(self.error, secrets),
            traceback=hidden(self.traceback, secrets),
            reason=hidden(self.reason, secrets),
            result=hidden(self.result, secrets),
        )


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Who asked to cancel a run, and why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The attempt's end is on record. `cancelled`: it failed after somebody had asked for that.

    `followed`: entries may follow on the run.
    """

    finished_at: datetime
    retry_at: datetime | None
    cancelled: Cancellation | None = None
    followed: bool = False


@dataclass(frozen=True, slots=True)
class Fenced:
    """The run had been given away; what the attempt came to does not count."""

    state: str
    attempt: int


def after_loss(policy: RetryPolicy, attempt: int, chance: float) -> tuple[RunState, timedelta]:
    """The state that a lost run goes to, and the wait before its next attempt.

    `chance` in [0, 1) places the wait within the policy's jitter. A run is tried again only where the policy has
    `on_lost` and attempts left.
    """
    if policy.on_lost and attempt < policy.max_attempts:
        return RunState.RETRYING, policy.delay(attempt, chance)
    return RunState.FAILED, timedelta(0)
