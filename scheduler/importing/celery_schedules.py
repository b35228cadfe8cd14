"""Celery's schedules as an entry's keys: `crontab(…)`, `schedule(…)`, a timedelta, a number of seconds."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from celery.schedules import crontab, schedule, solar

from scheduler.cadences.crontab_fields import CrontabProblem, checked_words
from scheduler.cadences.crontab_fields import numbers as numbers_of
from scheduler.importing.draft import Draft

# The fields of a crontab, and all that each may hold.
_WHOLE: Final = {
    "minutes": range(60),
    "hours": range(24),
    "days": range(1, 32),
    "months": range(1, 13),
    "weekdays": range(7),
}
_EVERY_DAY, _EVERY_WEEKDAY = set(_WHOLE["days"]), set(_WHOLE["weekdays"])

DIFFERENCES: Final = (
    "Celery counts an interval from its last run, Onbeat from 1970: every 30 s is at :00 and :30 (see `anchor`).",
    'Celery beat sends a task while its last run goes on; Onbeat leaves that tick out (overlap = "allow" would not).',
    "the jobs are Celery's task names: a worker finds them in the modules that ONBEAT_JOBS names.",
)


def set_schedule(draft: Draft, value: Any, timezone: str | None = None) -> None:
    """Give `draft` the schedule `value`, in the zone of that name; where it can't be carried over, say why."""
    if isinstance(value, bool):
        draft.tick_by_hand(f"{value!r} is no schedule")
    elif isinstance(value, (int, float)):
        draft.tick_every(timedelta(seconds=value))
    elif isinstance(value, timedelta):
        draft.tick_every(value)
    elif isinstance(value, solar):
        draft.tick_by_hand(f"{value.event} at latitude {value.lat} and longitude {value.lon}")
    elif isinstance(value, crontab):
        _set_crontab(draft, value, timezone)
    elif type(value) is schedule:
        draft.tick_every(value.run_every)
        if value.relative:
            draft.say("relative = True: Onbeat's intervals are at round times anyway")
    else:
        draft.tick_by_hand(f"a {type(value).__module__}.{type(value).__qualname__} of your own")


def _set_crontab(draft: Draft, value: crontab, timezone: str | None) -> None:
    days, weekdays = set(value.day_of_month), set(value.day_of_week)
    fields = (
        crontab_field(value._orig_minute, value.minute, "minutes"),  # noqa: SLF001 - kept nowhere else
        crontab_field(value._orig_hour, value.hour, "hours"),  # noqa: SLF001
        crontab_field(value._orig_day_of_month, days, "days"),  # noqa: SLF001
        crontab_field(value._orig_month_of_year, value.month_of_year, "months"),  # noqa: SLF001
        crontab_field(value._orig_day_of_week, weekdays, "weekdays"),  # noqa: SLF001
    )
    expression = " ".join(fields)
    if days != _EVERY_DAY and weekdays != _EVERY_WEEKDAY:
        draft.tick_by_hand(
            f"{expression!r} restricts both days: Celery runs it where both match, a crontab where either does"
        )
        return
    draft.tick_by_crontab(expression, timezone)


def crontab_field(written: object, values: Iterable[int], field: str) -> str:
    """A field as a crontab has it: as it was written where that means the same there, else as numbers."""
    numbers = sorted(set(values))
    if numbers == list(_WHOLE[field]):
        return "*"
    text = str(written).replace(" ", "").lower()
    if _in_a_crontab(text, field) == set(numbers):
        return text
    return ",".join(_run(run) for run in _runs(numbers))


def _in_a_crontab(text: str, field: str) -> set[int] | None:
    """The numbers that `text` stands for in a crontab, or None where it stands for none."""
    words = [text if name == field else "*" for name in _WHOLE]
    try:
        _seconds, *fields = checked_words(" ".join(words))
    except CrontabProblem:
        return None
    return set(numbers_of(fields[list(_WHOLE).index(field)], ""))


def _runs(numbers: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _run(run: list[int]) -> str:
    return f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run))  # noqa: PLR2004 - 1,2 is shorter
