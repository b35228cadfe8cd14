"""What an attempt came to: from the exception that left the job to the end that goes on record. Pure."""

import asyncio
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from scheduler.attempt import TOO_LONG, Ending
from scheduler.durations import format_duration
from scheduler.job import Abort, Retry, Skip
from scheduler.retry import RetryPolicy
from scheduler.run import RunState

MAX_RESULT_BYTES: Final = 16_384
MAX_ERROR: Final = 8_192  # characters of an error's message; a traceback is cut where it is kept

_OWN_FOLDERS: Final = (str(Path(__file__).parent), str(Path(asyncio.__file__).parent))


def succeeded(result: Any, result_json: str | None) -> Ending:
    """The end of an attempt whose job returned. `result_json` None: the result is no JSON, or too large to keep."""
    if result is None:
        return Ending(state=RunState.SUCCEEDED)
    if result_json is None or len(result_json.encode()) > MAX_RESULT_BYTES:
        return Ending(state=RunState.SUCCEEDED, result=_cut(_shown(result)), reason="result kept as text")
    return Ending(state=RunState.SUCCEEDED, result=result)


def _shown(result: Any) -> str:
    try:
        return repr(result)
    except Exception:  # noqa: BLE001 - the job's own class; that the job succeeded must not depend on it
        return f"<{type(result).__module__}.{type(result).__qualname__} whose repr fails>"


def _cut(text: str, most: int = MAX_RESULT_BYTES // 4) -> str:
    return text if len(text) <= most else text[:most] + "…"


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that left a job, as text, with the names that a retry policy may mention."""

    error: str
    traceback: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """The failure that `error` is; the frames of Onbeat and Celery above the job's own are left out."""
        text = _message(error)
        name = type(error).__name__
        return cls(f"{name}: {text}" if text else name, trace_of(error), names_of(type(error)))


def _message(error: BaseException) -> str:
    try:
        return _cut(str(error), MAX_ERROR)
    except Exception:  # noqa: BLE001 - an exception whose own message fails is a failure like any other
        return "(its message can't be read)"


def names_of(error: type[BaseException]) -> tuple[str, ...]:
    """The dotted and the bare names of an exception's classes, the most special first."""
    names: list[str] = []
    for each in error.__mro__[:-1]:
        names += [f"{each.__module__}.{each.__qualname__}", each.__qualname__]
    return tuple(names)


def trace_of(error: BaseException) -> str:
    """The traceback from the job's own first frame on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and _ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _ours(filename: str) -> bool:
    return filename.startswith(_OWN_FOLDERS)


def too_long(limit: timedelta) -> Failure:
    """The failure of a job that its hard limit ended."""
    names = ("onbeat.TimeLimitExceeded", "TimeLimitExceeded", "builtins.TimeoutError", "TimeoutError")
    text = f"{TOO_LONG['hard']} of {format_duration(limit)}"
    return Failure(text, "", names)


def failed(failure: Failure, policy: RetryPolicy, attempt: int, chance: float) -> Ending:
    """The end of an attempt that failed: another one follows where `policy` allows it for this error."""
    if not policy.allows(attempt, failure.names):
        return Ending(
            state=RunState.FAILED,
            error=failure.error,
            traceback=failure.traceback,
            reason=_why_no_more(failure, policy, attempt),
        )
    wait = policy.delay(attempt, chance)
    return Ending(state=RunState.RETRYING, error=failure.error, traceback=failure.traceback, wait=wait)


def _why_no_more(failure: Failure, policy: RetryPolicy, attempt: int) -> str | None:
    if policy.max_attempts == 1:
        return None
    if attempt >= policy.max_attempts:
        return f"all {policy.max_attempts} attempts used"
    return f"the retry policy does not retry {failure.names[1] if failure.names else failure.error}"


def asked_for(asked: Retry | Skip | Abort, policy: RetryPolicy, attempt: int, chance: float) -> Ending:
    """The end that a job asked for by raising Retry, Skip or Abort."""
    text = _message(asked)
    if isinstance(asked, Skip):
        return Ending(state=RunState.SKIPPED, reason=text or "the job had nothing to do")
    if isinstance(asked, Abort):
        return Ending(
            state=RunState.FAILED,
            error=text or "Abort",
            traceback=trace_of(asked),
            reason="the job asked for no retry",
        )
    if attempt >= policy.max_attempts:
        only = "the job asked for a retry, and retry.max_attempts is 1"
        reason = only if policy.max_attempts == 1 else f"all {policy.max_attempts} attempts used"
        return Ending(state=RunState.FAILED, error=text, traceback=trace_of(asked), reason=reason)
    wait = policy.delay(attempt, chance) if asked.after is None else max(asked.after, timedelta(0))
    return Ending(state=RunState.RETRYING, error=text, traceback=trace_of(asked), wait=wait)
