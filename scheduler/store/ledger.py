"""The ledger: how many ticks were expected, and what became of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from scheduler.disposition import SKIPPED, Disposition, TickRange
from scheduler.epoch import milliseconds, moment
from scheduler.store.connection import Client
from scheduler.store.keys import Keys

MOST_RANGES: Final = 200  # kept of each entry


@dataclass(frozen=True, slots=True)
class Counts:
    """Ticks expected so far, and by disposition."""

    expected: int
    by_disposition: Mapping[Disposition, int]

    @property
    def dispatched(self) -> int:
        """Ticks that became runs."""
        return self.by_disposition.get(Disposition.DISPATCHED, 0)

    @property
    def coalesced(self) -> int:
        """Missed ticks that were folded into a later one."""
        return self.by_disposition.get(Disposition.COALESCED, 0)

    @property
    def skipped(self) -> int:
        """Ticks left out for any other reason."""
        return sum(self.by_disposition.get(each, 0) for each in SKIPPED)

    @property
    def unaccounted(self) -> int:
        """Ticks without a disposition: 0, or something is wrong."""
        return self.expected - sum(self.by_disposition.values())


class Ledger:
    """The counts of all entries and of each, and the ticks that were left out."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys

    def totals(self) -> Counts:
        """The counts over all entries, those that were removed included."""
        return _counts(self._client.hgetall(self._keys.ledger()))

    def of(self, entries: Iterable[str]) -> dict[str, Counts]:
        """The counts of each of these entries."""
        names = list(entries)
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.hgetall(self._keys.ledger(name))
        return {name: _counts(fields) for name, fields in zip(names, pipeline.execute(), strict=True)}

    def left_out(self, entry: str, limit: int = MOST_RANGES) -> list[TickRange]:
        """The ticks of `entry` that were left out, newest first."""
        return [range_of(text) for text in self._client.lrange(self._keys.ticks(entry), 0, limit - 1)]


def _counts(fields: Mapping[str, str]) -> Counts:
    return Counts(
        int(fields.get("expected", 0)), {each: int(fields[each]) for each in Disposition if each in fields}
    )


def range_json(some: TickRange, now: datetime) -> str:
    """A range of ticks that were left out, decided at `now`, as the ledger keeps it."""
    document: dict[str, Any] = {
        "disposition": some.disposition,
        "first": milliseconds(some.first_at),
        "last": milliseconds(some.last_at),
        "count": some.count,
        "reason": some.reason,
        "decided": milliseconds(now),
    }
    if some.scattered:
        document["scattered"] = True
    return json.dumps(document)


def range_of(text: str) -> TickRange:
    """The range that `range_json` wrote."""
    document = json.loads(text)
    return TickRange(
        Disposition(document["disposition"]),
        moment(document["first"]),
        moment(document["last"]),
        document["count"],
        document.get("reason"),
        document.get("scattered", False),
    )
