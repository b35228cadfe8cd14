"""The other beats, as this one knows them: who is there, and so which entries have their home here."""

from collections.abc import Mapping
from datetime import datetime

from scheduler.home import own_slots
from scheduler.log_setup import emit
from scheduler.store.presence import HOME_FOR, Sign, has_homes


class Others:
    """What the beat `member` heard at its last sign. Before its first one it takes every entry for its own."""

    def __init__(self, member: str) -> None:
        self._member = member
        self._live = frozenset({member})
        self._known: int | None = None
        self._signed_at: datetime | None = None

    @property
    def own_slots(self) -> str:
        """The slots that have their home here, as `Ticks.select` takes them."""
        return own_slots(self._member, self._live)

    @property
    def any(self) -> bool:
        """True where there are others."""
        return len(self._live) > 1

    def changed(self, count: int | None) -> bool:
        """True where `count`, how many beats the store knows, says that one has come or gone since the last sign."""
        return count is not None and count != self._known

    def hear(self, signs: Mapping[str, Sign]) -> bool:
        """Take in what the store answered to a sign, and tell who came and who left. True where homes have moved.

        Where we gave no sign ourselves for so long (we were frozen, the server was away, its clock was set), nobody's
        silence says anything yet: it counts from our next sign on.
        """
        now = signs[self._member].seen_at
        before, self._signed_at = self._signed_at, now
        were_away = before is not None and not before <= now <= before + HOME_FOR
        live = frozenset(
            name for name, sign in signs.items() if has_homes(sign, now) or (were_away and name in self._live)
        )
        was, self._live = self._live, live
        first, self._known = self._known is None, len(signs)
        if not first:
            self._tell(live - was, was - live, signs, now)
        return live != was

    def _tell(
        self, joined: frozenset[str], left: frozenset[str], signs: Mapping[str, Sign], now: datetime
    ) -> None:
        for beat in sorted(left):
            silent = (
                f"no sign for {(now - signs[beat].seen_at).total_seconds():.0f} s" if beat in signs else None
            )
            emit("beat.left", beat=beat, reason=silent or "it signed out", beats=len(self._live))
        for beat in sorted(joined):
            emit("beat.joined", beat=beat, beats=len(self._live))
