"""The records of runs, read.

A run is a hash with short fields, so that a finished one stays under 400 bytes:

    e entry        j job         t trigger, if not schedule   at scheduled, ms   s state      a attempt
    m max_attempts q queue       qa queued, ms                sa started, ms     fa finished  fs first started
    w worker       k token of the claim                       er error           y reason     r result, JSON
    ra retry at    c call, JSON: what to execute, until the run succeeded
    pa runs that it follows on, ch that follow on it: ids with commas between
    rl ms between two starts of its entry's runs, rs its turn by that
    lg its log, JSON: see append.lua; of a run that wrote nothing it is not there
    d  must start by, ms, until it did
    cp checkpoint, JSON, until the run succeeded              p progress, JSON: at (ms), progress, message
    g group        x, xb why somebody asked to cancel the running run, and who
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.epoch import milliseconds, moment, moment_or_none
from scheduler.run import Attempt, Run, RunState
from scheduler.store.connection import Client
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

DURATIONS_BATCH: Final = 100
# Runs decided in one millisecond, such as those that are made up for, stand in no order in their entry's list.
_TIES: Final = 200
_FEW, _PAGE = 10, 50


class RunRecords:
    """All runs of one deployment, as they are on record."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def get(self, run_id: str) -> Run | None:
        """One run with its attempts, or None."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(self._keys.run(run_id))
        pipeline.lrange(self._keys.attempts(run_id), 0, -1)
        fields, attempts = pipeline.execute()
        return run_of(run_id, fields, attempts) if fields else None

    def get_many(self, run_ids: Sequence[str]) -> list[Run]:
        """Those of these runs that are still on record, in the given order, without their attempts."""
        pipeline = self._client.pipeline(transaction=False)
        for run_id in run_ids:
            pipeline.hgetall(self._keys.run(run_id))
        return [run_of(i, fields) for i, fields in zip(run_ids, pipeline.execute(), strict=True) if fields]

    def calls(self, run_ids: Sequence[str]) -> dict[str, tuple[Run, str]]:
        """The runs with the JSON of their calls, for those that can still be executed."""
        pipeline = self._client.pipeline(transaction=False)
        for run_id in run_ids:
            pipeline.hgetall(self._keys.run(run_id))
        rows = zip(run_ids, pipeline.execute(), strict=True)
        return {i: (run_of(i, fields), fields["c"]) for i, fields in rows if fields and "c" in fields}

    def recent(
        self,
        entries: Iterable[str],
        *,
        states: frozenset[RunState] | None = None,
        since: datetime | None = None,
        job: str | None = None,
        limit: int = 20,
    ) -> list[Run]:
        """The newest runs of `entries` (`""`: those without an entry), newest first, at most `limit`."""

        def is_wanted(run: Run) -> bool:
            return (states is None or run.state in states) and (job is None or run.job == job)

        sifted = states is not None or job is not None
        low = "-inf" if since is None else milliseconds(since)
        found: list[Run] = []
        names = list(entries)
        offset, page = 0, max(limit, _TIES if len(names) <= _FEW else _PAGE)
        while names and len(found) < limit:
            rows = self._newest(names, low, offset, page)
            ids = [run_id for _, run_id in sorted((row for _, some in rows for row in some), reverse=True)]
            if not sifted:
                ids = ids[: max(limit, _TIES)]
            found += [run for run in self.get_many(ids) if is_wanted(run)]
            names = [name for name, some in rows if len(some) == page] if sifted else []
            offset += page
        return sorted(found, key=lambda run: (run.queued_at, run.scheduled_at, run.run_id), reverse=True)[
            :limit
        ]

    def any_of(self, entry: str) -> bool:
        """Whether a run of the entry is on record."""
        return bool(self._client.exists(self._keys.runs(entry)))

    def _newest(
        self, names: Sequence[str], low: int | str, offset: int, page: int
    ) -> list[tuple[str, list[tuple[float, str]]]]:
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.zrevrangebyscore(
                self._keys.runs(name), "+inf", low, start=offset, num=page, withscores=True
            )
        answers = pipeline.execute()
        return [
            (name, [(at, run_id) for run_id, at in rows]) for name, rows in zip(names, answers, strict=True)
        ]

    def latest(self, entries: Iterable[str]) -> dict[str, Run]:
        """The newest run of each of these entries that has one, without its attempts."""
        names = list(entries)
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.zrevrange(self._keys.runs(name), 0, 0)
        newest = [(name, ids[0]) for name, ids in zip(names, pipeline.execute(), strict=True) if ids]
        runs = {run.run_id: run for run in self.get_many([run_id for _, run_id in newest])}
        return {name: runs[run_id] for name, run_id in newest if run_id in runs}

    def durations(self, entries: Iterable[str], *, newest: int) -> dict[str, list[timedelta]]:
        """How long the `newest` runs of each of these entries took that succeeded or failed; only entries with any.

        Many entries are asked for in batches, so that the server does other work in between.
        """
        names = list(entries)
        found = {}
        for start in range(0, len(names), DURATIONS_BATCH):
            batch = names[start : start + DURATIONS_BATCH]
            keys = [self._keys.runs(name) for name in batch]
            answer = self._scripts.call("durations", keys, [self._keys.own_prefix, newest])
            found.update({name: took for name, took in zip(batch, answer, strict=True) if took})
        return {name: [timedelta(milliseconds=each) for each in took] for name, took in found.items()}

    def active(self, entry: str) -> set[str]:
        """The ids of the runs of `entry` that have not ended."""
        return set(self._client.smembers(self._keys.active(entry)))

    def with_prefix(self, prefix: str, entries: Iterable[str]) -> list[str]:
        """The ids that begin with `prefix`, out of the runs of `entries`."""
        pipeline = self._client.pipeline(transaction=False)
        for name in entries:
            pipeline.zrange(self._keys.runs(name), 0, -1)
        return sorted({run_id for ids in pipeline.execute() for run_id in ids if run_id.startswith(prefix)})


def run_of(run_id: str, fields: Mapping[str, str], attempts: Sequence[str] = ()) -> Run:
    state = RunState(fields["s"])
    run = Run(
        run_id=run_id,
        entry=fields["e"] or None,
        job=fields["j"],
        trigger=fields.get("t", "schedule"),  # type: ignore[arg-type]  # written by us, one of Trigger
        scheduled_at=moment(fields["at"]),
        state=state,
        attempt=int(fields["a"]),
        max_attempts=int(fields.get("m", 1)),
        queue=fields["q"],
        queued_at=moment(fields["qa"]),
        worker=fields.get("w"),
        started_at=moment_or_none(fields.get("sa")),
        finished_at=moment_or_none(fields.get("fa")) if state.final or state is RunState.RETRYING else None,
        first_started_at=moment_or_none(fields.get("fs")),
        retry_at=moment_or_none(fields.get("ra")),
        error=fields.get("er"),
        reason=fields.get("y") if "xb" not in fields else _being_cancelled(fields),
        cancel_asked="xb" in fields,
        checkpoint=fields.get("cp"),
        parents=tuple(filter(None, fields.get("pa", "").split(","))),
        children=tuple(filter(None, fields.get("ch", "").split(","))),
        **_progress(fields.get("p")),
        result=json.loads(fields["r"]) if "r" in fields else None,
    )
    return _with_attempts(run, [_attempt(json.loads(each)) for each in attempts])


def _progress(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    said = json.loads(text)
    return {
        "progress": said.get("progress"),
        "message": said.get("message"),
        "heartbeat_at": moment(said["at"]),
    }


def _being_cancelled(fields: Mapping[str, str]) -> str:
    why = fields.get("x")
    return f"being cancelled by {fields['xb']}" + (f": {why}" if why else "")


def _attempt(document: Mapping[str, Any]) -> Attempt:
    return Attempt(
        number=document["n"],
        outcome=document["o"],
        worker=document.get("w"),
        started_at=moment_or_none(document.get("sa")),
        finished_at=moment_or_none(document.get("fa")),
        error=document.get("e"),
        traceback=document.get("tb"),
        retry_at=moment_or_none(document.get("ra")),
    )


def _with_attempts(run: Run, attempts: list[Attempt]) -> Run:
    """The run with all its attempts: those on record, and the one that its own fields tell of."""
    numbers = {each.number for each in attempts if each.counts}
    if run.started_at is not None and run.attempt not in numbers and run.state is not RunState.QUEUED:
        outcome = run.state.value if run.state.final else None
        own = Attempt(
            number=run.attempt,
            outcome=outcome,
            worker=run.worker,
            started_at=run.started_at,
            finished_at=run.finished_at,
            error=run.error if outcome else None,  # while it goes on, the run's is that of the attempt before
        )
        attempts = [*attempts, own]
    traceback = attempts[-1].traceback if attempts else None
    return replace(run, attempts=tuple(attempts), traceback=traceback)
