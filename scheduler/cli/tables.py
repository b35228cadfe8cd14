"""Tables and blocks of facts: rich on a terminal, plain columns with every character when piped."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from rich.console import Console

SHORT_ID = 8
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `flexible`: it gives way first where the terminal is narrow, and takes what is left over."""

    title: str
    align: Literal["left", "right"] = "left"
    flexible: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with rich's name for its style. `plain` stands instead of it where there is no terminal."""

    text: str
    style: str = ""
    plain: str | None = None


Content = str | Cell


def on_terminal() -> bool:
    """True where a person looks at stdout, or asked for colours by FORCE_COLOR."""
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


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
    return Cell(content) if isinstance(content, str) else content


def _plain(cell: Cell) -> str:
    return " ".join((cell.text if cell.plain is None else cell.plain).split()) or NOTHING


def _print_plain(titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    lines = [titles, *([_plain(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
    for line in lines:
        padded = "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo(padded.rstrip())


def _print_rich(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", show_edge=False)
    for column in columns:
        table.add_column(
            column.title,
            justify=column.align,
            no_wrap=True,
            overflow="ellipsis",
            ratio=None,
            min_width=None if column.flexible else _width(rows, columns.index(column), column.title),
        )
    for row in rows:
        table.add_row(
            *(
                Text(cell.text or NOTHING, style=cell.style or ("dim" if not cell.text else ""))
                for cell in row
            )
        )
    console().print(table)


def _width(rows: Sequence[Sequence[Cell]], index: int, title: str) -> int:
    return max([len(title), *(len(row[index].text) for row in rows)])
