"""When a process of the tree is started again, and when there is no point. Pure: the time is an argument."""

from dataclasses import dataclass, field
from enum import Enum

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
QUICK_S = 10.0
QUICK_FAILURES = 5

# Wrong use, invalid schedules or settings, a store that refuses the password (scheduler/errors.py; one that is out
# of reach is waited for): the next start would end the same way.
_HOPELESS_CODES = frozenset({2, 3, 4})


class Verdict(Enum):
    """What to do about a process that ended."""

    RESTART = "restart"
    GIVE_UP = "give up"


@dataclass(slots=True)
class Pauses:
    """
    The restarts of one process: pauses of 0.5 s doubling to 30 s, and 0.5 s again after a minute of health.

    It can't start, so that all is given up, when it ends within 10 s of its start with an exit code that says so,
    or five times in a row with any.
    """

    _pause_s: float = field(default=FIRST_PAUSE_S)
    _quick_failures: int = 0

    def after(self, exit_code: int, lived_s: float) -> tuple[Verdict, float]:
        """The verdict on a process that ended, and how many seconds to wait before its next start."""
        if lived_s >= HEALTHY_AFTER_S:
            self._pause_s = FIRST_PAUSE_S
        quick = lived_s < QUICK_S
        self._quick_failures = self._quick_failures + 1 if quick else 0
        if quick and (exit_code in _HOPELESS_CODES or self._quick_failures >= QUICK_FAILURES):
            return Verdict.GIVE_UP, 0.0
        pause_s = self._pause_s
        self._pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        return Verdict.RESTART, pause_s
