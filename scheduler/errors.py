"""Every error that Onbeat raises on purpose, and the exit code that each one means.

    OnbeatError                 1
    ├── UsageProblem            2   the command was used wrongly
    ├── InvalidSchedules        3   schedules.toml can't be used; carries its problems
    ├── InvalidSettings         3   a setting can't be used
    ├── Unreachable             4   the store or the broker does not answer
    ├── NotFound                5   no such entry or run
    └── RunFailed               1   a run that was waited for did not succeed

A message says what and where; `hint` says what to do next.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scheduler.problem import Problem


class OnbeatError(Exception):
    """An error for a person to read: `str(error)` says what and where, `error.hint` what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageProblem(OnbeatError):
    """A command was given something that it can't act on."""

    exit_code = 2


class InvalidSchedules(OnbeatError):
    """The schedules can't be used. `problems` holds every one that was found, in the file's order."""

    exit_code = 3

    def __init__(self, message: str, *, problems: Sequence["Problem"] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class InvalidSettings(OnbeatError):
    """A setting is missing or wrong; the message names it, its value masked where it is secret."""

    exit_code = 3


class Unreachable(OnbeatError):
    """The store or the broker does not answer, or refuses us."""

    exit_code = 4


class NotFound(OnbeatError):
    """There is no entry, run or file of that name."""

    exit_code = 5


class RunFailed(OnbeatError):
    """A run that the command waited for ended otherwise than well."""

    exit_code = 1
