"""Schedules as Ruby's fugit reads them, for Sidekiq and Solid Queue: crontabs with a zone, and English."""

import re
from datetime import timedelta
from typing import Final

from scheduler.cadences.wall_clock import zone_named
from scheduler.importing.draft import Draft

_UNITS: Final = {
    "minute": "*/{n} * * * *",
    "hour": "0 */{n} * * *",
    "day": "0 0 */{n} * *",
    "week": "0 0 * * 0",
    "month": "0 0 1 */{n} *",
    "year": "0 0 1 1 *",
}
_DAY: Final = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_TIME: Final = r"noon|midnight|\d{1,2}(?::\d{2})?(?: ?[ap]m)?"
_AT: Final = rf"(?:at )?(?P<at>(?:{_TIME})(?:(?: and |, ?| or )(?:{_TIME}))*)"
_DAYS: Final = rf"{_DAY}(?:(?: and |, ?| to |-){_DAY})*"
_WHEN: Final = rf"(?P<each>day|weekday|{_DAYS}|month on (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?)"
_FORMS: Final = (re.compile(rf"every {_WHEN}(?: {_AT})?"), re.compile(rf"{_AT} every {_WHEN}"))
_EVERY: Final = re.compile(r"every (?:(?P<n>\d+) )?(?P<unit>second|minute|hour|day|week|month|year)s?")
_MINUTE: Final = re.compile(r"every hour at (?:minute )?(?P<minute>\d{1,2})(?: minutes?)?(?: past)?")
_CRON: Final = re.compile(r"[-\d*,/]+(?:\s+[-\w*,/#?]+){4,5}|@\w+")


def set_fugit(draft: Draft, text: object) -> None:
    """Give `draft` the schedule that `text` says; where it can't be carried over, say why."""
    if not isinstance(text, str) or not text.strip():
        draft.tick_by_hand(f"{text!r} is no schedule")
        return
    words, zone = _without_zone(" ".join(text.split()))
    if _CRON.fullmatch(words):
        _set_cron(draft, words, zone)
    elif (every := _EVERY.fullmatch(words.lower())) and every["unit"] == "second":
        draft.tick_every(timedelta(seconds=int(every["n"] or 1)))
    elif (crontab := english_crontab(words.lower())) is not None:
        draft.comments.append(f"It was: {text}")
        draft.tick_by_crontab(crontab, zone)
    else:
        draft.tick_by_hand(f"{text!r} is not understood")


def english_crontab(text: str) -> str | None:
    """The crontab of "every day at 5am" and the like, or None."""
    if every := _EVERY.fullmatch(text):
        count = int(every["n"] or 1)
        if every["unit"] == "second" or (every["unit"] in ("week", "year") and count > 1):
            return None
        return _UNITS[every["unit"]].format(n=count).replace("*/1 ", "* ")
    if minute := _MINUTE.fullmatch(text):
        return f"{int(minute['minute'])} * * * *"
    for form in _FORMS:
        if found := form.fullmatch(text):
            return _with_days(found)
    return None


def _with_days(found: re.Match[str]) -> str | None:
    times = [_clock(time) for time in re.findall(_TIME, found["at"] or "midnight")]
    minutes = {minute for _, minute in times}
    if len(minutes) > 1:
        return None  # 9:15 and 10:30 are two crontabs
    hours = ",".join(str(hour) for hour in sorted({hour for hour, _ in times}))
    each, day = found["each"], found["day"]
    days = f"{int(day)} * *" if day else f"* * {_weekdays(each)}"
    return f"{minutes.pop()} {hours} {days}"


def _weekdays(each: str) -> str:
    if each in ("day", "weekday"):
        return "*" if each == "day" else "1-5"
    short = re.sub(_DAY, lambda day: day.group()[:3], each)
    return re.sub(r" and |, ?", ",", short).replace(" to ", "-")


def _clock(text: str) -> tuple[int, int]:
    if text in ("noon", "midnight"):
        return (12 if text == "noon" else 0), 0
    digits, half = text.rstrip(" apm"), text[-2:]
    hour, _, minute = digits.partition(":")
    number = int(hour)
    if half == "pm" and number < 12:  # noqa: PLR2004 - noon
        number += 12
    elif half == "am" and number == 12:  # noqa: PLR2004 - 12am is midnight
        number = 0
    return number, int(minute or 0)


def _without_zone(text: str) -> tuple[str, str | None]:
    """The schedule, and the zone that fugit lets stand after it."""
    head, _, last = text.rpartition(" ")
    if head and ("/" in last or last.upper() in ("UTC", "GMT", "Z")) and last[:1].isalpha():
        name = "UTC" if last.upper() in ("UTC", "Z") else last
        try:
            zone_named(name)
        except ValueError:
            return text, None
        return head.removesuffix(" in"), name
    return text, None


def _set_cron(draft: Draft, text: str, zone: str | None) -> None:
    """A crontab, which in fugit may begin with seconds."""
    words = text.split()
    if len(words) == 6:  # noqa: PLR2004 - the seconds first
        first, rest = words[0], words[1:]
        step = re.fullmatch(r"\*(?:/(\d+))?", first)
        if step and rest == ["*"] * 5 and 60 % int(step[1] or 1) == 0:
            draft.tick_every(timedelta(seconds=int(step[1] or 1)))
            return
        if first in ("0", "00"):
            text = " ".join(rest)
    draft.tick_by_crontab(text, zone)
