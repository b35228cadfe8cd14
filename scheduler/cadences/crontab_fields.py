"""The fields of a crontab: what each item stands for, and what is wrong with it, to the very characters.

Five fields, or six with the seconds first. Numbers, names, lists, ranges and steps are Vixie cron's (crontab(5));
`crontab_days` has the words for days, `crontab_hash` has `H`.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from scheduler.cadences.crontab_days import MONTH_DAY_WORD, MOST_FROM_END, WEEKDAY_WORD
from scheduler.cadences.crontab_hash import HASH, hashed_numbers
from scheduler.suggestion import did_you_mean

ALIASES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_WORD: Final = re.compile(r"\S+")
_MOST_WEEKS: Final = 5


class CrontabProblem(ValueError):
    """What is wrong with a crontab; `start` and `end` are the characters that it is about."""

    def __init__(self, message: str, field: str | None, start: int, end: int) -> None:
        super().__init__(message)
        self.field = field
        self.start = start
        self.end = end


class Field(NamedTuple):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    hash_high: int | None = None  # `H` goes up to this: on the 29th of February few would have a tick

    def number(self, text: str) -> int | None:
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.low
        return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


SECOND: Final = Field("second", 0, 59)
MINUTE: Final = Field("minute", 0, 59)
HOUR: Final = Field("hour", 0, 23)
MONTH_DAY: Final = Field("day of month", 1, 31, hash_high=28)
MONTH: Final = Field(
    "month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
)
WEEKDAY: Final = Field("day of week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), hash_high=6)
FIELDS: Final = (MINUTE, HOUR, MONTH_DAY, MONTH, WEEKDAY)
WITH_SECONDS: Final = (SECOND, *FIELDS)


class Word(NamedTuple):
    """A field as it is written, and where its first character stands."""

    field: Field
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def checked_words(expression: str) -> tuple[Word, ...]:
    """The six fields of `expression`, an alias written out. Raises CrontabProblem for the first thing wrong."""
    written = without_alias(expression)
    found = list(_WORD.finditer(written))
    if len(found) not in (len(FIELDS), len(WITH_SECONDS)):
        have = f"{len(found)} field{'' if len(found) == 1 else 's'}, not 5"
        message = (
            f"{have if found else 'is empty; write 5 fields'}: minute hour day-of-month month day-of-week"
        )
        raise CrontabProblem(message, None, 0, len(expression))
    fields = WITH_SECONDS[-len(found) :]
    words = [Word(field, word.group(), word.start()) for field, word in zip(fields, found, strict=True)]
    for word in words:
        for problem in _problems(word):
            raise problem
    return tuple(words) if len(words) == len(WITH_SECONDS) else (Word(SECOND, "0", 0), *words)


def field_count(expression: str) -> int | None:
    """How many fields there are; None for an alias such as `@daily`."""
    return None if expression.lstrip().startswith("@") else len(expression.split())


def written_out(expression: str, entry: str) -> str:
    """`expression` with its alias and each `H` written out: what stands there for this entry."""
    words = [
        ",".join(_item_written_out(word.field, item, entry) for item in word.text.split(","))
        for word in checked_words(expression)
    ]
    has_seconds = len(without_alias(expression).split()) == len(WITH_SECONDS)
    return " ".join(words if has_seconds else words[1:])


def _item_written_out(field: Field, item: str, entry: str) -> str:
    if HASH.fullmatch(item.upper()) is None:
        return item
    return ",".join(str(number) for number in item_numbers(field, item, entry))


def has_hash(expression: str) -> bool:
    """Whether `H` stands in a field: then the ticks are another entry's own."""
    items = (item for word in without_alias(expression).split() for item in word.split(","))
    return any(HASH.fullmatch(item.upper()) for item in items)


def numbers(word: Word, entry: str) -> frozenset[int]:
    """The numbers of a field that was checked; Sunday is 0. `H` is that of the entry with this name."""
    found = {number for item in word.text.split(",") for number in item_numbers(word.field, item, entry)}
    return frozenset(number % 7 for number in found) if word.field is WEEKDAY else frozenset(found)


def item_numbers(field: Field, item: str, entry: str) -> range:
    """The numbers of one item of a list; none for a word such as `L`."""
    if (hash_ := HASH.fullmatch(item.upper())) is not None:
        low = field.low if hash_["low"] is None else _known(field, hash_["low"])
        high = field.hash_high or field.high if hash_["high"] is None else _known(field, hash_["high"])
        return hashed_numbers(entry, field.name, low, high, int(hash_["step"]) if hash_["step"] else None)
    if special_word(field, item) is not None:
        return range(0)
    span, slash, step = item.partition("/")
    if span == "*":
        low, high = field.low, field.high
    else:
        first, dash, last = span.partition("-")
        low = _known(field, first)
        high = _known(field, last) if dash else field.high if slash else low
    return range(low, high + 1, int(step) if slash else 1)


def special_word(field: Field, item: str) -> re.Match[str] | None:
    """`L`, `L-3`, `LW`, `15W` of a day of month, `5#3` and `5L` of a day of week."""
    if field is MONTH_DAY:
        return MONTH_DAY_WORD.fullmatch(item.upper())
    return WEEKDAY_WORD.fullmatch(item.upper()) if field is WEEKDAY else None


def _known(field: Field, text: str) -> int:
    number = field.number(text)
    if number is None:
        raise ValueError(f"{field.name} {text!r} was not checked")
    return number


def without_alias(expression: str) -> str:
    """`expression` with an alias such as `@daily` written out. Raises CrontabProblem for an alias that is none."""
    alias = expression.strip()
    if not alias.startswith("@"):
        return expression
    if alias.lower() in ALIASES:
        return ALIASES[alias.lower()]
    start = expression.index("@")
    message = f"unknown alias {alias!r}{did_you_mean(alias, ALIASES)}"
    if alias.lower().startswith("@every"):
        message = f'{alias!r} is an interval; write interval = "{alias[6:].strip() or "5m"}"'
    elif alias.lower() == "@reboot":
        message = "'@reboot' names no time; jobs run at times, not when a beat starts"
    raise CrontabProblem(message, None, start, start + len(alias))


def _problems(word: Word) -> Iterator[CrontabProblem]:
    """What is wrong with one field, item by item."""
    field, text, start = word
    position = start
    for item in text.split(","):
        if not item:
            around = slice(max(0, position - start - 1), position - start + 1)
            message = f"{field.name} has an empty item in its list {text!r}"
            yield CrontabProblem(
                message, field.name, start + around.start, start + min(around.stop, len(text))
            )
        elif item == "?":
            yield CrontabProblem(f"{field.name} '?' is Quartz's; write *", field.name, position, position + 1)
        elif (special := special_word(field, item)) is not None:
            if wrong := _special_problem(field, item, special):
                yield CrontabProblem(wrong, field.name, position, position + len(item))
        elif (hash_ := HASH.fullmatch(item.upper())) is not None:
            yield from _hash_problems(field, item, hash_, position)
        else:
            yield from _item_problems(field, item, position)
        position += len(item) + 1


def _special_problem(field: Field, item: str, word: re.Match[str]) -> str | None:
    found = word.groupdict()
    if field is MONTH_DAY:
        if found["back"] and int(found["back"]) > MOST_FROM_END:
            return f"{field.name} {item!r}: no month has a day so far from its end; at most L-{MOST_FROM_END}"
        return _number_problem(field, found["near"], item) if found["near"] else None
    if wrong := _number_problem(field, found["nth_of"] or found["last"], item):
        return wrong
    if found["nth"] and not (len(found["nth"]) == 1 and 1 <= int(found["nth"]) <= _MOST_WEEKS):
        return (
            f"{field.name} {item!r}: a month has a first to fifth of them; write #1 to #5, or L for the last"
        )
    return None


def _hash_problems(field: Field, item: str, hash_: re.Match[str], start: int) -> Iterator[CrontabProblem]:
    if hash_["low"] is not None:
        opening, closing = item.index("("), item.index(")")
        yield from _item_problems(field, item[opening + 1 : closing], start + opening + 1)
    if hash_["step"] is not None:
        slash = item.rindex("/")
        yield from _step_problems(field, item[slash + 1 :], start + slash)


def _item_problems(field: Field, item: str, start: int) -> Iterator[CrontabProblem]:
    span, slash, step = item.partition("/")
    if slash:
        yield from _step_problems(field, step, start + len(span))
    if span == "*":
        return
    first, dash, last = span.partition("-")
    ends = [(first, start)] + ([(last, start + len(first) + 1)] if dash else [])
    numbers = []
    for text, position in ends:
        if wrong := _number_problem(field, text, span):
            yield CrontabProblem(wrong, field.name, position, position + max(1, len(text)))
        numbers.append(field.number(text))
    low, high = numbers[0], numbers[-1]
    if low is not None and high is not None and low > high:
        yield CrontabProblem(_reversed(field, first, last), field.name, start, start + len(span))


def _step_problems(field: Field, step: str, slash: int) -> Iterator[CrontabProblem]:
    end = slash + 1 + len(step)
    if not step:
        yield CrontabProblem(f"{field.name} has no step after '/'", field.name, slash, end)
    elif not re.fullmatch("[0-9]{1,9}", step):
        yield CrontabProblem(f"{field.name} step {step!r} is not a number", field.name, slash + 1, end)
    elif not int(step):
        message = f"{field.name} step 0 never moves on; a step is 1 or more"
        yield CrontabProblem(message, field.name, slash + 1, end)


def _number_problem(field: Field, text: str, span: str) -> str | None:
    if not text:
        return f"{field.name} range {span!r} lacks an end"
    number = field.number(text)
    if number is not None:
        within = field.low <= number <= field.high
        return None if within else f"{field.name} {number} is out of range {field.low}-{field.high}"
    if not field.names:
        return f"{field.name} {text!r} is not a number"
    hint = did_you_mean(text.upper(), field.names) or f"; the names are {' '.join(field.names)}"
    return f"{field.name} {text!r} is not a number or name{hint}"


def _reversed(field: Field, first: str, last: str) -> str:
    message = f"{field.name} range {first}-{last} ends before it starts; "
    if field is WEEKDAY:
        return message + (f"write {first}-7" if field.number(last) == 0 else f"write {first}-7,1-{last}")
    return message + f"write {first}-{field.high},{field.low}-{last}"
