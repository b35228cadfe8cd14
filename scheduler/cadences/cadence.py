"""The kinds of a schedule, before anything shifts or bounds its ticks: one file a kind. Pure.

Each has the same methods: `next_after`, `ticks_between`, `count_between`, `latest_between`, `describe` and `to_json`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from scheduler.cadences.crontab import Crontab, Crontabs, crontab_from_json
from scheduler.cadences.interval import Interval
from scheduler.cadences.moments import Moments
from scheduler.cadences.rule import Rule, rule_from_json
from scheduler.cadences.solar import Solar, solar_from_json

OnAWall = Crontab | Crontabs | Rule  # those that are read in a zone: each has `timezone` and `expression`
Cadence = OnAWall | Interval | Moments | Solar


def cadence_from_json(document: Mapping[str, Any]) -> Cadence:
    """The cadence that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of ours."""
    if "crontab" in document or "crontabs" in document:
        return crontab_from_json(document)
    if "rrule" in document:
        return rule_from_json(document)
    if "solar" in document:
        return solar_from_json(document)
    if "at" in document:
        return Moments(tuple(datetime.fromisoformat(text) for text in document["at"]))
    every = timedelta(seconds=document["interval"])
    if "anchor" in document:
        return Interval(every, datetime.fromisoformat(document["anchor"]))
    return Interval(every)
