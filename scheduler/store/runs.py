"""The runs: created, claimed, finished, read. The only place that knows how a run is written in Redis.

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
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from scheduler.run import Attempt, Call, Run, RunState, Trigger
from scheduler.secrecy import hidden
from scheduler.store.connection import Client
from scheduler.store.keys import Keys
from scheduler.store.moments import milliseconds, moment, moment_or_none
from scheduler.store.scripts import Scripts

MAX_TEXT = 16_384
_FOLLOWED = 6  # its place in the answer of finish.lua; the answer to a call made twice is shorter
DURATIONS_BATCH = 100


@dataclass(frozen=True, slots=True)
class Claimed:
    """The right to one attempt, and all that is needed to carry it out."""

    run: Run
    call: Call
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """No right: the message came twice, late or for nothing. `why` says which; `early`: the attempt before goes on.

    `expired`: it came too late for the first start, and the run has ended with it. `until`: its entry's rate limit lets
    it start no sooner, and another message will come then.
    """

    why: str
    early: bool = False
    expired: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended. `wait` is the time to the next attempt, for `retrying`."""

    state: RunState
    error: str | None = None
    traceback: str | None = None
    reason: str | None = None
    result: Any = None
    wait: timedelta = timedelta(0)

    def without(self, secrets: frozenset[str]) -> "Ending":
        """The same, with these values masked, and what stands under the name of a secret in the result."""
        return replace(
            self,
            error=hidden(self.error, secrets),
            traceback=hidden(self.traceback, secrets),
            reason=hidden(self.reason, secrets),
            result=hidden(self.result, secrets),
        )


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Who asked to cancel a run, and why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The attempt's end is on record. `cancelled`: it failed after somebody had asked for that.

    `followed`: entries may follow on the run.
    """

    finished_at: datetime
    retry_at: datetime | None
    cancelled: Cancellation | None = None
    followed: bool = False


@dataclass(frozen=True, slots=True)
class Fenced:
    """The run had been given away; what the attempt came to does not count."""

    state: str
    attempt: int


class Runs:
    """All runs of one deployment."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def create(
        self,
        run_id: str,
        call: Call,
        *,
        entry: str | None,
        trigger: Trigger,
        scheduled_at: datetime,
        publish_at: datetime | Literal["never"] | None = None,
        start_by: datetime | None = None,
    ) -> bool:
        """Put a run on record and into the outbox. False where it was there already.

        `publish_at`: not before then; "never": its message is under way already.
        `start_by`: if it has not started by then it ends as `expired`.
        """
        keys = self._keys
        name = entry or ""
        created = self._scripts.call(
            "create",
            [keys.run(run_id), keys.runs(name), keys.active(name), keys.own("outbox"), keys.own("deadlines")],
            [
                run_id,
                name,
                call.job,
                trigger,
                milliseconds(scheduled_at),
                call.queue,
                call.retry.max_attempts,
                json.dumps(call.to_json()),
                milliseconds(publish_at) if isinstance(publish_at, datetime) else publish_at or "",
                "" if start_by is None else milliseconds(start_by),
                call.group or "",
                keys.own_prefix,
                "" if call.gap is None else call.gap // timedelta(milliseconds=1),
            ],
        )
        return bool(created)

    def claim(
        self, run_id: str, attempt: int, worker: str, token: str, lease: timedelta
    ) -> Claimed | Refused:
        """Take the right to `attempt`, held by `worker` for as long as `lease` is renewed."""
        keys = self._keys
        answer = self._scripts.call(
            "claim",
            [
                keys.run(run_id),
                keys.own("leases"),
                keys.own("unclaimed"),
                keys.own("outbox"),
                keys.own("deadlines"),
            ],
            [run_id, attempt, worker, lease // timedelta(milliseconds=1), token, keys.own_prefix],
        )
        if answer[0] != "claimed":
            until = moment(answer[3]) if answer[2] == "limited" else None
            return Refused(answer[1], early=answer[2] == "early", expired=answer[2] == "expired", until=until)
        fields = dict(zip(answer[2][::2], answer[2][1::2], strict=True))
        return Claimed(_run(run_id, fields), Call.from_json(json.loads(fields["c"])), moment(answer[1]))

    def renew(self, worker: str, held: Iterable[tuple[str, int]], lease: timedelta) -> list[str]:
        """Renew the leases of (run id, attempt). Returns the ids of those that are not `worker`'s any more."""
        pairs = [part for run_id, attempt in held for part in (run_id, attempt)]
        args = [self._keys.own_prefix, worker, lease // timedelta(milliseconds=1), *pairs]
        lost: list[str] = self._scripts.call("renew", [self._keys.own("leases")], args)
        return lost

    def report(self, run_id: str, attempt: int, worker: str, kind: Literal["cp", "p"], text: str) -> str:
        """Keep a checkpoint or the progress of the attempt: "kept", "asked" (to stop as well) or "fenced"."""
        answer: str = self._scripts.call("report", [self._keys.run(run_id)], [attempt, worker, kind, text])
        return answer

    def finish(
        self, run_id: str, attempt: int, worker: str | None, ending: Ending, *, entry: str | None, call: Call
    ) -> Finished | Fenced:
        """End an attempt as `ending` says. `worker` None: its lease ran out, and a beat ends it."""
        keys = self._keys
        name = entry or ""
        own = [keys.run(run_id), keys.attempts(run_id), keys.log(run_id), keys.runs(name), keys.active(name)]
        waiting = [keys.own(each) for each in ("leases", "retries", "unclaimed", "outbox")]
        answer = self._scripts.call(
            "finish",
            own + waiting,
            [
                run_id,
                attempt,
                worker or "",
                ending.state,
                (ending.error or "")[:MAX_TEXT],
                (ending.traceback or "")[-MAX_TEXT:],
                ending.reason or "",
                "" if ending.result is None else json.dumps(ending.result),
                max(0, ending.wait // timedelta(milliseconds=1)),
                call.keep_runs,
                call.keep_for // timedelta(milliseconds=1),
                keys.own_prefix,
            ],
        )
        if answer[0] != "finished":
            return Fenced(answer[1], int(answer[2]))
        cancelled = answer[3] == RunState.CANCELLED and ending.state is not RunState.CANCELLED
        return Finished(
            moment(answer[1]),
            moment(answer[2]) if int(answer[2]) else None,
            Cancellation(answer[4], answer[5]) if cancelled else None,
            followed=len(answer) > _FOLLOWED and bool(answer[_FOLLOWED]),
        )

    def get(self, run_id: str) -> Run | None:
        """One run with its attempts, or None."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(self._keys.run(run_id))
        pipeline.lrange(self._keys.attempts(run_id), 0, -1)
        fields, attempts = pipeline.execute()
        return _run(run_id, fields, attempts) if fields else None

    def get_many(self, run_ids: Sequence[str]) -> list[Run]:
        """Those of these runs that are still on record, in the given order, without their attempts."""
        pipeline = self._client.pipeline(transaction=False)
        for run_id in run_ids:
            pipeline.hgetall(self._keys.run(run_id))
        return [_run(i, fields) for i, fields in zip(run_ids, pipeline.execute(), strict=True) if fields]

    def calls(self, run_ids: Sequence[str]) -> dict[str, tuple[Run, str]]:
        """The runs with the JSON of their calls, for those that can still be executed."""
        pipeline = self._client.pipeline(transaction=False)
        for run_id in run_ids:
            pipeline.hgetall(self._keys.run(run_id))
        rows = zip(run_ids, pipeline.execute(), strict=True)
        return {i: (_run(i, fields), fields["c"]) for i, fields in rows if fields and "c" in fields}

    def recent(
        self,
        entries: Iterable[str],
        *,
        states: frozenset[RunState] | None = None,
        since: datetime | None = None,
        limit: int = 20,
    ) -> list[Run]:
        """The newest runs of `entries` (`""`: those without an entry), newest first, at most `limit`."""
        low = "-inf" if since is None else milliseconds(since)
        found: list[Run] = []
        offset, page = 0, max(limit, 50)
        names = list(entries)
        while names and len(found) < limit:
            rows = self._newest(names, low, offset, page)
            ids = [run_id for _, run_id in sorted((row for _, some in rows for row in some), reverse=True)]
            if states is None:
                ids = ids[:limit]
            found += [run for run in self.get_many(ids) if states is None or run.state in states]
            names = [name for name, some in rows if len(some) == page] if states is not None else []
            offset += page
        return sorted(found, key=lambda run: (run.queued_at, run.run_id), reverse=True)[:limit]

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


def _run(run_id: str, fields: Mapping[str, str], attempts: Sequence[str] = ()) -> Run:
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
    numbers = {each.number for each in attempts}
    if run.started_at is not None and run.attempt not in numbers and run.state is not RunState.QUEUED:
        outcome = run.state.value if run.state.final else None
        own = Attempt(
            number=run.attempt,
            outcome=outcome,
            worker=run.worker,
            started_at=run.started_at,
            finished_at=run.finished_at,
            error=run.error,
        )
        attempts = [*attempts, own]
    traceback = attempts[-1].traceback if attempts else None
    return replace(run, attempts=tuple(attempts), traceback=traceback)
