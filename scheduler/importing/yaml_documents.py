"""YAML documents with where each key stands. Read by PyYAML's safe loader: plain values, no objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from scheduler.importing.draft import Note, Unreadable

Path = tuple[str | int, ...]

_MOST_NODES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value, the line of each key by its path, and what is said of keys that come twice."""

    value: Any
    lines: dict[Path, int]
    notes: list[Note]

    def line(self, *path: str | int) -> int | None:
        """The line of what stands at `path`."""
        return self.lines.get(path)


def yaml_documents(text: str) -> list[Document]:
    """The documents of a YAML stream that hold anything. Raises Unreadable, with the place, for what is none."""
    found = []
    try:
        loader = yaml.SafeLoader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            _refuse_growth(node)
            lines, notes = _lines(node)
            value = loader.construct_document(node)
            if value is not None:
                found.append(Document(value, lines, notes))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise Unreadable(f"it is no YAML: {problem}", line, column) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(f"it is no YAML: {error.reason}", line, 1) from error
    except (RecursionError, ValueError, OverflowError, TypeError) as error:
        # A date that does not exist, a key that is a table, thousands of brackets.
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"it is no YAML that can be read: {error}", 1, 1) from error
    return found


def _refuse_growth(root: yaml.Node) -> None:
    """Refuse what aliases blow up to more than anybody wrote, or to what holds itself."""
    sizes: dict[int, int] = {}
    within: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in within:
            raise Unreadable("an alias stands for what it is part of", *_place(node))
        if id(node) not in sizes:
            within.add(id(node))
            sizes[id(node)] = 1 + sum(size(child) for child in _children(node))
            within.discard(id(node))
        if sizes[id(node)] > _MOST_NODES:
            raise Unreadable(f"its aliases make more than {_MOST_NODES} values of it", *_place(node))
        return sizes[id(node)]

    size(root)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _lines(root: yaml.Node) -> tuple[dict[Path, int], list[Note]]:
    lines: dict[Path, int] = {(): _place(root)[0]}
    notes: list[Note] = []

    def walk(node: yaml.Node, path: Path) -> None:
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                lines[*path, index] = _place(item)[0]
                walk(item, (*path, index))
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = key.value if isinstance(key, yaml.ScalarNode) else ""
                line = _place(key)[0]
                if name in seen and name != "<<":
                    notes.append(Note(text=f"{name!r} stands there twice; the last one counts", line=line))
                seen.add(name)
                lines[*path, name] = line
                walk(value, (*path, name))

    walk(root, ())
    return lines, notes
