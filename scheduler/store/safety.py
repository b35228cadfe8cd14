"""Whether the server keeps what it is told: said by `onbeat doctor`, and by every beat that starts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from scheduler.store.server import ServerFacts

Level = Literal["ok", "warning", "error"]

FULL: Final = 0.9


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check-up. `mend` says what to do, where there is something to do."""

    check: str
    level: Level
    text: str
    mend: str | None = None


def facts_findings(facts: ServerFacts) -> Iterator[Finding]:
    """Whether the server keeps what it is told."""
    if facts.replica:
        yield Finding(
            "server",
            "error",
            "it is a replica, which takes no writes",
            "point ONBEAT_REDIS_URL at the primary",
        )
    if facts.write_failing:
        yield Finding("persistence", "error", "its last write to disk failed", "look at its log and its disk")
    elif facts.append_only is False:
        mend = "set `appendonly yes`: after a crash, runs since the last snapshot are forgotten or done again"
        yield Finding("persistence", "warning", "append-only persistence is off", mend)
    elif facts.append_only:
        yield Finding("persistence", "ok", "append-only persistence is on")
    if facts.eviction_policy is not None and facts.eviction_policy != "noeviction":
        text = f"maxmemory-policy is {facts.eviction_policy}: it may throw entries and runs away"
        yield Finding(
            "eviction", "error" if facts.max_memory else "warning", text, "set `maxmemory-policy noeviction`"
        )
    elif facts.eviction_policy is not None:
        yield Finding("eviction", "ok", "maxmemory-policy is noeviction")
    if facts.max_memory and facts.used_memory > facts.max_memory * FULL:
        share = facts.used_memory / facts.max_memory
        yield Finding(
            "memory", "warning", f"{share:.0%} of maxmemory is used", "raise maxmemory, or keep fewer runs"
        )
