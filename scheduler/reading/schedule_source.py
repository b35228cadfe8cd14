"""One file of schedules: its text, its tables with the variables filled in, and the report of what is wrong."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scheduler.problem import Problem
from scheduler.reading.file_look import Look, look_at
from scheduler.reading.problem_report import Report
from scheduler.reading.toml_positions import Path as Keys
from scheduler.reading.toml_positions import Span, TomlPositions, Twice
from scheduler.secrecy import is_secret_name
from scheduler.variables import VariableProblem, expanded, referenced

MOST_LEVELS: Final = 60

_TOO_DEEP: Final = f"the file is nested too deeply: more than {MOST_LEVELS} tables or lists, one in the other"
_BRACKET: Final = re.compile(r"[\[\]{}]")
_LONG_NUMBER: Final = re.compile(r"[0-9_]{4300,}")
_AT: Final = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_IN_WORDS: Final = {
    "Invalid value": "this is no value; text stands in quotes",
    "Illegal character '\\n'": "the text has no closing quote in its line",
    "Expected newline or end of document after a statement": "one key and its value fill a line; this is too much",
    "Unescaped '\\' in a string": "a backslash in quotes is written twice, or the text stands in single quotes",
    "Invalid initial character for a key part": "a name with other characters than A-Z a-z 0-9 _ - stands in quotes",
    "Invalid statement": "this is neither a key with its value nor a [table]",
}


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A file that was read, or tried. `parent` is the file that includes it, and `look` how it was before.

    The document is None where it could not be read; the report says why.
    """

    path: Path
    report: Report
    read: Mapping[str, Any] | None
    parent: "Source | None" = None
    look: Look = None

    @property
    def document(self) -> Mapping[str, Any]:
        """The file's tables, with the variables filled in; none where it could not be read."""
        return self.read or {}


def read_source(
    path: Path, *, environ: Mapping[str, str], env: str | None, parent: Source | None = None
) -> Source:
    """The file at `path`. Raises nothing: what is wrong is in its report.

    A variable that is not set is an error, but for the tables of environments other than `env`: what needs it is
    then left out.
    """
    look = look_at(path)  # before it is read: what comes meanwhile is another look
    text, problem = _text_of(path)
    report = Report(str(path), TomlPositions(text))
    if problem is not None:
        report.note(problem)
        return Source(path, report, None, parent, look)
    document = _document(text, report)
    if document is not None and "${" in text:
        document = _with_variables(document, report, environ, env)
    return Source(path, report, document, parent, look)


def _text_of(path: Path) -> tuple[str, Problem | None]:
    """The file's text, or what is wrong with the file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        message = "no such file; `onbeat init` writes a first one, ONBEAT_SCHEDULES names another"
    except IsADirectoryError:
        message = "is a directory, not a file"
    except PermissionError:
        message = "can't be read: permission denied for this user"
    except (OSError, ValueError) as error:
        message = f"can't be read: {getattr(error, 'strerror', None) or error}"
    else:
        try:
            return content.decode("utf-8-sig"), None
        except UnicodeDecodeError as error:
            return "", _not_utf8(path, content, error.start)
    return "", Problem(file=str(path), code="file", message=message)


def _not_utf8(path: Path, content: bytes, position: int) -> Problem:
    before = content[:position]
    start = before.rfind(b"\n") + 1
    source = content[start:].split(b"\n", 1)[0].decode(errors="replace").rstrip("\r")
    return Problem(
        file=str(path),
        line=before.count(b"\n") + 1,
        column=len(content[start:position].decode(errors="replace")) + 1,
        code="encoding",
        message=f"is not UTF-8: the byte 0x{content[position]:02x} stands for nothing there; save the file as UTF-8",
        source_line=source,
    )


def _document(text: str, report: Report) -> dict[str, Any] | None:
    try:
        document = tomllib.loads(text)
    except RecursionError:
        report.add(_TOO_DEEP, _deepest_bracket(text), code="toml")
    except tomllib.TOMLDecodeError as error:
        _add_toml_error(str(error), report)
    except ValueError:  # a number with more digits than Python reads
        found = _LONG_NUMBER.search(text)
        span = _span_of(text, found.start()) if found else _end(report.positions)
        report.add("the number is too long for any computer", span, code="toml")
    else:
        if (path := _too_deep(document)) is None:
            return document
        report.add(_TOO_DEEP, report.value(path), code="toml")
    return None


def _too_deep(document: dict[str, Any]) -> Keys | None:
    """The first value that lies deeper than anything that is meant, without recursion."""
    level: list[Any] = [document]
    for _ in range(MOST_LEVELS + 1):
        items = [each.values() if isinstance(each, dict) else each for each in level]
        level = [value for values in items for value in values if isinstance(value, (dict, list))]
    return _deep_path(document) if level else None


def _deep_path(document: dict[str, Any]) -> Keys | None:
    waiting: list[tuple[Any, Keys]] = [(document, ())]
    while waiting:
        value, path = waiting.pop()
        if len(path) > MOST_LEVELS:
            return path
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        waiting += [(item, (*path, key)) for key, item in items if isinstance(item, (dict, list))]
    return None


def _deepest_bracket(text: str) -> Span:
    """About where the text is nested too deeply: strings with brackets in them are counted like any other."""
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found.group() in "[{" else -1
        if depth > MOST_LEVELS:
            return _span_of(text, found.start())
    return Span(1, 1, 1)


def _span_of(text: str, position: int) -> Span:
    before = text[:position]
    return Span(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1, 1)


def _add_toml_error(message: str, report: Report) -> None:
    if message.startswith("Cannot ") and report.positions.twice:
        twice = report.positions.twice[0]
        report.add(_twice_in_words(twice), twice.second, code="duplicate")
        return
    at = _AT.search(message)
    said = message[: at.start()] if at else message
    said = _IN_WORDS.get(said) or said[:1].lower() + said[1:]
    if at and at["line"]:
        span = Span(int(at["line"]), int(at["column"]), 1)
        if report.positions.source_line(span.line) is None:
            span = _end(report.positions)
    else:
        span = _end(report.positions)
        said = "the value has no end" if said == _IN_WORDS["Invalid value"] else f"the file ends: {said}"
    report.add(said, span, code="toml")


def _end(positions: TomlPositions) -> Span:
    """The last character of the last line with any."""
    line = next(
        (number for number in range(len(positions.lines), 0, -1) if positions.lines[number - 1].strip()), 1
    )
    return Span(line, max(1, len(positions.lines[line - 1].rstrip())), 1)


def _twice_in_words(twice: Twice) -> str:
    place = f"the first is in line {twice.first.line}"
    match twice.path:
        case (*_, "schedules", str(name)):
            return f"the entry {name!r} is declared twice; {place}"
        case ("calendars", str(name)):
            return f"the calendar {name!r} is declared twice; {place}"
        case ("env", str(name)):
            return f"the environment {name!r} is declared twice; {place}"
        case (*_, "schedules" | "defaults"):
            return f"the table [{'.'.join(map(str, twice.path))}] is declared twice; {place}"
    return f"the key {str(twice.path[-1])!r} is set twice; {place}"


def _with_variables(
    document: dict[str, Any], report: Report, environ: Mapping[str, str], env: str | None
) -> dict[str, Any]:
    named = document.get("secrets")
    declared = frozenset(name for name in named if isinstance(name, str)) if isinstance(named, list) else ()

    def walked(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {key: walked(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walked(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        for name in referenced(value):
            if environ.get(name) and (name in declared or is_secret_name(name)):
                report.secrets.add(environ[name])
        try:
            return expanded(value, environ)
        except VariableProblem as problem:
            if problem.unset and path[0] == "env" and path[1:2] != (env,):
                report.mark(path)
            else:
                span = report.positions.within(path, value, problem.start, problem.end)
                report.add(str(problem), span, code="variable", path=path)
            return value

    result: dict[str, Any] = walked(document, ())
    return result
