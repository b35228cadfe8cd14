"""The store: all that Onbeat knows, in Redis. The only folder that imports redis.

`open_store(settings)` gives one `Store`; each of its parts is one file here.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from scheduler.settings import Settings, with_server
from scheduler.store.cancels import Cancels
from scheduler.store.connection import Client, StoreRefused, connect
from scheduler.store.deadlines import Deadlines
from scheduler.store.followers import Followers
from scheduler.store.keys import Keys
from scheduler.store.lanes import Lanes
from scheduler.store.ledger import Ledger
from scheduler.store.logs import Logs
from scheduler.store.outbox import Outbox
from scheduler.store.pauses import Pauses
from scheduler.store.presence import Presence
from scheduler.store.refusals import Refusals
from scheduler.store.replays import Replays
from scheduler.store.runs import Runs
from scheduler.store.scripts import Scripts
from scheduler.store.ticks import Ticks

if TYPE_CHECKING:
    from scheduler.store.entries import Entries


class Store:
    """One deployment's state, part by part. Making one connects to nothing."""

    def __init__(self, client: Client, keys: Keys) -> None:
        scripts = self._scripts = Scripts(client)
        self.client = client
        self.keys = keys
        self.ticks = Ticks(client, keys, scripts)
        self.ledger = Ledger(client, keys)
        self.runs = Runs(client, keys, scripts)
        self.outbox = Outbox(client, keys, scripts, self.runs)
        self.deadlines = Deadlines(keys, scripts, self.runs)
        self.cancels = Cancels(client, keys, scripts)
        self.lanes = Lanes(client, keys, scripts)
        self.replays = Replays(keys, scripts)
        self.followers = Followers(client, keys, scripts)
        self.logs = Logs(client, keys, scripts)
        self.presence = Presence(client, keys, scripts)
        self.pauses = Pauses(client, keys)
        self.refusals = Refusals(client, keys)

    @cached_property
    def entries(self) -> "Entries":
        """The entries; imported at first use, for RedBeat brings all of Celery and `onbeat health` needs neither."""
        from scheduler.store.entries import Entries

        return Entries(self.client, self.keys, self._scripts, self.followers)

    def close(self) -> None:
        """Close its connections."""
        self.client.close()


def open_store(settings: Settings) -> Store:
    """The store that the settings name, or the one that `onbeat up` runs here; connects at the first command.

    Raises Unreachable where there is neither, and InvalidSettings for an address that redis-py can't use.
    """
    url = with_server(settings).redis_url
    address = url.get_secret_value() if url else ""
    return Store(connect(address, prefix=settings.key_prefix), Keys(settings.key_prefix))


__all__ = ["Client", "Keys", "Store", "StoreRefused", "connect", "open_store"]
