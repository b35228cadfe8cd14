"""Which entries follow on which, and the runs that ended and may be followed by others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.run import Run, tick_run_id
from scheduler.store.connection import Client
from scheduler.store.decision import run_form
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

BATCH: Final = 200
WAITS_FOR_OTHERS: Final = timedelta(days=7)  # so long a note is kept that one of several has ended


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of an entry that follows. `why` says it of one that was left out."""

    answer: Literal["waits", "created", "left out", "decided"]
    run_id: str
    disposition: Disposition | None = None
    why: str | None = None


def followers_of(entries: Mapping[str, Entry]) -> dict[str, list[str]]:
    """By entry the names of those that follow on it, whichever way it ends."""
    found: dict[str, list[str]] = {}
    for entry in entries.values():
        for upstream in dict.fromkeys((*entry.after, *entry.after_failed)):
            found.setdefault(upstream, []).append(entry.name)
    return {name: sorted(names) for name, names in found.items()}


class Followers:
    """Which entries follow on which."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def replace(self, entries: Mapping[str, Entry]) -> None:
        """From here on it is as these entries say. Raises Unreachable."""
        key = self._keys.own("followers")
        wanted = {name: json.dumps(names) for name, names in followers_of(entries).items()}
        if self._client.hgetall(key) == wanted:
            return
        pipeline = self._client.pipeline()
        pipeline.delete(key)
        if wanted:
            pipeline.hset(key, mapping=wanted)
        pipeline.execute()

    def of(self, entry: str) -> list[str]:
        """The names of the entries that follow on `entry`."""
        found: list[str] = json.loads(self._client.hget(self._keys.own("followers"), entry) or "[]")
        return found

    def ended(self, now: datetime) -> Sequence[str]:
        """The ids of runs that ended a moment ago, and that nobody has seen to yet."""
        ids: list[str] = self._client.zrangebyscore(
            self._keys.own("ended"), "-inf", milliseconds(now), start=0, num=BATCH
        )
        return ids

    def seen_to(self, run_id: str) -> None:
        """All that follows on the run is on its way."""
        self._client.zrem(self._keys.own("ended"), run_id)

    def follow(
        self, entry: Entry, upstream: Run, now: datetime, skip: tuple[Disposition, str] | None
    ) -> Followed:
        """Note that `upstream` has ended, and create the run of `entry` that follows, once all have ended.

        `skip`: a disposition that it gets instead, and why.
        """
        at, several = upstream.scheduled_at, upstream.entry in entry.after
        run_id = tick_run_id(entry.name, at)
        start_by = None if entry.start_deadline is None else now + entry.start_deadline
        note = self._keys.own("after", entry.name, str(milliseconds(at)), "" if several else "failed")
        form = run_form(entry)
        answer = self._scripts.call(
            "follow",
            [note, self._keys.run(run_id)],
            [
                self._keys.own_prefix,
                entry.name,
                upstream.entry or "",
                upstream.run_id,
                len(set(entry.after)) if several else 1,
                run_id,
                milliseconds(at),
                form.rules,
                form.call,
                "" if start_by is None else milliseconds(start_by),
                "" if skip is None else skip[0],
                "" if skip is None else skip[1],
                WAITS_FOR_OTHERS // timedelta(milliseconds=1),
            ],
        )
        if answer[0] == "left out":
            return Followed("left out", run_id, Disposition(answer[1]), answer[2])
        return Followed(answer[0], run_id)
