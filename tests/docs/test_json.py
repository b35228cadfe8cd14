"""docs/reference/json.md names the fields of the documents, in their order."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.cli.explain import explanation_document
from scheduler.cli.forecast import Forecast, forecast_document
from scheduler.cli.plan import plan_document
from scheduler.documents import (
    account_document,
    attempt_document,
    entry_document,
    pause_document,
    refusal_document,
    replay_document,
    run_document,
    step_document,
    stopping_document,
    whole_run_document,
)
from scheduler.entry import Entry
from scheduler.foresight.comparison import comparison
from scheduler.foresight.followed_runs import Pool, Stretch
from scheduler.foresight.freer_minute import moves
from scheduler.foresight.overlap_forecast import most_at_once, overlaps
from scheduler.foresight.run_times import RunTime
from scheduler.foresight.simulation import simulation
from scheduler.foresight.tick_series import Span, all_series
from scheduler.foresight.wait_forecast import waits
from scheduler.health import Health
from scheduler.plan import plan
from scheduler.run import Attempt, Run, RunState
from scheduler.run_story import Step
from scheduler.schedule import Crontab
from scheduler.status import Status, status_document
from scheduler.store.cancels import Stopping
from scheduler.store.entries import Applied, StoredEntry
from scheduler.store.ledger import Counts
from scheduler.store.pauses import Pause
from scheduler.store.refusals import Refusal
from scheduler.store.replays import Replay
from scheduler.tick_account import Account
from tests.docs.pages import page, rows, words_in_code

PAGE = page("reference/json.md")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
RUN = Run(
    run_id="1",
    entry="a",
    job="jobs.a",
    trigger="schedule",
    scheduled_at=NOW,
    state=RunState.QUEUED,
    attempt=1,
    max_attempts=1,
    queue="default",
    queued_at=NOW,
)


def listed(header: str) -> list[str]:
    return [word for row in rows(PAGE, header=header) for word in words_in_code(row[0])]


def parts_of(field: str) -> list[str]:
    """The fields within a field, from the words in code of its description."""
    return next(
        words_in_code(row[1]) for row in rows(PAGE, header="more") + _others() if f"`{field}`" in row[0]
    )


def _others() -> list[list[str]]:
    return rows(PAGE, header="of an entry") + rows(PAGE, header="of the whole")


def test_the_fields_of_a_run_in_a_list() -> None:
    assert listed("field") == list(run_document(RUN))


def test_what_run_adds_to_them() -> None:
    more = whole_run_document(RUN).keys() - run_document(RUN).keys()
    assert set(listed("more")) == more
    assert parts_of("attempts") == list(attempt_document(Attempt(number=1)))


def test_the_fields_of_a_run_to_cancel() -> None:
    assert listed("of a run to cancel") == list(
        stopping_document(RUN, Stopping("asked", RunState.RUNNING, 1))
    )


def test_the_fields_of_a_run_to_replay() -> None:
    assert listed("of a run to replay") == list(replay_document(RUN, Replay("active", RunState.RUNNING, 1)))


def test_the_fields_of_a_health_check() -> None:
    assert listed("of a health check") == list(Health(well=True, why="").to_json("beat"))


def test_the_fields_of_an_entry() -> None:
    stored = StoredEntry(
        name="a", entry=None, trouble=None, next_at=None, last_tick_at=None, last_run_at=None
    )
    assert listed("of an entry") == list(entry_document(stored, pauses={}, last_run=None, now=NOW))


def test_the_fields_of_a_pause() -> None:
    pause = Pause(entry="a", by="x", reason="y", paused_at=NOW, until=None)
    assert parts_of("pause")[:-1] == list(pause_document(pause))


def test_the_fields_of_the_status() -> None:
    document = status_document(
        Status(
            now=NOW,
            beats=(),
            workers=(),
            queues=(),
            entries={},
            pauses={},
            ledger=Counts(expected=0, by_disposition={}),
            applied=Applied(None, 0, None, None),
            outbox=0,
            refused=0,
            homes={},
        )
    )
    assert listed("of the whole") == list(document)
    assert parts_of("ledger") == list(document["ledger"])
    assert parts_of("schedules") == list(document["schedules"])


def test_the_fields_of_a_refused_message() -> None:
    refusal = Refusal(id="1", reason="x", queue=None, worker="w", refused_at=NOW, size=2, item=b"{}")
    assert listed("of a message") == list(refusal_document(refusal))


def test_the_fields_of_the_answer_to_why() -> None:
    found = Account(entry="a", asked_at=NOW, answer="unknown", words=())
    assert listed("of an answer") == list(account_document(found))


def test_the_fields_of_a_step_of_a_trace() -> None:
    assert listed("of a step") == list(step_document(Step(NOW, "run.started", 1, None)))


def test_the_fields_of_a_plan() -> None:
    changes = plan({"b": Entry(name="b", job="jobs.x")}, {})
    assert listed("of a plan") == list(plan_document(changes, comparison(changes, {}, now=NOW)))


def test_the_fields_of_an_explanation() -> None:
    entry = Entry(name="a", job="jobs.a", schedule=Crontab("@daily", "Europe/Berlin"))
    document = explanation_document(entry, ZoneInfo("Europe/Berlin"), NOW)
    described = {
        words_in_code(row[0])[0]: words_in_code(row[1]) for row in rows(PAGE, header="of an explanation")
    }
    assert list(described) == list(document)
    assert described["fields"] == list(document["fields"][0])
    assert described["next"] == list(document["next"][0])
    assert described["clock_changes"][:7] == list(document["clock_changes"][0])


def test_the_fields_of_a_simulation() -> None:
    entries = [Entry(name=name, job="jobs.a", schedule=Crontab("0 * * * *")) for name in "abcd"]
    span = Span(NOW, NOW + timedelta(hours=2))
    series = all_series(entries, span)
    times = {"a": RunTime(timedelta(hours=1), timedelta(hours=2), "measured", 1)}
    forecast = Forecast(
        entries=4,
        simulated=simulation(series, span),
        times=times,
        times_from="measured",
        overlaps=overlaps(series, times),
        at_once=most_at_once(series, times, span),
        moves=moves(series, span, most=1),
        waits=waits(series, times | {"b": times["a"]}, span, Stretch(0, 7_200_000), [Pool(1)]),
        pools=[Pool(1)],
    )
    document = forecast_document(forecast, ZoneInfo("UTC"))
    described = {
        word: words_in_code(row[1])
        for row in rows(PAGE, header="of a simulation")
        for word in words_in_code(row[0])
    }
    assert list(described) == list(document)
    assert described["busiest"] == list(document["busiest"][0])
    assert list(document["run_times"]["a"]) == ["p50", "p95", "source", "runs"]
    for name in ("overlaps", "at_once", "suggestions"):
        assert described[name] == list(document[name][0])
    found = document["waits"]
    inner = {
        word: words_in_code(row[1])
        for row in rows(PAGE, header="of `waits`")
        for word in words_in_code(row[0])
    }
    assert list(inner) == list(found)
    assert inner["slots"] == [*found["slots"][0], "null"]
    for name in ("queues", "entries"):
        first = found[name][0]
        assert inner[name] == [*first, *first["usual"]]
