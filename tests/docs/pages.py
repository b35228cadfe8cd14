"""Reading the documentation: its pages, the rows of their tables, the words set in code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def every_page() -> list[Path]:
    """All Markdown files that a reader may come upon."""
    return sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "deploy").rglob("*.md")])


def rows(text: str, *, header: str) -> list[list[str]]:
    """The cells of every table whose first column is called `header`, row by row."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[0] == header:
            inside = True
        elif inside and set(cells[0]) != {"-"}:
            found.append(cells)
    return found


def words_in_code(text: str) -> list[str]:
    """What stands between single backquotes."""
    return re.findall(r"`([^`\n]+)`", text)
