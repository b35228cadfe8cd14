"""What a worker has in hand."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """An attempt that a child of this worker has in hand: one for each message, and messages come twice."""

    run_id: str
    attempt: int
    pid: int
