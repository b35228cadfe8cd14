"""Every key that Onbeat keeps in Redis, with its type, its lifetime and who writes it.

| key | type | lifetime | written by |
| --- | --- | --- | --- |
| `redbeat::schedule` | zset: entry key → next due, s since the epoch, to the millisecond; -1: no next tick | for ever | plan, commit |
| `redbeat:NAME` | hash: RedBeat's `definition` and `meta`; ours: `onbeat`, `tick`, `parked`, `behind` | until the entry goes | plan, commit |
| `onbeat:run:ID` | hash: one run, see `store/run_records.py` for its fields | `keep_for` after its end | commit, claim, finish |
| `onbeat:attempts:ID` | list of JSON: the attempts that ended otherwise than well at the first try | as the run | finish |
| `onbeat:log:ID` | stream: what the job wrote, a JSON object a line: the first 200 and the last 800, up to 256 KiB | as the run | worker |
| `onbeat:runs:NAME` | zset: run id → queued at, ms | `keep_for` after the last end, while none is active | commit, finish |
| `onbeat:active:NAME` | set of run ids that have not ended | while any is | commit, finish |
| `onbeat:group:GROUP` | set of run ids that have not ended and do not wait, of the entries with that `group` | while any is | commit, create, finish |
| `onbeat:waiting:LANE` | hash: entry → JSON: its run that waits for the end of another; LANE is `active:NAME` or `group:GROUP` | while one waits | commit, finish |
| `onbeat:ticks:NAME` | list of JSON ranges: ticks that were left out, and why | the newest 200 | commit |
| `onbeat:ledger` | hash: totals of ticks expected and by disposition | for ever | commit |
| `onbeat:ledger:NAME` | hash: the same for one entry | until the entry goes | commit |
| `onbeat:rate:NAME` | hash: the last start and the next free moment by `rate_limit`, ms | until then | claim |
| `onbeat:departed` | set: entries that may be gone while their runs are on record yet: those that the file had once, and other programs' | until an apply after those went | plan, commit |
| `onbeat:followers` | hash: entry → JSON list of the entries that follow on it | as the schedules in force | plan |
| `onbeat:after:NAME:AT:`, `onbeat:after:NAME:AT:failed` | hash: entry → its run that ended, of those that NAME waits for | a week | follow |
| `onbeat:ended` | zset: run id → when a beat sees to what follows on it, ms | until then | finish, follow |
| `onbeat:outbox` | zset: run id → decided at, ms: not yet published; or, while a process publishes it elsewhere, when others may | until published | commit, hold, publish |
| `onbeat:retries` | zset: run id → next attempt, ms | until then | finish, publish |
| `onbeat:leases` | zset: run id → end of its worker's lease, ms | while it runs | claim, renew, finish |
| `onbeat:unclaimed` | zset: run id → when to publish again, ms | until claimed | commit, publish, claim |
| `onbeat:deadlines` | zset: run id → when it must have started, ms | until it starts or ends | commit, trigger, claim |
| `onbeat:cancels` | zset: run id → when somebody asked to stop it, ms | while it runs | cancel, finish |
| `onbeat:waiting` | zset: LANE → when a beat looks after what waits there, ms | while a run waits | commit, finish, release |
| `onbeat:paused` | hash: entry, or `*` for all → JSON: by, reason, paused_at, until | until resumed | pause |
| `onbeat:beats`, `onbeat:workers` | hash: id → JSON: what it is and when it was last seen, ms | an hour after the last sign | each process |
| `onbeat:applied` | hash: digest, revision, applied_at, by and env of the schedules in force | for ever | plan |
| `onbeat:announcements` | list of JSON events of commands, for a beat to log | until logged; the newest 1,000 | commands |
| `onbeat:refused` | list of JSON: messages that no worker could take, each up to 32 KiB | the newest 1,000 | worker, quarantine |

`ONBEAT_KEY_PREFIX` stands before all of them, and before the queues' lists. With a `{tag}` in it a deployment lives in
one slot of a Redis Cluster.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of all keys under one prefix."""

    prefix: str = ""

    @property
    def redbeat_prefix(self) -> str:
        """What RedBeat calls `redbeat_key_prefix`."""
        return f"{self.prefix}redbeat:"

    @property
    def own_prefix(self) -> str:
        """Before each of our own keys."""
        return f"{self.prefix}onbeat:"

    @property
    def schedule(self) -> str:
        """The zset of entries by their next due time."""
        return f"{self.redbeat_prefix}:schedule"

    def entry(self, name: str) -> str:
        """The hash of one entry."""
        return f"{self.redbeat_prefix}{name}"

    def entry_name(self, key: str) -> str:
        """The name of the entry whose hash is `key`."""
        return key.removeprefix(self.redbeat_prefix)

    def queue(self, name: str) -> str:
        """The list in which kombu keeps the queue's messages."""
        return f"{self.prefix}{name}"

    def own(self, *parts: str) -> str:
        """One of our own keys, by the parts of the table above."""
        return self.own_prefix + ":".join(parts)

    def run(self, run_id: str) -> str:
        """The record of one run."""
        return self.own("run", run_id)

    def attempts(self, run_id: str) -> str:
        """The attempts of one run that ended badly."""
        return self.own("attempts", run_id)

    def log(self, run_id: str) -> str:
        """What one run wrote."""
        return self.own("log", run_id)

    def runs(self, entry: str) -> str:
        """The runs of one entry."""
        return self.own("runs", entry)

    def active(self, entry: str) -> str:
        """The runs of one entry that have not ended."""
        return self.own("active", entry)

    def ticks(self, entry: str) -> str:
        """The ticks of one entry that were left out."""
        return self.own("ticks", entry)

    def ledger(self, entry: str | None = None) -> str:
        """The counts of one entry, or of all."""
        return self.own("ledger") if entry is None else self.own("ledger", entry)
