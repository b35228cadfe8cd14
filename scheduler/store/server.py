"""What the server says of itself, as far as it matters to what is kept in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.store.connection import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The server's name and version, and whether it keeps what it is told. `None`: it did not say."""

    name: str
    version: str
    append_only: bool | None
    write_failing: bool
    eviction_policy: str | None
    max_memory: int
    used_memory: int
    replica: bool


def server_facts(client: Client) -> ServerFacts:
    """Ask the server. Raises Unreachable where it does not answer or does not let us ask (INFO)."""
    info: Mapping[str, Any] = client.info()
    name = "Valkey" if info.get("server_name") == "valkey" or "valkey_version" in info else "Redis"
    last_write = (info.get("aof_last_write_status", "ok"), info.get("rdb_last_bgsave_status", "ok"))
    return ServerFacts(
        name=name,
        version=str(info.get("valkey_version") or info.get("redis_version") or "?"),
        append_only=None if "aof_enabled" not in info else bool(int(info["aof_enabled"])),
        write_failing=any(status != "ok" for status in last_write),
        eviction_policy=info.get("maxmemory_policy"),
        max_memory=int(info.get("maxmemory", 0)),
        used_memory=int(info.get("used_memory", 0)),
        replica=info.get("role") == "slave",
    )
