"""From an entry's values to its schedule, and what of them does not go together. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from scheduler.cadences.crontab_fields import field_count
from scheduler.cadences.rule_text import rule_text
from scheduler.schedule import (
    Cadence,
    Crontab,
    Crontabs,
    Interval,
    Later,
    Moments,
    Rule,
    Schedule,
    Solar,
    Within,
)

# What only entries of one kind have, and what is said of the others.
OF_KIND: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "anchor": (("interval",), "only an interval has one"),
    "latitude": (("solar",), "only the sun's times depend on a place"),
    "longitude": (("solar",), "only the sun's times depend on a place"),
    "seconds": (("crontab",), "only a crontab has a field for them"),
    "dst_gap": (("crontab", "rrule"), "only a crontab or rrule reads a clock that changes"),
    "dst_fold": (("crontab", "rrule"), "only a crontab or rrule reads a clock that changes"),
}
_SOLAR: Final = '{ event = "sunset", latitude = 52.5, longitude = 13.4 }'
OF_THE_CLOCK: Final = ("crontab", "interval", "rrule", "at", "solar")
OF_OTHERS: Final = ("after", "after_failed")  # it follows on other entries
KINDS: Final = (*OF_THE_CLOCK, *OF_OTHERS)
_OF_ALL_KINDS: Final = ("starts_at", "ends_at", "jitter")
_OF_TICKS: Final = ("max_runs", "catchup_spread")  # what an entry without ticks has no use for
OF_SCHEDULE: Final = frozenset({*OF_THE_CLOCK, *_OF_ALL_KINDS, "timezone", *OF_KIND})


class Conflict(NamedTuple):
    """What is wrong, and with which key; `element` is that of its list."""

    key: str
    message: str
    code: str = "conflict"
    element: int | None = None


def conflicts(values: Mapping[str, Any], *, given: frozenset[str]) -> Iterator[Conflict]:
    """What keeps `values` from being a schedule; `given` are the keys that stand in the entry itself."""
    for key, (kinds, message) in OF_KIND.items():
        if key in values and key in given and not any(kind in values for kind in kinds):
            yield Conflict(key, message)
    for key in (*_OF_ALL_KINDS, *_OF_TICKS):
        if key in given and not any(kind in values for kind in OF_THE_CLOCK):
            yield Conflict(key, "the entry has no schedule, and so no ticks")
    if "starts_at" in values and "ends_at" in values and values["ends_at"] < values["starts_at"]:
        yield Conflict("ends_at", "is before starts_at")
    for key in ("latitude", "longitude"):
        if "solar" in values and key not in values["solar"] and key not in values:
            yield Conflict("solar", f"has no {key}; write {_SOLAR}", "missing")
    for index, crontab in enumerate(values.get("crontab", ())):
        if wrong := _wrong_count(crontab, seconds=values.get("seconds", False)):
            yield Conflict("crontab", wrong, "crontab", index)


def _wrong_count(crontab: str, *, seconds: bool) -> str | None:
    count = field_count(crontab)
    if count == 6 and not seconds:  # noqa: PLR2004 - as it is said
        return "6 fields; with seconds = true the first is for seconds, without it there are 5"
    if count == 5 and seconds:  # noqa: PLR2004 - as it is said
        return "5 fields; with seconds = true there are 6, the seconds first"
    return None


def schedule_of(name: str, values: Mapping[str, Any]) -> Schedule | None:
    """The schedule of the entry `name`; None where it is run only by hand.

    Raises CrontabProblem where a crontab never comes for this name: `H` may fall on a day that there is not;
    RuleProblem where a rule never comes, or its TZID is another zone.
    """
    cadence = _cadence_of(name, values)
    if cadence is None:
        return None
    unbounded = Later(cadence, values["jitter"], name) if "jitter" in values else cadence
    starts_at, ends_at = values.get("starts_at"), values.get("ends_at")
    return unbounded if starts_at is None and ends_at is None else Within(unbounded, starts_at, ends_at)


def _cadence_of(name: str, values: Mapping[str, Any]) -> Cadence | None:
    rules = {key: values[key] for key in ("timezone", "dst_gap", "dst_fold") if key in values}
    if "rrule" in values:
        return Rule(values["rrule"], **{"timezone": rule_text(values["rrule"]).timezone or "UTC", **rules})
    if "crontab" in values:
        members = dict.fromkeys(Crontab(text, entry=name, **rules) for text in values["crontab"])
        return Crontabs(tuple(members)) if len(members) > 1 else next(iter(members))
    if "interval" in values:
        anchor = values.get("anchor")
        return Interval(values["interval"]) if anchor is None else Interval(values["interval"], anchor)
    if "solar" in values:
        place = {key: values[key] for key in ("latitude", "longitude", "timezone") if key in values}
        return Solar(**(place | values["solar"]))
    return Moments(values["at"]) if "at" in values else None
