"""What can become of a tick: a closed list, and the compact form in which the ledger keeps it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Disposition(StrEnum):
    """Each tick of each enabled entry gets exactly one of these."""

    DISPATCHED = "dispatched"
    SKIPPED_OVERLAP = "skipped_overlap"
    SKIPPED_CALENDAR = "skipped_calendar"
    SKIPPED_PAUSED = "skipped_paused"
    SKIPPED_DEADLINE = "skipped_deadline"
    COALESCED = "coalesced"


SKIPPED = frozenset(
    {
        Disposition.SKIPPED_OVERLAP,
        Disposition.SKIPPED_CALENDAR,
        Disposition.SKIPPED_PAUSED,
        Disposition.SKIPPED_DEADLINE,
    }
)


@dataclass(frozen=True, slots=True)
class TickRange:
    """`count` ticks of one entry that share a disposition, from `first_at` to `last_at`, both in it.

    They are neighbours, unless the range is `scattered`: then ticks between them have another disposition.
    """

    disposition: Disposition
    first_at: datetime
    last_at: datetime
    count: int
    reason: str | None = None
    scattered: bool = False
