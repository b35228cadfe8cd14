"""Whether a beat or a worker of this machine does its work: what probes ask, answered from the store.

A process signs in after each turn that it ended. So a "yes" means that turns end and that the store answers,
not just that a process exists. Times are the store's: a wrong clock here changes nothing.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from scheduler.timestamps import rough

if TYPE_CHECKING:
    from scheduler.store.presence import Sign

KIND_OF: Final[Mapping[str, Literal["beats", "workers"]]] = {"beat": "beats", "worker": "workers"}
PATIENCE_S: Final = 0.35


@dataclass(frozen=True, slots=True)
class Health:
    """`well`, and one line that says why."""

    well: bool
    why: str

    def to_json(self, part: str) -> dict[str, object]:
        """The fields of `onbeat health --json`."""
        return {"part": part, "well": self.well, "why": self.why}


def health_of(
    part: str, signs: "Mapping[str, Sign]", *, host: str, now: datetime, max_age: timedelta
) -> Health:
    """The health of `host`'s `part`: well where the newest sign of any of them is at most `max_age` old."""
    here = [sign for sign in signs.values() if sign.about.get("host") == host]
    if not here:
        elsewhere = f"; {len(signs)} on other hosts" if signs else ""
        return Health(well=False, why=f"no {part} of this host ({host}) has signed in{elsewhere}")
    newest = max(here, key=lambda sign: sign.seen_at)
    age = max(now - newest.seen_at, timedelta(0))
    ended = f"{newest.id} ended its last turn {rough(age)} ago"
    if age > max_age:
        return Health(well=False, why=f"{ended}; at most {rough(max_age)} is well")
    return Health(well=True, why=ended)


def ask(part: str, *, max_age: timedelta, host: str | None = None) -> Health:
    """Ask the store for the health of this machine's `part`.

    Raises InvalidSettings and, within a second, Unreachable.
    """
    if part not in KIND_OF:
        return Health(well=False, why=f"the {part} part does not exist in this version")
    # Imported here: the store costs more than all the rest, and "no server is configured" needs none.
    from scheduler.settings import load_settings, with_server

    settings = with_server(load_settings())
    from scheduler.store.connection import connect
    from scheduler.store.keys import Keys
    from scheduler.store.presence import Presence
    from scheduler.store.scripts import Scripts

    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    client = connect(
        url, prefix=settings.key_prefix, socket_timeout_s=PATIENCE_S, connect_timeout_s=PATIENCE_S, tries=1
    )
    try:
        presence = Presence(client, Keys(settings.key_prefix), Scripts(client))
        signs = presence.all(KIND_OF[part])
        now = presence.now()
    finally:
        client.close()
    return health_of(part, signs, host=host or socket.gethostname(), now=now, max_age=max_age)
