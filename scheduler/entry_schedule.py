"""From an entry's values to its schedule, and what of them does not go together. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from scheduler.crontab_fields import field_count
from scheduler.schedule import Crontab, Crontabs, Interval, Schedule

# What only entries of one kind have.
OF_KIND: Final[Mapping[str, str]] = {"anchor": "interval", "seconds": "crontab"}
OF_SCHEDULE: Final = frozenset({"crontab", "interval", "timezone", *OF_KIND})

_ARTICLE: Final = {"crontab": "a", "interval": "an"}


class Conflict(NamedTuple):
    """What is wrong, and with which key; `element` is that of its list."""

    key: str
    message: str
    code: str = "conflict"
    element: int | None = None


def conflicts(values: Mapping[str, Any], *, given: frozenset[str]) -> Iterator[Conflict]:
    """What keeps `values` from being a schedule; `given` are the keys that stand in the entry itself."""
    for key, kind in OF_KIND.items():
        if key in values and kind not in values and key in given:
            yield Conflict(
                key,
                f"only {_ARTICLE[kind]} {kind} has one"
                if key == "anchor"
                else "only a crontab has a field for them",
            )
    for index, crontab in enumerate(values.get("crontab", ())):
        if message := _wrong_count(crontab, seconds=values.get("seconds", False)):
            yield Conflict("crontab", message, "crontab", index)


def _wrong_count(crontab: str, *, seconds: bool) -> str | None:
    count = field_count(crontab)
    if count == 6 and not seconds:  # noqa: PLR2004 - as it is said
        return "6 fields; with seconds = true the first is for seconds, without it there are 5"
    if count == 5 and seconds:  # noqa: PLR2004 - as it is said
        return "5 fields; with seconds = true there are 6, the seconds first"
    return None


def schedule_of(name: str, values: Mapping[str, Any]) -> Schedule | None:
    """The schedule of the entry `name`; None where it is run only by hand.

    Raises CrontabProblem where a crontab never comes for this name: `H` may fall on a day that there is not.
    """
    if "crontab" in values:
        zone = values.get("timezone", "UTC")
        members = dict.fromkeys(Crontab(text, zone, name) for text in values["crontab"])
        return Crontabs(tuple(members)) if len(members) > 1 else next(iter(members))
    if "interval" in values:
        anchor = values.get("anchor")
        return Interval(values["interval"]) if anchor is None else Interval(values["interval"], anchor)
    return None
