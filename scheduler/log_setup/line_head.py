"""What the lines of one run have in common, made once: of a job that prints without end each line is to be cheap."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, Final, NamedTuple

from scheduler.events import BASE_FIELDS, RUN_FIELDS
from scheduler.log_setup.json_lines import LINE_LIMIT, encoded_line, json_text, json_value, quoted

_RESERVED: Final = frozenset(BASE_FIELDS)
_OF_A_RUN: Final = frozenset(RUN_FIELDS)
_REMEMBERED: Final = 64
_UNCHANGING: Final = frozenset({str, int, datetime, NoneType})  # alike means: the same JSON


class LineHead(NamedTuple):
    """All members of a line but its time and what it says, as values and as text."""

    document: dict[str, Any]
    text: str

    def with_(self, timestamp: str, rest: Mapping[str, Any]) -> dict[str, Any]:
        """The whole event; `rest` is what `rest_of` gave."""
        return {"timestamp": timestamp, **self.document, **rest}

    def line(self, timestamp: str, rest: Mapping[str, Any]) -> bytes:
        """The event as a line of JSON."""
        more = f", {json_text(rest)[1:]}" if rest else "}"
        line = f'{{"timestamp": "{timestamp}", {self.text}{more}\n'.encode()
        return line if len(line) <= LINE_LIMIT else encoded_line(self.with_(timestamp, rest))

    def lines(self, timestamp: str, rests: Iterable[Mapping[str, str]]) -> list[bytes]:
        """Many lines that differ in their texts alone: as `line`, at a third of its cost."""
        before = f'{{"timestamp": "{timestamp}", {self.text}'
        lines = []
        for rest in rests:
            more = "".join([f", {quoted(name)}: {quoted(text)}" for name, text in rest.items()])
            line = f"{before}{more}}}\n".encode()
            lines.append(line if len(line) <= LINE_LIMIT else self.line(timestamp, rest))
        return lines


class LineHeads:
    """The heads of the last runs."""

    def __init__(self, host: str, pid: int) -> None:
        self._place = {"host": host, "pid": pid}
        self._known: dict[tuple[Any, ...], LineHead] = {}

    def head(self, level: str, event: str, process: str, fields: Mapping[str, Any]) -> LineHead:
        """The head of an event with these fields; those of a run stand in it, the others do not."""
        run = [(field, fields[field]) for field in RUN_FIELDS if field in fields]
        for _, value in run:
            if type(value) not in _UNCHANGING:
                return self._made(level, event, process, run)
        key = (event, level, process, *run)
        if (head := self._known.get(key)) is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            head = self._known[key] = self._made(level, event, process, run)
        return head

    def _made(self, level: str, event: str, process: str, run: Iterable[tuple[str, Any]]) -> LineHead:
        stamp = {"level": level, "event": event, "process": process, **self._place, **dict(run)}
        document = json_value(stamp)
        return LineHead(document, json_text(document)[1:-1])


def rest_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that stand in no head, as JSON's values. One with the name of a member there gets an underscore."""
    rest = {
        f"{field}_" if field in _RESERVED else field: value
        for field, value in fields.items()
        if field not in _OF_A_RUN
    }
    document: dict[str, Any] = json_value(rest) if rest else rest
    return document
