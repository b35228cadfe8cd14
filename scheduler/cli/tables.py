"""Tables and blocks of facts: rich on a terminal, plain columns with every character when piped."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

from scheduler.quoting import harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

SHORT_ID = 8
NARROW = 100
NOTHING = "-"
GAP = 2
LEAST_FLEXIBLE = 20


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `flexible`: it takes what the others leave. `drop`: where there is little room, 1 goes first."""

    title: str
    align: Literal["left", "right"] = "left"
    flexible: bool = False
    drop: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with rich's name for its style. `plain` stands instead of it, as it is, where there is no terminal."""

    text: str
    style: str = ""
    plain: str | None = None


Content = str | Cell


def on_terminal() -> bool:
    """True where a person looks at stdout, or asked for colours by FORCE_COLOR."""
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def narrow() -> bool:
    """True where the terminal has little room for a table."""
    return on_terminal() and console().width < NARROW


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[Content]]) -> None:
    """Print rows under their titles."""
    cells = [[_cell(content) for content in row] for row in rows]
    if on_terminal():
        _print_rich(columns, cells)
    else:
        _print_plain([column.title.upper() for column in columns], cells)


def print_facts(facts: Iterable[tuple[str, Content | None]]) -> None:
    """Print `label  value` lines; those without a value are left out."""
    known = [(label, _cell(content)) for label, content in facts if content is not None]
    if not known:
        return
    width = max(len(label) for label, _ in known)
    if not on_terminal():
        for label, cell in known:
            click.echo(f"{label:<{width}}  {_plain(cell)}")
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, cell in known:
        grid.add_row(label, Text(cell.text, style=cell.style))
    console().print(grid)


def print_heading(text: str, note: str = "") -> None:
    """Print a line above a block, with an empty one before it."""
    click.echo()
    click.echo(click.style(text, bold=True) + (f"  {click.style(note, dim=True)}" if note else ""))


def console() -> "Console":
    """Rich's console on stdout as it is now."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def _cell(content: Content) -> Cell:
    """What a job or a person wrote stands in many a cell: it may not act on the terminal."""
    if isinstance(content, str):
        return Cell(harmless(content))
    plain = None if content.plain is None else harmless(content.plain)
    return Cell(harmless(content.text), content.style, plain)


def _plain(cell: Cell) -> str:
    return (" ".join(cell.text.split()) if cell.plain is None else cell.plain) or NOTHING


def _print_plain(titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    lines = [titles, *([_plain(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
    padded = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    click.echo("\n".join(padded))


def _print_rich(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    from rich.text import Text

    screen = console()
    table = [[Text(column.title, style="dim") for column in columns]]
    table += [
        [Text(cell.text or NOTHING, style=cell.style if cell.text else "dim") for cell in row] for row in rows
    ]
    widths = [max(line[i].cell_len for line in table) for i in range(len(columns))]
    filled = [any(row[i].text for row in rows) for i in range(len(columns))]
    shown = _fitting(columns, widths, filled, screen.width)
    for line in table:
        screen.print(_line(columns, line, shown), no_wrap=True, overflow="ellipsis", crop=True)


def _fitting(
    columns: Sequence[Column], natural: Sequence[int], filled: Sequence[bool], room: int
) -> dict[int, int]:
    """The columns to show, by index, each with its width: empty ones go, then those that `drop` until all fit."""
    widths = {
        i: min(width, column.most or width)
        for i, (column, width) in enumerate(zip(columns, natural, strict=True))
        if filled[i]
    }
    flexible = next((i for i in widths if columns[i].flexible), None)
    least = min(widths[flexible], LEAST_FLEXIBLE) if flexible is not None else 0

    def left_over() -> int:
        fixed = sum(width for i, width in widths.items() if i != flexible)
        return room - fixed - GAP * (len(widths) - 1)

    for _, i in sorted((column.drop, i) for i, column in enumerate(columns) if column.drop and i in widths):
        if left_over() < least:
            del widths[i]
            least = 0 if flexible == i else least
    if flexible in widths:
        widths[flexible] = max(min(widths[flexible], left_over()), len(columns[flexible].title))
    return widths


def _line(columns: Sequence[Column], cells: "Sequence[Text]", shown: Mapping[int, int]) -> "Text":
    from rich.text import Text

    parts = []
    for i, width in shown.items():
        cell = cells[i].copy()
        cell.truncate(width, overflow="ellipsis")
        spare = width - cell.cell_len
        if columns[i].align == "right":
            cell.pad_left(spare)
        elif i != list(shown)[-1]:
            cell.pad_right(spare)
        parts.append(cell)
    return Text(" " * GAP).join(parts)
