"""The clock of a test that stands still: by time-machine or by freezegun, whichever the project has."""

import sys
from contextlib import suppress
from datetime import datetime
from importlib.util import find_spec
from typing import Any, Final, Literal, Protocol

Library = Literal["time-machine", "freezegun"]
MODULES: Final[dict[Library, str]] = {"time-machine": "time_machine", "freezegun": "freezegun"}

MISSING: Final = "no library that stops the clock is installed: pip install time-machine (or freezegun)"


class FrozenClock(Protocol):
    """A clock that shows one moment until it is moved."""

    def move_to(self, moment: datetime) -> None:
        """Show `moment`."""

    def stop(self) -> None:
        """Let time go on as it really is."""


def library(wanted: str | None) -> Library:
    """The library to use: the one that is `wanted`, that has stopped the clock already, or that is installed.

    Raises ValueError for another name, ModuleNotFoundError where it, or any, is not installed.
    """
    if wanted:
        for name, module in MODULES.items():
            if wanted in (name, module):
                if find_spec(module) is None:
                    raise ModuleNotFoundError(f"{name} is not installed: pip install {name}", name=module)
                return name
        raise ValueError(f"{wanted!r} stops no clock; there are {' and '.join(MODULES)}")
    if _freezegun_is_active():
        return "freezegun"
    for name, module in MODULES.items():
        if find_spec(module) is not None:
            return name
    raise ModuleNotFoundError(MISSING)


def stopped_at(moment: datetime, wanted: str | None) -> FrozenClock:
    """The clock, stopped at `moment`. Raises as `library` does."""
    return _Freezegun(moment) if library(wanted) == "freezegun" else _TimeMachine(moment)


def _freezegun_is_active() -> bool:
    api: Any = sys.modules.get("freezegun.api")
    return api is not None and bool(api.freeze_factories)


class _TimeMachine:
    def __init__(self, moment: datetime) -> None:
        import time_machine

        self._traveller = time_machine.travel(moment, tick=False)
        self._coordinates = self._traveller.start()

    def move_to(self, moment: datetime) -> None:
        self._coordinates.move_to(moment, tick=False)

    def stop(self) -> None:
        self._traveller.stop()


class _Freezegun:
    def __init__(self, moment: datetime) -> None:
        import freezegun

        # An event loop whose clock stands still never wakes who sleeps in it.
        self._freezer = freezegun.freeze_time(moment, real_asyncio=True)
        self._factory: Any = self._freezer.start()

    def move_to(self, moment: datetime) -> None:
        self._factory.move_to(moment)

    def stop(self) -> None:
        with suppress(IndexError):  # another freeze was ended out of turn, and took ours with it
            self._freezer.stop()
