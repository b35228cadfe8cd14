"""schedules.toml with all that it includes: read, checked, and every problem at once, each where it stands.

What an entry gets, the nearer winning: what the environment lays over it, its own keys, `[defaults]` of its file
(the environment's first) and of those that include it, its job's `@job(…)`, the built-in defaults.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from scheduler.cadences.day_calendar import known_years
from scheduler.entry import Entry
from scheduler.garbage import collector_at_rest
from scheduler.job_catalogue import JobCatalogue
from scheduler.problem import Problem
from scheduler.reading.calendar_tables import CalendarTables
from scheduler.reading.calendar_use import CalendarUse
from scheduler.reading.declarations import Declarations, check_environments
from scheduler.reading.entry_lints import EntryLints
from scheduler.reading.entry_memory import EntryMemory
from scheduler.reading.entry_tables import Tables
from scheduler.reading.file_look import Look
from scheduler.reading.inclusion import Inclusion
from scheduler.reading.schedule_secrets import check_secrets, with_secrets
from scheduler.reading.schedule_source import Source, read_source
from scheduler.suggestion import did_you_mean

__all__ = ["Problem", "ScheduleFile", "read_schedules"]

TABLES: Final = ("defaults", "env", "calendars", "schedules")
TOP_LEVEL: Final = ("include", "secrets", *TABLES)

_DIGEST_LENGTH: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFile:
    """A file's entries by name, all that is wrong with it, and a digest of what it says.

    An entry with an error is not among the entries. The digest is the same for two files that mean the same.
    `notices` are what `onbeat check` says with --strict only. `env` is the environment that was chosen. `seen` is how
    all files were before they were read (None: missing), and the folders in which others may appear that would be
    included: what is not so any more has changed. It `says_nothing` where there is no key and no table in it.
    """

    entries: Mapping[str, Entry]
    problems: tuple[Problem, ...]
    digest: str
    notices: tuple[Problem, ...] = ()
    env: str | None = None
    files: tuple[Path, ...] = ()
    seen: Mapping[Path, Look] = field(default_factory=dict)
    says_nothing: bool = False

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep a beat from using the file."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


@collector_at_rest()
def read_schedules(
    path: Path | str,
    *,
    catalogue: JobCatalogue | None,
    environ: Mapping[str, str],
    env: str | None = None,
    every_environment: bool = False,
    memory: EntryMemory | None = None,
    lint_at: datetime | None = None,
) -> ScheduleFile:
    """The file at `path` with its includes, in the environment `env`, checked.

    Raises nothing for a bad file: all that is wrong is among the problems. With a `catalogue` jobs and their arguments
    are checked as well, and its own problems come first. With `every_environment` those that were not chosen are
    checked too, but for what needs variables that are not set here. `memory` makes reading the next time cheaper.
    Lints that look ahead do so from `lint_at`; without it they are left out, and so are notices.
    """
    memory = memory or EntryMemory()
    memory.begin(catalogue.jobs if catalogue else None)
    inclusion = Inclusion(
        Path(path), lambda each, parent: read_source(each, environ=environ, env=env, parent=parent)
    )
    sources = inclusion.sources
    for source in sources:
        _check_top_level(source)
        check_secrets(source)
        check_environments(source)
    declarations = Declarations(sources)
    _check_choice(env, declarations.environments, sources)
    calendars = CalendarTables(sources, known_years(datetime.now(UTC)))
    use = CalendarUse(calendars.calendars)
    tables = Tables(declarations, catalogue, use, memory, EntryLints(lint_at))
    if every_environment and env is not None:
        tables.check(sources, None)
    secrets = frozenset[str]().union(*(source.report.secrets for source in sources))
    entries = with_secrets(tables.entries(sources, env), secrets)
    if every_environment:
        for other in declarations.environments:
            tables.check(sources, other)
    all_seen = every_environment or not declarations.environments
    if all_seen and not any(source.report.is_wrong(()) for source in sources):
        calendars.warn_of_unused(use.used)
    if all_seen:
        tables.look_at_allowances()
    _warn_if_empty(sources, declarations)
    memory.forget_others(entries)
    found = _in_order(sources)
    return ScheduleFile(
        entries=entries,
        problems=(
            *(catalogue.problems if catalogue else ()),
            *(each for each in found if each.severity != "notice"),
        ),
        notices=tuple(each for each in found if each.severity == "notice"),
        digest=_digest(entries),
        env=env,
        files=(*(source.path for source in sources), *inclusion.missing, *calendars.files),
        seen={
            **{source.path: source.look for source in sources},
            **dict.fromkeys(inclusion.missing),
            **inclusion.folders,
            **calendars.files,
        },
        says_nothing=all(source.read is not None and not source.document for source in sources),
    )


def _in_order(sources: Iterable[Source]) -> list[Problem]:
    return [problem for source in sources for problem in source.report.in_order()]


def _digest(entries: Mapping[str, Entry]) -> str:
    said = ", ".join(entries[name].text() for name in sorted(entries))
    return hashlib.sha256(f"[{said}]".encode()).hexdigest()[:_DIGEST_LENGTH]


def _check_top_level(source: Source) -> None:
    report = source.report
    for key, value in source.document.items():
        if key in ("defaults", "schedules"):
            if not isinstance(value, dict):
                message = f"{key!r} is a table; write [{key}] above its keys"
                report.add(message, report.key((key,)), code="value")
        elif key not in TOP_LEVEL:
            hint = did_you_mean(key, TOP_LEVEL) or "; entries are [schedules.NAME]"
            report.add(f"unknown key {key!r}{hint}", report.key((key,)), code="unknown-key")


def _check_choice(env: str | None, environments: Sequence[str], sources: Sequence[Source]) -> None:
    """A file without any environment is the same in all; one with some says which there are."""
    if env is None or not environments or env in environments:
        return
    source = next(source for source in sources if source.document.get("env"))
    hint = did_you_mean(env, environments) or f"; there are: {', '.join(environments)}"
    message = f"there is no environment {env!r}{hint} (one without anything of its own is declared too: [env.{env}])"
    source.report.add(message, source.report.key(("env",)), code="environment")


def _warn_if_empty(sources: Sequence[Source], declarations: Declarations) -> None:
    if all(source.read is not None for source in sources) and not declarations.any_entry:
        message = "no entry: nothing is scheduled; an entry is a table [schedules.NAME]"
        sources[0].report.add(message, None, code="empty", severity="warning")
