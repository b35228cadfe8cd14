"""Where each key and value of a TOML text stands. tomllib gives values without positions, tree-sitter the
positions.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str | int, ...]

_TOML = Language(tree_sitter_toml.language())
_KEYS = ("bare_key", "quoted_key", "dotted_key")


@dataclass(frozen=True, slots=True)
class Span:
    """`length` characters from `line`:`column`, both from 1. What goes on in further lines ends with its
    first.
    """

    line: int
    column: int
    length: int

    def part(self, start: int, end: int) -> "Span":
        """The characters from `start` to `end` of this span; at least one, so that there is something to
        see.
        """
        return Span(self.line, self.column + start, max(1, end - start))


@dataclass(frozen=True, slots=True)
class Twice:
    """A key or table that is declared a second time."""

    path: Path
    first: Span
    second: Span


class TomlPositions:
    """The positions of a text's keys and values by path: `("schedules", "backup", "args", 0)`.

    A right file asks for none, so the text is parsed when first a position is asked for, and of its tables only
    those that may hold what is asked for: ten thousand entries with one problem cost little more than none.
    """

    def __init__(self, text: str) -> None:
        self._text_read = text
        self._keys: dict[Path, Span] = {}
        self._values: dict[Path, Span] = {}
        self._raw: dict[Path, str] = {}
        self._declared: dict[Path, Span] = {}
        self._elements: dict[Path, int] = {}
        self._twice: list[Twice] = []

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines, without their ends."""
        return [line.removesuffix("\r") for line in self._text_read.split("\n")]

    @cached_property
    def twice(self) -> list[Twice]:
        """What is declared a second time, in the order of the text."""
        for path in list(self._unread):
            self._read_table(path)
        return sorted(self._twice, key=lambda twice: (twice.second.line, twice.second.column))

    def key(self, path: Path) -> Span | None:
        """Where the key, the table's header or the list's element stands; or what it is part of."""
        self._find(path)
        while path:
            if (span := self._keys.get(path) or self._values.get(path)) is not None:
                return span
            path = path[:-1]
        return None

    def value(self, path: Path) -> Span | None:
        """Where the value stands; where it has none of its own, what it is part of."""
        self._find(path)
        return self._values.get(path) or self.key(path)

    def has(self, path: Path) -> bool:
        """Whether the text itself sets this very key, table or element."""
        self._find(path)
        return path in self._keys or path in self._values

    def within(self, path: Path, value: str, start: int, end: int) -> Span | None:
        """Where the characters `start` to `end` of the string `value` stand, if it is written as it is, on
        one line.
        """
        self._find(path)
        span, raw = self._values.get(path), self._raw.get(path, "")
        quotes = 3 if raw[:3] in ('"""', "'''") else 1
        if span is not None and raw[quotes:-quotes] == value and "\n" not in raw:
            return span.part(quotes + start, quotes + end)
        return self.value(path)

    def source_line(self, line: int) -> str | None:
        """The text of a line, from 1."""
        return self.lines[line - 1] if 0 < line <= len(self.lines) else None

    @cached_property
    def _bytes(self) -> bytes:
        return self._text_read.encode(errors="replace")

    @cached_property
    def _byte_lines(self) -> list[bytes]:
        return self._bytes.split(b"\n")

    @cached_property
    def _unread(self) -> dict[Path, list[Node]]:
        """The tables whose keys have not been read, by their path; all headers have."""
        tables: dict[Path, list[Node]] = {}
        for node in Parser(_TOML).parse(self._bytes).root_node.children:
            if node.type == "pair":
                tables.setdefault((), []).append(node)
            elif node.type in ("table", "table_array_element"):
                tables.setdefault(self._read_header(node), []).append(node)
        return tables

    def _find(self, path: Path) -> None:
        """Read every table that may set `path`: those that it is part of."""
        for length in range(len(path) + 1):
            if path[:length] in self._unread:
                self._read_table(path[:length])

    def _read_table(self, path: Path) -> None:
        for node in self._unread.pop(path):
            for pair in [node] if node.type == "pair" else node.children:
                if pair.type == "pair":
                    self._read_pair(pair, path)

    def _read_header(self, node: Node) -> Path:
        key = next((child for child in node.children if child.type in _KEYS), None)
        if key is None:
            return ()
        path: Path = ()
        leaves = list(_leaves(key))
        for leaf in leaves:
            path = (*path, self._name(leaf))
            self._keys.setdefault(path, self._span(leaf))
            if leaf is not leaves[-1] and path in self._elements:
                path = (*path, self._elements[path])
        here = self._span(leaves[-1])
        if node.type == "table_array_element":
            self._elements[path] = self._elements.get(path, -1) + 1
            path = (*path, self._elements[path])
        self._declare(path, here)
        self._keys[path] = here
        return path

    def _read_pair(self, pair: Node, table: Path) -> None:
        """Note a pair and everything inside its value; without recursion, for a text may nest without end."""
        waiting: list[tuple[Node, Path]] = [(pair, table)]
        while waiting:
            node, path = waiting.pop()
            if node.type == "pair":
                key = next((child for child in node.children if child.type in _KEYS), None)
                if key is None:
                    continue
                here = self._span(key)
                for leaf in _leaves(key):
                    path, here = (*path, self._name(leaf)), self._span(leaf)
                    self._keys.setdefault(path, here)
                self._declare(path, here)
                value = [child for child in node.children if child.is_named and child.type != "comment"][-1]
                if value is not key:
                    waiting.append((value, path))
                continue
            self._values.setdefault(path, self._span(node))
            if node.type == "string":
                self._raw.setdefault(path, self._text(node))
            elif node.type == "array":
                elements = [child for child in node.children if child.is_named and child.type != "comment"]
                waiting += [(child, (*path, index)) for index, child in enumerate(elements)]
            elif node.type == "inline_table":
                waiting += [(child, path) for child in reversed(node.children) if child.type == "pair"]

    def _declare(self, path: Path, here: Span) -> None:
        first = self._declared.setdefault(path, here)
        if first is not here:
            first, second = sorted((first, here), key=lambda span: (span.line, span.column))
            self._twice.append(Twice(path, first, second))

    def _name(self, key: Node) -> str:
        text = self._text(key)
        if key.type == "bare_key":
            return text
        try:
            return str(tomllib.loads(f"key = {text}")["key"])
        except tomllib.TOMLDecodeError:
            return text

    def _text(self, node: Node) -> str:
        return self._bytes[node.start_byte : node.end_byte].decode(errors="replace")

    def _span(self, node: Node) -> Span:
        (row, start), (last_row, end) = node.start_point, node.end_point
        line = self._byte_lines[row]
        if last_row != row:
            end = len(line.rstrip())
        column = len(line[:start].decode(errors="replace"))
        length = len(line[start:end].decode(errors="replace"))
        return Span(row + 1, column + 1, max(1, length))


def _leaves(key: Node) -> Iterator[Node]:
    """The names of a dotted key, the first first."""
    waiting = [key]
    while waiting:
        node = waiting.pop()
        if node.type == "dotted_key":
            waiting += [child for child in reversed(node.children) if child.type in _KEYS]
        else:
            yield node
