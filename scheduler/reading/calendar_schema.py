"""JSON Schema of what a file of schedules says of calendars: `[calendars.NAME]`, and an entry's keys about them."""

from collections.abc import Mapping
from typing import Any, Final

from scheduler.entry_calendars import ON_HOLIDAY

Schema = dict[str, Any]

_REFERENCE: Final = r"\$\{"  # a string with a variable may become anything
_TEXT: Final = {"type": "string"}
_DAY: Final = {"type": "string", "pattern": rf"[0-9]-[0-9]|{_REFERENCE}"}


def calendar_schema() -> Schema:
    """The schema of one `[calendars.NAME]`."""
    import holidays

    of_country = ("subdivision", "language", "categories")
    countries = {"enum": sorted(holidays.list_supported_countries())}
    weekday = {
        "type": "string",
        "pattern": rf"^\s*([Mm]on|[Tt]ue|[Ww]ed|[Tt]hu|[Ff]ri|[Ss]at|[Ss]un)|{_REFERENCE}",
    }
    described: dict[str, tuple[Schema, str]] = {
        "dates": (
            _dates(),
            "Days: 2026-12-24, 2026-12-24/2026-12-31, 12-24 for every year, or tables with a name.",
        ),
        "ics": ({"type": "string", "minLength": 1}, "An iCalendar file, from here: its events' days."),
        "country": ({"anyOf": [countries, _variable()]}, "The public holidays of this country: DE."),
        "subdivision": (_TEXT, "Those of a part of it: BY."),
        "language": (_TEXT, "The language of the holidays' names (the country's own)."),
        "categories": (_listed(_TEXT), "Which kinds of holidays (public)."),
        "weekdays": (_listed(weekday), 'Days of each week: ["sat", "sun"].'),
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": properties(described),
        "dependentRequired": {key: ["country"] for key in of_country},
    }


def of_entries() -> dict[str, tuple[Schema, str]]:
    """The keys of an entry, each with its schema and its description."""
    names = _listed({"type": "string", "minLength": 1})
    return {
        "exclude": (names, "Calendars and crontabs whose days and times take ticks out."),
        "on_holiday": (
            {"anyOf": [{"enum": list(ON_HOLIDAY)}, _variable()]},
            "A tick on a holiday: runs, is skipped, or moves to the day before or after.",
        ),
        "holidays": (names, "The calendars that on_holiday is about (those in exclude)."),
    }


def properties(described: Mapping[str, tuple[Schema, str]]) -> Schema:
    """The schemas with their descriptions in them."""
    return {key: {**schema, "description": text} for key, (schema, text) in described.items()}


def _dates() -> Schema:
    table: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"date": _DAY, "from": _DAY, "until": _DAY, "name": _TEXT},
        "oneOf": [{"required": ["date"]}, {"required": ["from", "until"]}],
    }
    names = {"type": "object", "additionalProperties": _TEXT, "propertyNames": _DAY}
    return {"anyOf": [_DAY, {"type": "array", "items": {"anyOf": [_DAY, table]}}, names]}


def _listed(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _variable() -> Schema:
    return {"type": "string", "pattern": _REFERENCE}
