"""What runs wrote: one stream of JSON lines for each, the first and the last of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import uuid4

from scheduler.epoch import moment
from scheduler.store.connection import SOCKET_TIMEOUT_S, Client
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts
from scheduler.timestamps import rfc3339

FIRST_LINES: Final = 200
LAST_LINES: Final = 800
FIRST_BYTES: Final = 64 * 1024
LAST_BYTES: Final = 192 * 1024

Line = tuple[str, Mapping[str, Any]]

# What nearly every line says, or the run's record says for all of them: it is not kept with each.
_USUAL: Final = {"event": "run.log", "process": "worker"}
_OF_THE_RUN: Final = ("entry", "job", "run_id", "scheduled_at")
_FIRST: Final = ("timestamp", "level", "event", "process", "host", "pid", *_OF_THE_RUN)


def kept_text(line: Mapping[str, Any]) -> str:
    """A line as JSON, without what `Logs.read` puts back."""
    short = {
        name: value for name, value in line.items() if name not in _OF_THE_RUN and _USUAL.get(name) != value
    }
    return json.dumps(short, ensure_ascii=False, separators=(",", ":"))


class Logs:
    """The logs of all runs."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def append(
        self,
        run_id: str,
        lines: Sequence[str],
        *,
        keep_for: timedelta,
        left_out: int = 0,
        after: Sequence[str] = (),
    ) -> None:
        """Keep `lines`, each a JSON object as text; then a gap of `left_out` lines, then those `after` it.

        Of all that a run wrote the first FIRST_LINES and the last LAST_LINES are kept, or fewer where they are long.
        Raises Unreachable.
        """
        if lines or after:
            args: list[str | int] = [FIRST_LINES, FIRST_BYTES, LAST_LINES, LAST_BYTES]
            args += [
                keep_for // timedelta(milliseconds=1),
                uuid4().hex[:8],
                len(lines),
                left_out,
                *lines,
                *after,
            ]
            self._scripts.call("append", [self._keys.run(run_id), self._keys.log(run_id)], args)

    def read(self, run_id: str, after: str = "-") -> list[Line]:
        """The lines after the position `after` (`-`: from the start), each with its own position. Raises Unreachable.

        Where lines were left out, one stands for them: the event `log.cut`.
        """
        low = after if after == "-" else f"({after}"
        pipeline = self._client.pipeline()
        pipeline.xrange(self._keys.log(run_id), min=low)
        self._ask_of_run(pipeline, run_id)
        rows, *answers = pipeline.execute()
        return _lines(rows, _Read(run_id, after, *answers))

    def follow(self, run_id: str, after: str, wait: timedelta) -> list[Line]:
        """The lines after `after` ("0": from the start), waiting for the first of them for as long as `wait`."""
        wait_ms = min(wait, timedelta(seconds=SOCKET_TIMEOUT_S / 2)) // timedelta(milliseconds=1)
        answer = self._client.xread({self._keys.log(run_id): after}, block=max(1, wait_ms))
        if not answer:
            return []
        rows = answer[0][1] if isinstance(answer, list) else next(iter(answer.values()))[0]
        pipeline = self._client.pipeline()
        self._ask_of_run(pipeline, run_id)
        return _lines(rows, _Read(run_id, after, *pipeline.execute()))

    def _ask_of_run(self, pipeline: Any, run_id: str) -> None:
        pipeline.hmget(self._keys.run(run_id), "e", "j", "at", "lg")
        pipeline.xlen(self._keys.log(run_id))


class _Read(NamedTuple):
    """What a reader asked for and what the run's record says."""

    run_id: str
    after: str
    record: Sequence[str | None]
    kept: int


def _lines(rows: Sequence[Any], read: _Read) -> list[Line]:
    entry, job, scheduled, state = read.record
    of_the_run = {
        "entry": entry or None,
        "job": job,
        "run_id": read.run_id,
        "scheduled_at": rfc3339(moment(int(scheduled))) if scheduled else None,
    }
    lines: list[Line] = [(position, _whole(json.loads(fields["l"]), of_the_run)) for position, fields in rows]
    at = json.loads(state or "{}")
    left_out = at.get("n", 0) - read.kept
    if not lines or left_out <= 0 or "h" not in at:
        return lines
    edge = _order(at["h"])
    place = next((i for i, (position, _) in enumerate(lines) if _order(position) > edge), None)
    if place is None or (place == 0 and read.after not in {"-", "0"} and _order(read.after) > edge):
        return lines
    words = "1 line was" if left_out == 1 else f"{left_out} lines were"
    cut = {
        "timestamp": lines[place][1].get("timestamp"),
        "level": "warning",
        "event": "log.cut",
        "left_out": left_out,
        "message": f"{words} left out here; the worker's own log has all of them",
    }
    return [*lines[:place], (at["h"], _whole(cut, of_the_run)), *lines[place:]]


def _whole(line: Mapping[str, Any], of_the_run: Mapping[str, Any]) -> Mapping[str, Any]:
    full = {**_USUAL, **of_the_run, **line}
    return {name: full[name] for name in (*(name for name in _FIRST if name in full), *full)}


def _order(position: str) -> tuple[int, int]:
    milliseconds, _, number = position.partition("-")
    return int(milliseconds), int(number or 0)
