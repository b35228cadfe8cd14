"""`onbeat show`: one entry."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from scheduler.cli.options import entry_argument, examples, json_option, open_store
from scheduler.durations import format_duration

if TYPE_CHECKING:
    from scheduler.run import Run
    from scheduler.store.entries import StoredEntry
    from scheduler.store.ledger import Counts

RUNS = 5
NEXT = 3


@click.command(epilog=examples("onbeat show backup", "onbeat show backup --json | jq .retry"))
@entry_argument()
@json_option
def show(*, entry: str, as_json: bool) -> None:
    """Show ENTRY: its schedule and next ticks, its policies, its last runs, and what became of its ticks."""
    from scheduler.catchup import may_wait
    from scheduler.cli.document import print_document
    from scheduler.documents import entry_document, policy_document, run_document
    from scheduler.lookup import entry_named
    from scheduler.timestamps import rfc3339

    with open_store() as store:
        stored = entry_named(store, entry)
        recent = store.runs.recent([entry], limit=RUNS)
        counts = store.ledger.of([entry])[entry]
        now = store.presence.now()
        pauses = store.pauses.all()
        behind = store.entries.behind(entry)
    document = entry_document(
        stored,
        pauses=pauses,
        last_run=recent[0] if recent else None,
        now=now,
        dispatched=counts.dispatched,
    )
    if stored.entry is not None:
        document |= policy_document(stored.entry)
    waits = behind is not None and stored.entry is not None and may_wait(stored.entry)
    document["catching_up"] = (
        {"since": rfc3339(behind), "until": rfc3339(stored.last_tick_at)} if waits else None
    )
    coming = _coming(stored, counts.dispatched)
    if as_json:
        document["next"] = [rfc3339(moment) for moment in coming]
        document["runs"] = [run_document(run) for run in recent]
        document["ledger"] = _ledger(counts)
        print_document(document)
    else:
        _print(document, coming, recent, counts, now)


def _coming(stored: "StoredEntry", dispatched: int) -> list[datetime]:
    """The next ticks that are to run, from the one that the store holds; no more than it may still have runs."""
    from scheduler.entry_ticks import coming_ticks

    if stored.entry is None or stored.entry.schedule is None or stored.next_at is None:
        return []
    limit = stored.entry.max_runs
    most = NEXT if limit is None else max(0, min(NEXT, limit - dispatched))
    return list(islice(coming_ticks(stored.entry, stored.next_at - timedelta(microseconds=1)), most))


def _ledger(counts: "Counts") -> dict[str, int]:
    return {
        "expected": counts.expected,
        **{disposition.value: count for disposition, count in counts.by_disposition.items()},
        "unaccounted": counts.unaccounted,
    }


def _print(
    document: Mapping[str, Any], coming: list[datetime], recent: "list[Run]", counts: "Counts", now: datetime
) -> None:
    from scheduler.cli.appearance import moment_cell
    from scheduler.cli.runs import print_runs
    from scheduler.cli.tables import Cell, print_facts, print_heading

    print_facts(
        [
            ("entry", Cell(document["entry"], "bold")),
            ("description", document.get("description")),
            ("trouble", Cell(document["trouble"], "red") if document["trouble"] else None),
            ("state", _state(document)),
            ("job", document["job"]),
            ("arguments", _arguments(document)),
            ("schedule", _schedule(document)),
            ("excludes", ", ".join(document.get("exclude") or ()) or None),
            *((("next" if i == 0 else ""), moment_cell(moment, now)) for i, moment in enumerate(coming)),
            ("queue", document["queue"]),
            ("time-out", document.get("timeout")),
            ("soft time-out", document.get("soft_timeout")),
            ("retry", _retry(document.get("retry") or {})),
            ("overlap", _overlap(document)),
            ("catch-up", _catchup(document)),
            ("must start", _must_start(document)),
            ("runs", _most_runs(document, counts)),
            (
                "keeps",
                f"{document['keep_runs']} runs, {document['keep_for']}" if "keep_runs" in document else None,
            ),
            ("owner", document.get("owner")),
            ("tags", ", ".join(document.get("tags") or ()) or None),
            ("runbook", document.get("runbook")),
            ("source", document["source"]),
            ("ticks", _ticks(counts)),
        ]
    )
    if recent:
        print_heading("Last runs")
        print_runs(recent, now, with_entry=False)


def _state(document: Mapping[str, Any]) -> Any:
    from scheduler.cli.tables import Cell

    if document["trouble"]:
        return None
    if not document["enabled"]:
        return Cell("disabled", "yellow")
    if document["ended"]:
        return Cell(document["ended"], "yellow")
    if pause := document["pause"]:
        until = f" until {pause['until']}" if pause["until"] else ""
        return Cell(f"paused by {pause['by']}{until}: {pause['reason']}", "yellow")
    if behind := document["catching_up"]:
        return Cell(f"catching up since {behind['since']}, decided up to {behind['until']}", "yellow")
    return Cell("enabled", "green")


def _overlap(document: Mapping[str, Any]) -> str | None:
    if (overlap := document.get("overlap")) is None:
        return None
    most = document.get("max_active")
    among = f" in the group {document['group']}" if document.get("group") else ""
    return f"{overlap}, {'any number' if most is None else most} active at once{among}"


def _arguments(document: Mapping[str, Any]) -> str | None:
    positional = [json.dumps(value, ensure_ascii=False) for value in document.get("args") or ()]
    named = [
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in (document.get("kwargs") or {}).items()
    ]
    return ", ".join([*positional, *named]) or None


def _schedule(document: Mapping[str, Any]) -> str:
    starts_at, ends_at = document.get("starts_at"), document.get("ends_at")
    more = (
        f"{document['later']} later" if document.get("later") else None,
        _holidays(document),
        f"from {starts_at}" if starts_at else None,
        f"until {ends_at}" if ends_at else None,
    )
    return " ".join(filter(None, (document["schedule"] or "by hand only", document["timezone"], *more)))


def _holidays(document: Mapping[str, Any]) -> str | None:
    """Such as "but on days of de, weekend the next day"."""
    if not document.get("on_holiday"):
        return None
    return f"but on days of {', '.join(document['holidays'])} the {document['on_holiday']} day"


def _retry(policy: Mapping[str, Any]) -> str | None:
    """Such as "4 attempts, initial 3s, on OSError/KeyError"; None where nothing is tried again."""
    if policy.get("max_attempts", 1) == 1:
        return None
    parts = [f"{policy['max_attempts']} attempts"]
    for name, value in policy.items():
        if name in ("initial", "max"):
            parts.append(f"{name} {format_duration(timedelta(seconds=value))}")
        elif name != "max_attempts" and value:
            parts.append(f"{name} {'/'.join(value) if isinstance(value, (list, tuple)) else value}")
    return ", ".join(parts)


def _catchup(document: Mapping[str, Any]) -> str | None:
    if "catchup" not in document:
        return None
    spread = f", spread over {document['catchup_spread']}" if document["catchup_spread"] else ""
    return f"{document['catchup']} within {document['catchup_window']}{spread}"


def _must_start(document: Mapping[str, Any]) -> str | None:
    deadline = document.get("start_deadline")
    return None if deadline is None else f"within {deadline} of its time"


def _most_runs(document: Mapping[str, Any], counts: "Counts") -> str | None:
    limit = document.get("max_runs")
    return None if limit is None else f"at most {limit}, {counts.dispatched} so far"


def _ticks(counts: "Counts") -> Any:
    from scheduler.cli.tables import Cell

    if not counts.expected:
        return None
    parts = [
        f"{count} {disposition.value.replace('_', ' ')}"
        for disposition, count in counts.by_disposition.items()
    ]
    text = f"{counts.expected} expected: {', '.join(parts)}"
    return Cell(f"{text}, {counts.unaccounted} unaccounted", "red") if counts.unaccounted else text
