"""The runs: created, claimed, reported on, finished. How one is written in Redis: see run_records.py."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from scheduler.attempt import Cancellation, Claimed, Ending, Fenced, Finished, Refused
from scheduler.epoch import milliseconds, moment
from scheduler.run import Call, RunState, Trigger
from scheduler.store.run_records import RunRecords, run_of

MAX_TEXT = 16_384
_FOLLOWED = 6  # its place in the answer of finish.lua; the answer to a call made twice is shorter


class Runs(RunRecords):
    """All runs of one deployment."""

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
            [keys.run(run_id), keys.own("outbox")],
            [
                run_id,
                name,
                call.job,
                trigger,
                milliseconds(scheduled_at),
                call.queue,
                call.retry.max_attempts,
                json.dumps(call.to_json(), separators=(",", ":")),
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
        return Claimed(run_of(run_id, fields), Call.from_json(json.loads(fields["c"])), moment(answer[1]))

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
