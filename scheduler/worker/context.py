"""What every part of one worker process shares: who it is, its settings, its store, its way to the broker."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

from scheduler.publisher import Publisher, open_publisher
from scheduler.settings import Settings, load_settings
from scheduler.store import Store, open_store
from scheduler.store.presence import new_member

LEASE: Final = timedelta(seconds=15)
RENEW_EVERY_S: Final = 5.0
SIGN_EVERY_S: Final = 2.0


@dataclass(frozen=True)
class WorkerContext:
    """One worker: the main process makes it, and the children of its pool inherit it."""

    settings: Settings
    worker: str

    @cached_property
    def store(self) -> Store:
        """The store. A child gets connections of its own: redis-py notices the fork."""
        return open_store(self.settings)

    @cached_property
    def publisher(self) -> Publisher:
        """How messages reach the broker, for runs that are handed back."""
        return open_publisher(self.settings, self.store)


class _Held:
    context: WorkerContext | None = None


def context() -> WorkerContext:
    """This process's context, made at the first use."""
    if _Held.context is None:
        return use(load_settings())
    return _Held.context


def use(settings: Settings) -> WorkerContext:
    """Begin with these settings instead of those that the environment gives."""
    _Held.context = WorkerContext(settings, new_member())
    return _Held.context
