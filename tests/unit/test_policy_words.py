"""The rules of an entry in sentences, and the ticks of one that may have only so many runs."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from scheduler.entry import Entry
from scheduler.entry_ticks import coming_ticks, count_between, looked_at, ticks_between
from scheduler.exclusion import Exclusion
from scheduler.foresight.policy_words import ended_words, policy_sentences
from scheduler.retry import RetryPolicy
from scheduler.schedule import Interval

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def entry(**changes: object) -> Entry:
    return Entry(**{"name": "one", "job": "jobs.x", "schedule": Interval(MINUTE), **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"catchup": "none"}, "What it misses while no beat runs is not made up for."),
        (
            {"catchup_spread": 10 * MINUTE},
            (
                "After downtime the latest missed tick runs, and stands for the others, spread over 10m, "
                "unless it was missed longer than 1d ago."
            ),
        ),
        (
            {"catchup": "all"},
            (
                "After downtime every missed tick runs, in order, one after the other, "
                "unless it was missed longer than 1d ago. Ticks that come due meanwhile are one, at the end."
            ),
        ),
        (
            {"catchup": "all", "overlap": "allow", "max_active": 5},
            (
                "After downtime every missed tick runs, in order, 5 at a time, "
                "unless it was missed longer than 1d ago. Ticks that come due meanwhile are one, at the end."
            ),
        ),
        (
            {"catchup": "all", "overlap": "allow"},
            (
                "After downtime every missed tick runs, in order, unless it was missed longer than 1d ago. "
                "Ticks that come due meanwhile run after them."
            ),
        ),
        ({"start_deadline": 5 * MINUTE}, "A run that has not started 5m after its time expires."),
        ({}, "A tick that comes while a run goes on is recorded and does not run."),
        (
            {"max_active": 3, "group": "db"},
            "A tick that comes while 3 runs of the group db go on is recorded and does not run.",
        ),
        ({"overlap": "allow"}, "A tick runs beside the runs before it, however many of them go on."),
        (
            {"overlap": "queue"},
            (
                "A tick that comes while a run goes on waits until it has ended, "
                "and while one waits already it does not run."
            ),
        ),
        (
            {"overlap": "replace", "max_active": 2},
            "A tick that comes while 2 runs go on cancels the oldest of them and runs.",
        ),
        ({"timeout": MINUTE}, "An attempt is killed after 1m, with all that it started."),
        ({"soft_timeout": MINUTE}, "An attempt is told to end after 1m."),
        (
            {"retry": RetryPolicy(max_attempts=3)},
            "An attempt that fails is tried again up to 2 times: after 10s and 20s, each up to 10% shorter by chance.",
        ),
        (
            {"retry": RetryPolicy(max_attempts=2, jitter=0, on=("OSError",))},
            "An attempt that fails with OSError is tried again once: after 10s.",
        ),
        (
            {"retry": RetryPolicy(max_attempts=9, jitter=0)},
            (
                "An attempt that fails is tried again up to 8 times: "
                "after 10s, 20s, 40s, 1m20s, 2m40s and so on, at most 10m."
            ),
        ),
        (
            {"retry": RetryPolicy(max_attempts=4, jitter=0, backoff="fixed")},
            "An attempt that fails is tried again up to 3 times: after 10s each time.",
        ),
        ({"max_runs": 1}, "It has 1 run and then no tick any more; those by hand don't count."),
    ],
)
def test_a_rule_is_a_sentence(changes: dict[str, object], sentence: str) -> None:
    assert sentence in list(policy_sentences(entry(**changes)))


def test_an_entry_by_hand_has_no_rule_for_missed_ticks() -> None:
    assert list(policy_sentences(entry(schedule=None))) == []


def test_an_entry_that_has_had_its_runs_says_so() -> None:
    assert ended_words(entry(), 10) is None
    assert ended_words(entry(max_runs=10), 9) is None
    assert ended_words(entry(max_runs=10), 10) == "has had its 10 runs"
    assert ended_words(entry(max_runs=1), 3) == "has had its 1 run"


def test_no_more_ticks_are_told_of_than_it_may_have_runs() -> None:
    limited = entry(max_runs=3, exclusion=Exclusion("UTC", crontabs=("*/2 * * * *",)))
    until = NOON + 60 * MINUTE
    expected = [NOON + n * MINUTE for n in (1, 3, 5)]
    assert list(coming_ticks(limited, NOON)) == expected
    assert list(ticks_between(limited, NOON, until)) == expected
    assert count_between(limited, NOON, until) == 3
    assert [each.tick for each in looked_at(limited, NOON)] == [NOON + n * MINUTE for n in range(1, 6)]
    assert len(list(islice(coming_ticks(entry(), NOON), 100))) == 100
