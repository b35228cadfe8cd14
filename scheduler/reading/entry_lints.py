"""The lints of a file's entries: what they find is reported where it stands, unless the entry allows it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.entry import Entry
from scheduler.lints.lint import LINTS, UNUSED, Finding
from scheduler.lints.schedule_lint import CROWD, at_minute_0, findings
from scheduler.reading.entry_layers import Layer, Layers, Place
from scheduler.suggestion import did_you_mean

_ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class _Linted:
    entry: Entry
    layers: Layers


class EntryLints:
    """Looks at entries one by one, and at the end at all of them; `now` None leaves out what looks ahead."""

    def __init__(self, now: datetime | None) -> None:
        self._now = now
        self._used: set[tuple[int, str]] = set()

    def look_at(self, entry: Entry, layers: Layers) -> None:
        """Report what is suspicious in the entry."""
        given = {key for layer in layers.all for key in layer.values}
        for finding in findings(entry, own=layers.given, given=given, now=self._now):
            self._report(finding, layers)

    @property
    def look_ahead(self) -> bool:
        """Whether ticks that are to come are looked at."""
        return self._now is not None

    def look_at_all(self, entries: Collection[Entry], layers_of: Callable[[str], Layers | None]) -> None:
        """Report what is suspicious in all entries of one environment together."""
        if self._now is None:
            return
        self._look_at_groups(entries, layers_of)
        at_once = [entry for entry in entries if at_minute_0(entry)]
        if len(at_once) < CROWD:
            return
        layers = [found for entry in at_once if (found := layers_of(entry.name))]
        crowd = [each for each in layers if not self._allowed("crowded-minute", each)]
        if len(crowd) >= CROWD:
            others = ", ".join(layers.name for layers in crowd[1:4])
            message = (
                f"{len(crowd)} entries start at minute 0, this one and {others} among them; H as the minute or "
                "jitter spreads them, and `onbeat simulate` shows freer minutes"
            )
            self._report(Finding("crowded-minute", message, ("crontab",)), crowd[0])

    def _look_at_groups(self, entries: Iterable[Entry], layers_of: Callable[[str], Layers | None]) -> None:
        members: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.group is not None:
                members.setdefault(entry.group, []).append(entry)
        for name, found in members.items():
            if len(found) == 1 and (layers := layers_of(found[0].name)) is not None:
                hint = did_you_mean(name, members.keys() - {name})
                self._report(
                    Finding("lonely-group", f"no other entry is in {name!r}{hint}", ("group",)), layers
                )

    def excuse(self, layers: Layers) -> None:
        """An entry that can't be read may need what it allows."""
        for layer in layers.all:
            self._used |= {(id(layer), name) for name in _allowances(layer)}

    def look_at_allowances(self, tables: Iterable[Layer]) -> None:
        """Report what is allowed and was never found."""
        if self._now is None:
            return
        for layer in tables:
            for name in _allowances(layer):
                if (id(layer), name) not in self._used:
                    place = Place(layer.report, (*layer.path, _ALLOW, name))
                    message = f"allow: nothing here is {name!r}; take it out"
                    layer.report.add(message, place.key, code=UNUSED, severity=LINTS[UNUSED], path=layer.path)

    def _report(self, finding: Finding, layers: Layers) -> None:
        if self._allowed(finding.lint, layers):
            return
        place = _place(finding, layers)
        span = place.key if len(place.path) == len(layers.own[0].path) else place.value
        if finding.within is not None:
            span = place.report.positions.within(place.path, *finding.within)
        elif finding.keys and finding.lint != "clock-change":
            span = place.key
        subject = f"{finding.keys[0]}: " if finding.keys else f"the entry {layers.name!r} "
        severity = LINTS[finding.lint]
        layers.add(f"{subject}{finding.message}", place, span, code=finding.lint, severity=severity)

    def _allowed(self, lint: str, layers: Layers) -> bool:
        """Whether a table allows it; the nearest that does is the one that is needed."""
        for layer in layers.all:
            if lint in _allowances(layer):
                self._used.add((id(layer), lint))
                return True
        return False


def _allowances(layer: Layer) -> Mapping[str, str]:
    found: Mapping[str, str] = layer.values.get(_ALLOW, {})
    return found


def _place(finding: Finding, layers: Layers) -> Place:
    """Where the finding's key stands: of a list of crontabs the one that it is about; else the entry itself."""
    whole = Place(layers.own[0].report, layers.own[0].path)
    if not finding.keys or not layers.has(*finding.keys):
        return whole
    if finding.within is not None and finding.keys == ("crontab",):
        written = next(layer.table["crontab"] for layer in layers.all if layer.has(("crontab",)))
        if isinstance(written, list):
            texts = [" ".join(str(each).split()) for each in written]
            return layers.place("crontab", texts.index(finding.within[0]))
    return layers.place(*finding.keys)
