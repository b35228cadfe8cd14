"""A load as rows of bars, one character a minute or half an hour: fits 80 columns and needs no colours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

BARS: Final = "·▁▂▃▄▅▆▇█"
PLAIN_BARS: Final = ".123456789"

_HOUR: Final = 60
_HALF_HOUR: Final = 30
_MINUTE: Final = timedelta(minutes=1)
_LONG: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Row:
    """A label, and a number for each character; None where the row is outside of the time that was asked for."""

    label: str
    cells: Sequence[int | None]

    @property
    def total(self) -> int:
        """All numbers of the row."""
        return sum(cell or 0 for cell in self.cells)


def chart(by_minute: Sequence[int], start_at: datetime, zone: ZoneInfo, encoding: str) -> Iterator[str]:
    """The lines of the chart: hours by their minutes; more than two days by their half hours."""
    bars = BARS if _can_show(encoding) else PLAIN_BARS
    if len(by_minute) * _MINUTE <= _LONG:
        yield from _block("Ticks per minute", _RULER_OF_HOUR, _hours(by_minute, start_at, zone), bars)
        return
    yield from _block("Ticks per half hour", _RULER_OF_DAY, _days(by_minute, start_at, zone), bars)
    yield ""
    yield from _block(
        "Ticks by minute of the hour",
        _RULER_OF_HOUR,
        [_by_minute_of_hour(by_minute, start_at, zone)],
        bars,
    )


_RULER_OF_HOUR: Final = "".join(f":{minute:02}".ljust(10) for minute in range(0, _HOUR, 10))
_RULER_OF_DAY: Final = "".join(f"{hour:02}".ljust(6) for hour in range(0, 24, 3))


def _block(title: str, ruler: str, rows: Sequence[Row], bars: str) -> Iterator[str]:
    most = max((cell or 0 for row in rows for cell in row.cells), default=0)
    step = max(1, -(-most // (len(bars) - 1)))
    width = max(len("ticks"), *(len(str(row.total)) for row in rows))
    margin = max(len(row.label) for row in rows)
    yield f"{title}  {_legend(bars, step, most)}".rstrip()
    yield f"{'':{margin}}  {ruler}  {'ticks':>{width}}"
    for row in rows:
        cells = "".join(" " if cell is None else bars[-(-cell // step)] for cell in row.cells)
        yield f"{row.label:<{margin}}  {cells}  {row.total:>{width}}"


def _legend(bars: str, step: int, most: int) -> str:
    if not most:
        return ""
    first = f"{bars[1]} 1" + (f"-{step}" if step > 1 else "")
    level = -(-most // step)
    low = (level - 1) * step + 1
    last = f"{bars[level]} {low}" + (f"-{level * step}" if step > 1 else "")
    return f"({bars[0]} none, {first}{f', {last}' if level > 1 else ''})"


def _can_show(encoding: str) -> bool:
    try:
        BARS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _hours(by_minute: Sequence[int], start_at: datetime, zone: ZoneInfo) -> list[Row]:
    """A row for each hour on the wall; one that comes twice has two."""
    rows: dict[tuple[object, ...], list[int | None]] = {}
    labels: dict[tuple[object, ...], str] = {}
    day = None
    for minute, ticks in enumerate(by_minute):
        local = (start_at + minute * _MINUTE).astimezone(zone)
        key = (local.date(), local.hour, local.utcoffset())
        if key not in rows:
            rows[key] = [None] * _HOUR
            labels[key] = f"{local:%a}" if local.date() != day else ""
            labels[key] = f"{labels[key]:<4}{local:%H}:00"
            day = local.date()
        rows[key][local.minute] = ticks
    return [Row(labels[key], cells) for key, cells in rows.items()]


def _days(by_minute: Sequence[int], start_at: datetime, zone: ZoneInfo) -> list[Row]:
    rows: dict[object, list[int | None]] = {}
    labels: dict[object, str] = {}
    for minute, ticks in enumerate(by_minute):
        local = (start_at + minute * _MINUTE).astimezone(zone)
        day = local.date()
        if day not in rows:
            rows[day] = [None] * (24 * _HOUR // _HALF_HOUR)
            labels[day] = f"{local:%a %d %b}"
        place = (local.hour * _HOUR + local.minute) // _HALF_HOUR
        rows[day][place] = (rows[day][place] or 0) + ticks
    return [Row(labels[day], cells) for day, cells in rows.items()]


def _by_minute_of_hour(by_minute: Sequence[int], start_at: datetime, zone: ZoneInfo) -> Row:
    cells = [0] * _HOUR
    for minute, ticks in enumerate(by_minute):
        cells[(start_at + minute * _MINUTE).astimezone(zone).minute] += ticks
    return Row("", cells)
