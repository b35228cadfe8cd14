"""schedules.toml: read, checked, and every problem at once, each where it stands.

What an entry gets, the nearer winning: its own keys, `[defaults]`, its job's `@job(…)`, the built-in
defaults. The tables `retry` and `kwargs` are merged key by key; all else is replaced. An entry's own
`crontab` or `interval` replaces whichever kind `[defaults]` has.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scheduler.entry import Entry
from scheduler.entry_keys import UNSUPPORTED_TABLES
from scheduler.entry_tables import Tables
from scheduler.job_catalogue import JobCatalogue
from scheduler.problem import Problem
from scheduler.problem_report import Report
from scheduler.suggestion import did_you_mean
from scheduler.toml_positions import Span, TomlPositions, Twice
from scheduler.variables import VariableProblem, expanded

__all__ = ["Problem", "ScheduleFile", "read_schedules"]

TOP_LEVEL: Final = ("defaults", "schedules")

_AT: Final = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_DIGEST_LENGTH: Final = 12
_IN_WORDS: Final = {
    "Invalid value": "this is no value; text stands in quotes",
    "Illegal character '\\n'": "the text has no closing quote in its line",
    "Expected newline or end of document after a statement": "one key and its value fill a line; this is too much",
    "Unescaped '\\' in a string": "a backslash in quotes is written twice, or the text stands in single quotes",
    "Invalid initial character for a key part": "a name with other characters than A-Z a-z 0-9 _ - stands in quotes",
    "Invalid statement": "this is neither a key with its value nor a [table]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFile:
    """A file's entries by name, all that is wrong with it, and a digest of what it says.

    An entry with an error is not among the entries. The digest is the same for two files that mean the same.
    """

    entries: Mapping[str, Entry]
    problems: tuple[Problem, ...]
    digest: str

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep a beat from using the file."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def read_schedules(
    path: Path | str, *, catalogue: JobCatalogue | None, environ: Mapping[str, str]
) -> ScheduleFile:
    """The file at `path`, checked. Raises nothing for a bad file: all that is wrong is among the problems.

    With a `catalogue` jobs and their arguments are checked as well, and its own problems come first.
    """
    of_jobs = catalogue.problems if catalogue else ()
    text, problem = _text_of(Path(path))
    if problem is not None:
        return _file({}, (*of_jobs, problem))
    report = Report(str(path), TomlPositions(text))
    document = _document(text, report)
    if document is not None:
        document = _with_variables(document, report, environ)
        _check_top_level(document, report)
    entries = Tables(document or {}, report, catalogue).entries()
    return _file(entries, (*of_jobs, *report.in_order()))


def _file(entries: Mapping[str, Entry], problems: tuple[Problem, ...]) -> ScheduleFile:
    said = json.dumps([entries[name].to_json() for name in sorted(entries)], sort_keys=True)
    digest = hashlib.sha256(said.encode()).hexdigest()[:_DIGEST_LENGTH]
    return ScheduleFile(entries=entries, problems=problems, digest=digest)


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
        return tomllib.loads(text)
    except RecursionError:
        report.add("the file is nested too deeply", None, code="toml")
    except tomllib.TOMLDecodeError as error:
        _add_toml_error(str(error), report)
    except ValueError as error:  # a number with more digits than Python reads
        report.add(str(error).partition(";")[0], None, code="toml")
    return None


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
        case ("schedules", str(name)):
            return f"the entry {name!r} is declared twice; {place}"
        case (*_, "schedules" | "defaults") if len(twice.path) == 1:
            return f"the table [{twice.path[0]}] is declared twice; {place}"
    return f"the key {str(twice.path[-1])!r} is set twice; {place}"


def _with_variables(document: dict[str, Any], report: Report, environ: Mapping[str, str]) -> dict[str, Any]:
    def walked(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {key: walked(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walked(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        try:
            return expanded(value, environ)
        except VariableProblem as problem:
            span = report.positions.within(path, value, problem.start, problem.end)
            report.add(str(problem), span, code="variable", path=path)
            return value

    result: dict[str, Any] = walked(document, ())
    return result


def _check_top_level(document: Mapping[str, Any], report: Report) -> None:
    for key, value in document.items():
        if key in TOP_LEVEL:
            if not isinstance(value, dict):
                report.add(
                    f"{key!r} is a table; write [{key}] above its keys", report.key((key,)), code="value"
                )
        elif key in UNSUPPORTED_TABLES:
            report.add(
                f"{key!r} is not supported by this version yet", report.key((key,)), code="unsupported"
            )
        else:
            hint = did_you_mean(key, (*TOP_LEVEL, *UNSUPPORTED_TABLES)) or "; entries are [schedules.NAME]"
            report.add(f"unknown key {key!r}{hint}", report.key((key,)), code="unknown-key")
    if not document.get("schedules"):
        message = "no entry: nothing is scheduled; an entry is a table [schedules.NAME]"
        report.add(message, None, code="empty", severity="warning")
