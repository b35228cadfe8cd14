"""Entries in RedBeat's form, so that RedBeat's own API and tools work on what Onbeat runs.

A definition holds only what stock RedBeat knows: an unknown key in its JSON stops a stock beat. All else of an entry
stands in a field of its own beside it. RedBeat's encoder drops zones, so moments are written in UTC.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import schedules as celery_schedules
from cronsim import CronSim
from redbeat.decoder import RedBeatJSONDecoder, RedBeatJSONEncoder

from scheduler.crontab_fields import five_fields
from scheduler.entry import Entry
from scheduler.schedule import Crontab, Interval, Schedule

NEVER_RUN = '{"last_run_at": null}'

# What reading a document that somebody else wrote can raise: a number too large, a list too deep, a key too few.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def definition(entry: Entry) -> str:
    """The `definition` that RedBeat's `save` would write for this entry, as JSON text."""
    options: dict[str, Any] = {"queue": entry.queue}
    if entry.timeout is not None:
        options["time_limit"] = entry.timeout.total_seconds()
    if entry.soft_timeout is not None:
        options["soft_time_limit"] = entry.soft_timeout.total_seconds()
    document = {
        "name": entry.name,
        "task": entry.job,
        "args": list(entry.args),
        "kwargs": dict(entry.kwargs),
        "options": options,
        "schedule": celery_schedule(entry.schedule),
        "enabled": entry.enabled and entry.schedule is not None,
    }
    return json.dumps(document, cls=RedBeatJSONEncoder)


def celery_schedule(schedule: Schedule | None) -> celery_schedules.schedule:
    """The schedule as Celery has it. Without zone, and with Celery's AND of the two day fields: see docs/redbeat.md.

    An entry that is run only by hand gets a yearly interval, and its definition is disabled.
    """
    if isinstance(schedule, Crontab):
        written = five_fields(schedule.expression)
        parsed = CronSim(written, datetime(1970, 1, 1, tzinfo=UTC))
        minute, hour, day, month, weekday = written.split()
        return celery_schedules.crontab(
            minute=_celery_field(minute, parsed.minutes, range(60)),
            hour=_celery_field(hour, parsed.hours, range(24)),
            day_of_month=_celery_field(day, parsed.days, range(1, 32)),
            month_of_year=_celery_field(month, parsed.months, range(1, 13)),
            day_of_week=_celery_field(weekday, {_sunday_is_0(each) for each in parsed.weekdays}, range(7)),
        )
    every = schedule.every if isinstance(schedule, Interval) else timedelta(days=365)
    return celery_schedules.schedule(run_every=every)


def _sunday_is_0(day: int | tuple[int, int]) -> int:
    """A day of the week as Celery counts it. A pair would be the n-th of its month, which this version refuses."""
    return (day if isinstance(day, int) else day[0]) % 7


def _celery_field(text: str, values: set[int], all_values: range) -> str:
    """The field in Celery's words: as it was written where Celery takes that for the same, else as numbers."""
    if values == set(all_values):
        return "*"
    try:
        if celery_schedules.crontab_parser(len(all_values), all_values.start).parse(text) == values:
            return text
    except (ValueError, celery_schedules.ParseException):
        pass
    return ",".join(str(each) for each in sorted(values))


def entry_from_definition(text: str) -> Entry:
    """The entry that another program wrote with RedBeat's API; its source is `api`.

    Raises ValueError where it can't be read as one, saying why.
    """
    try:
        document = json.loads(text, cls=RedBeatJSONDecoder)
        options = document.get("options") or {}
        args, kwargs = tuple(document.get("args") or ()), dict(document.get("kwargs") or {})
        json.dumps([args, kwargs])  # RedBeat's own JSON holds moments too; a run's arguments are plain JSON
        return Entry(
            name=document["name"],
            job=_text(document, "task"),
            schedule=_schedule(document["schedule"]),
            args=args,
            kwargs=kwargs,
            queue=_text(options, "queue") if options.get("queue") else "default",
            timeout=_seconds(options.get("time_limit")),
            soft_timeout=_seconds(options.get("soft_time_limit")),
            enabled=bool(document.get("enabled", True)),
            source="api",
        )
    except (*UNREADABLE, celery_schedules.ParseException) as error:
        message = f"not a definition that RedBeat wrote: {type(error).__name__}: {error}"
        raise ValueError(message) from error


def meta(last_run_at: datetime, total_run_count: int | None = None) -> str:
    """The `meta` that RedBeat writes at each tick, as JSON text."""
    document: dict[str, Any] = {"last_run_at": last_run_at.astimezone(UTC)}
    if total_run_count is not None:
        document["total_run_count"] = total_run_count
    return json.dumps(document, cls=RedBeatJSONEncoder)


def last_run_at(text: str) -> datetime | None:
    """The `last_run_at` of RedBeat's `meta`, or None where there is none that can be read."""
    try:
        moment = json.loads(text or NEVER_RUN, cls=RedBeatJSONDecoder).get("last_run_at")
    except UNREADABLE:
        return None
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


def _text(document: Mapping[str, Any], key: str) -> str:
    if not isinstance(value := document[key], str) or not value:
        raise ValueError(f"its {key} is {value!r}, which is no name")
    return value


def _schedule(value: object) -> Schedule:
    if isinstance(value, celery_schedules.crontab):
        fields = (
            value._orig_minute,
            value._orig_hour,
            value._orig_day_of_month,
            value._orig_month_of_year,
            value._orig_day_of_week,
        )
        return Crontab(" ".join(str(field).replace(" ", "") for field in fields))
    if isinstance(value, celery_schedules.schedule):
        return Interval(value.run_every)
    if isinstance(value, Mapping):
        message = f"its schedule has the unknown type {value.get('__type__')!r}"
        raise ValueError(message)
    message = f"schedules of the kind {type(value).__name__} are not supported"
    raise ValueError(message)


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
