"""Rules that another program gave an entry with RedBeat's API."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from redbeat.decoder import RedBeatJSONEncoder
from redbeat.schedules import rrule

from scheduler.redbeat_entry import entry_from_definition
from scheduler.schedule import Rule

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def definition(**rule: Any) -> str:
    document = {"name": "a", "task": "jobs.a", "schedule": rrule(**rule), "enabled": True}
    return json.dumps(document, cls=RedBeatJSONEncoder)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"freq": "WEEKLY", "interval": 2, "count": 5}, "FREQ=WEEKLY;INTERVAL=2;COUNT=5"),
        (
            {"freq": "MONTHLY", "byweekday": [0, 1, 2, 3, 4], "bysetpos": -1, "byhour": [17]},
            "FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU,WE,TH,FR;BYHOUR=17",
        ),
        (
            {"freq": "DAILY", "until": datetime(2027, 1, 1, tzinfo=UTC)},
            "FREQ=DAILY;UNTIL=20270101T000000",
        ),
    ],
)
def test_a_rule_of_redbeats_api_is_a_rule_here(rule: dict[str, Any], text: str) -> None:
    entry = entry_from_definition(definition(dtstart=START, **rule))
    assert entry.schedule == Rule(f"DTSTART:20260101T090000\nRRULE:{text}")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"freq": "YEARLY", "byeaster": 0, "dtstart": START}, "unknown part 'BYEASTER'"),
        (
            {"freq": "DAILY", "dtstart": START.astimezone(timezone(timedelta(hours=2)))},
            "another zone than UTC is not supported",
        ),
        ({"freq": "YEARLY", "bymonth": 2, "bymonthday": 30, "dtstart": START}, "never comes"),
    ],
)
def test_a_rule_that_is_none_here_says_why(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        entry_from_definition(definition(**rule))
