"""JSON Schema (draft 2020-12) of schedules.toml: its keys, this project's jobs and their arguments.

What a schema can't say (that a crontab ever comes, that a soft time-out is the shorter one) `onbeat check`
says.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final
from zoneinfo import available_timezones

from pydantic import PydanticUserError

from scheduler.cadences.crontab_fields import ALIASES
from scheduler.cadences.sun import SUN_EVENTS
from scheduler.cadences.wall_steps import DST_FOLDS, DST_GAPS
from scheduler.entry import DEFAULT_QUEUE
from scheduler.entry_keys import QUEUE
from scheduler.entry_schedule import KINDS, OF_KIND
from scheduler.entry_values import NAME
from scheduler.job import JobDeclaration
from scheduler.job_arguments import Parameters, parameters_of
from scheduler.lints.lint import ALLOWABLE
from scheduler.message import HIGHEST_PRIORITY
from scheduler.reading.calendar_schema import calendar_schema, of_entries, properties
from scheduler.retry import BACKOFFS, MOST_ATTEMPTS
from scheduler.variables import VARIABLE

Schema = dict[str, Any]

_REFERENCE: Final = r"\$\{"  # a string with a variable may become anything
_DURATION: Final = {"$ref": "#/$defs/duration"}
_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
# Kinds that exclude each other, and keys that a kind has not.
_APART: Final = (
    *(list(pair) for pair in combinations(KINDS, 2)),
    *(
        [kind, key]
        for key, (only, _) in OF_KIND.items()
        if "crontab" in only
        for kind in KINDS
        if kind not in only
    ),
)
_ERRORS: Final = {"type": "array", "items": _TEXT}


def schema_of(jobs: Mapping[str, JobDeclaration]) -> Schema:
    """The schema of a file whose entries may run `jobs`."""
    definitions: Schema = {
        "name": {"pattern": f"^{NAME.pattern}$"},
        "duration": _duration(),
        "retry": _retry(),
        "calendar": calendar_schema(),
        "keys": _keys(jobs),
    }
    arguments = [rule for name, job in jobs.items() if (rule := _arguments_rule(name, job, definitions))]
    definitions["table"] = {
        "$ref": "#/$defs/keys",
        "unevaluatedProperties": False,
        "allOf": [{"not": {"required": pair}} for pair in _APART],
        "dependentRequired": {"anchor": ["interval"]},
    }
    definitions["entry"] = {"$ref": "#/$defs/table", "allOf": arguments}
    definitions["entry_with_job"] = {"$ref": "#/$defs/entry", "required": ["job"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Onbeat's schedules.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "include": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "description": 'Other files, named from this one: ["teams/*.toml"].',
            },
            "secrets": {
                "type": "array",
                "items": {"type": "string", "pattern": f"^{VARIABLE.pattern}$"},
                "description": 'Variables whose values no log and no command shows: ["DATABASE_URL"].',
            },
            "defaults": {"$ref": "#/$defs/table", "description": "Any key of an entry, for every entry."},
            "calendars": {
                "type": "object",
                "description": "Days that entries leave out or give way to: [calendars.NAME].",
                "propertyNames": {"$ref": "#/$defs/name"},
                "additionalProperties": {"$ref": "#/$defs/calendar"},
            },
            "schedules": {
                "type": "object",
                "description": "The entries: [schedules.NAME].",
                "propertyNames": {"$ref": "#/$defs/name"},
            },
            "env": _environments(),
        },
        # A job in [defaults] is every entry's job.
        "if": {"properties": {"defaults": {"required": ["job"]}}, "required": ["defaults"]},
        "then": _entries("entry"),
        "else": _entries("entry_with_job"),
        "$defs": definitions,
    }


def _entries(definition: str) -> Schema:
    return {"properties": {"schedules": {"additionalProperties": {"$ref": f"#/$defs/{definition}"}}}}


def _environments() -> Schema:
    """What an environment lays over the entries; one of its own may take its job from elsewhere, so none needs one."""
    tables: Schema = {
        "defaults": {"$ref": "#/$defs/table", "description": "Any key of an entry, for every entry."},
        "schedules": {
            "type": "object",
            "description": "What is different in an entry, or an entry of this environment alone.",
            "propertyNames": {"$ref": "#/$defs/name"},
            "additionalProperties": {"$ref": "#/$defs/entry"},
        },
    }
    return {
        "type": "object",
        "description": "What ONBEAT_ENV chooses: [env.NAME.schedules.ENTRY] is laid over [schedules.ENTRY].",
        "propertyNames": {"$ref": "#/$defs/name"},
        "additionalProperties": {"type": "object", "additionalProperties": False, "properties": tables},
    }


def _duration() -> Schema:
    unit = "".join(rf"([0-9]+(\.[0-9]+)?\s*{unit}\s*)?" for unit in ("w", "d", "h", "m", "s", "ms"))
    return {
        "description": '"90s", "1h30m", "2d", "250ms", or a number of seconds',
        "anyOf": [
            {"type": "string", "pattern": rf"^\s*({unit}|[0-9]+(\.[0-9]+)?)\s*$", "minLength": 1},
            {"type": "string", "pattern": _REFERENCE},
            {"type": "number", "minimum": 0},
        ],
    }


def _retry() -> Schema:
    described: dict[str, tuple[Schema, str]] = {
        "max_attempts": (
            {"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS},
            "How often it is tried in all.",
        ),
        "backoff": (_one_of(BACKOFFS), "How the wait grows."),
        "initial": (_DURATION, "The first wait (10s)."),
        "max": (_DURATION, "The longest wait (10m)."),
        "jitter": (
            {"type": "number", "minimum": 0, "maximum": 1},
            "Each wait is up to this share shorter (0.1).",
        ),
        "on": (_ERRORS, "Exceptions that are tried again (any)."),
        "give_up_on": (_ERRORS, "Exceptions that are not."),
        "on_lost": ({"type": "boolean"}, "Whether a run whose worker died is tried again (true)."),
    }
    return {"type": "object", "additionalProperties": False, "properties": properties(described)}


def _keys(jobs: Mapping[str, JobDeclaration]) -> Schema:
    zones = {"anyOf": [{"enum": sorted(available_timezones())}, {"type": "string", "pattern": _REFERENCE}]}
    fields = rf"^\s*\S+(\s+\S+){{4,5}}\s*$|^\s*({'|'.join(ALIASES)})\s*$|{_REFERENCE}"
    one = {"type": "string", "pattern": fields}
    crontab = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
    moment = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "pattern": _REFERENCE}]}
    described: dict[str, tuple[Schema, str]] = {
        "job": (_job(jobs), "The dotted name of a job."),
        "crontab": (crontab, "minute hour day-of-month month day-of-week; or a list of them"),
        "seconds": ({"type": "boolean"}, "true: the crontab has 6 fields, the seconds first (false)."),
        "rrule": (
            {"type": "string", "pattern": rf"[Ff][Rr][Ee][Qq]\s*=|{_REFERENCE}"},
            "A rule of RFC 5545 (iCalendar).",
        ),
        "interval": (_DURATION, "The time between two ticks."),
        "at": (
            {"anyOf": [moment, {"type": "array", "items": moment, "minItems": 1}]},
            "One moment or several.",
        ),
        "solar": (_solar(), "An event of the sun at a place."),
        "after": (
            _names_of_entries(),
            "Entries on which it follows, once all have succeeded for the same time.",
        ),
        "after_failed": (_names_of_entries(), "Entries of which one has failed, when it runs."),
        "latitude": (_degrees(90), "The place of solar: degrees, north positive."),
        "longitude": (_degrees(180), "The place of solar: degrees, east positive."),
        "jitter": (_DURATION, "Up to this much later, the same for an entry every time."),
        "anchor": (moment, "A moment at which the interval ticks (the Unix epoch)."),
        "timezone": (zones, "The zone whose clock the crontab, the rule and calendars read (UTC)."),
        "dst_gap": (
            _one_of(DST_GAPS),
            "A time that the clock jumps over: at the jump, or not at all (shift).",
        ),
        "dst_fold": (
            _one_of(DST_FOLDS),
            "A time that comes twice: which of the two, or both (first).",
        ),
        **of_entries(),
        "starts_at": (moment, "The moment from which on it ticks."),
        "ends_at": (moment, "The moment up to which it ticks, with it."),
        "args": ({"type": "array"}, "The job's arguments by position."),
        "kwargs": ({"type": "object"}, "The job's arguments by name."),
        "queue": (
            {"type": "string", "pattern": rf"^{QUEUE.pattern}$|{_REFERENCE}"},
            f"Which workers may run it ({DEFAULT_QUEUE}).",
        ),
        "priority": (
            {"type": "integer", "minimum": 0, "maximum": HIGHEST_PRIORITY},
            f"Which messages of a queue go first: {HIGHEST_PRIORITY} (0).",
        ),
        "rate_limit": (
            {"type": "string", "pattern": rf"^\s*[1-9][0-9]{{0,6}} */ *\S.*$|{_REFERENCE}"},
            'How many runs may start, on all workers together: "10/m", "1/90s".',
        ),
        "timeout": (_DURATION, "An attempt is ended after this long."),
        "soft_timeout": (_DURATION, "The job is told after this long, and may tidy up."),
        "retry": ({"$ref": "#/$defs/retry"}, "When and how a failed attempt is followed by another."),
        "enabled": ({"type": "boolean"}, "false: it stays in the list and does not tick (true)."),
        "overlap": (
            _one_of(("skip", "queue", "allow", "replace")),
            "What a tick does while as many runs are active as may be (skip).",
        ),
        "max_active": (_COUNT, "How many runs may be active at once (1; with allow any number)."),
        "group": (
            {"type": "string", "pattern": rf"^{NAME.pattern}$|{_REFERENCE}"},
            "Entries with the same group count their active runs together.",
        ),
        "catchup": (_one_of(("none", "latest", "all")), "What runs of ticks missed in downtime (latest)."),
        "catchup_window": (_DURATION, "Ticks missed longer ago are not made up for (1d)."),
        "catchup_spread": (_DURATION, "Ticks that are made up for are spread over this."),
        "start_deadline": (_DURATION, "A run that has not started so long after its time expires."),
        "max_runs": (_COUNT, "After so many runs the entry has no tick any more."),
        "description": (_TEXT, "For people."),
        "owner": (_TEXT, "Who to ask."),
        "tags": ({"type": "array", "items": _TEXT}, "For people and filters."),
        "runbook": (_TEXT, "What to do when it fails: a link."),
        "keep_runs": (_COUNT, "How many finished runs are kept (100)."),
        "keep_for": (_DURATION, "How long finished runs are kept (30d)."),
        "allow": (_allowances(), "Lints of `onbeat check` that find what is meant, each with the reason."),
    }
    return {"type": "object", "properties": properties(described)}


def _allowances() -> Schema:
    reason = {"type": "string", "pattern": r"\S"}
    return {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(ALLOWABLE, reason)}


def _one_of(choices: Sequence[str]) -> Schema:
    return {"anyOf": [{"enum": list(choices)}, {"type": "string", "pattern": _REFERENCE}]}


def _names_of_entries() -> Schema:
    name = {"type": "string", "pattern": rf"^{NAME.pattern}$|{_REFERENCE}"}
    return {"oneOf": [name, {"type": "array", "items": name, "minItems": 1}]}


def _solar() -> Schema:
    event = _one_of(SUN_EVENTS)
    offset = {"anyOf": [{"type": "string"}, {"type": "number"}]}
    table = {
        "type": "object",
        "additionalProperties": False,
        "required": ["event"],
        "properties": properties(
            {
                "event": (event, "What the sun does."),
                "latitude": (_degrees(90), "Degrees, north positive."),
                "longitude": (_degrees(180), "Degrees, east positive."),
                "offset": (offset, 'Later by this much: "30m"; or earlier: "-30m".'),
            }
        ),
    }
    return {"anyOf": [*event["anyOf"], table]}


def _degrees(most: int) -> Schema:
    return {"type": "number", "minimum": -most, "maximum": most}


def _job(jobs: Mapping[str, JobDeclaration]) -> Schema:
    first_lines = [job.doc.partition("\n")[0] for job in jobs.values()]
    names = {"enum": list(jobs), "x-taplo": {"docs": {"enumValues": first_lines}}}
    return {"anyOf": [names, {"type": "string", "pattern": _REFERENCE}]}


def _arguments_rule(name: str, job: JobDeclaration, definitions: Schema) -> Schema | None:
    """What an entry with this job may have as `args` and `kwargs`; None where anything may be."""
    parameters = parameters_of(job.function)
    if parameters is None:
        return None
    kwargs: Schema = {
        "properties": {key: _value_schema(name, parameters, key, definitions) for key in parameters.named}
    }
    if parameters.named_rest is None:
        kwargs["additionalProperties"] = False
    args: Schema = {}
    if parameters.positional:
        by_position = [parameter.name for parameter in parameters.positional]
        args["prefixItems"] = [_value_schema(name, parameters, key, definitions) for key in by_position]
    if parameters.rest is None:
        args["maxItems"] = len(parameters.positional)
    else:
        args["items"] = _value_schema(name, parameters, parameters.rest.name, definitions)
    return {
        "if": {"properties": {"job": {"const": name}}, "required": ["job"]},
        "then": {"properties": {"args": args, "kwargs": kwargs}},
    }


def _value_schema(job: str, parameters: Parameters, key: str, definitions: Schema) -> Schema | bool:
    adapter = parameters.adapters.get(key)
    if adapter is None:
        return True
    try:
        schema: Schema = adapter.json_schema(ref_template=f"#/$defs/{job}.{{model}}")
    except PydanticUserError:
        return True  # a type that pydantic reads and can't describe
    for model, definition in schema.pop("$defs", {}).items():
        definitions[f"{job}.{model}"] = definition
    return schema
