"""This project's jobs: what its modules declare once they are imported, and what comes with Onbeat."""

import contextlib
import importlib
import importlib.util
import linecache
import pkgutil
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from scheduler.job import Job, JobDeclaration, declared_jobs
from scheduler.job_arguments import argument_problems, converted_arguments
from scheduler.problem import Problem
from scheduler.suggestion import did_you_mean

BUILTIN_MODULES: Final = ("scheduler.builtin.command", "scheduler.builtin.http")
DEFAULT_MODULES: Final = ("jobs",)

_NO_JOBS_INSIDE: Final = ("__main__", "conftest", "tests")


@dataclass(frozen=True, slots=True)
class JobCatalogue:
    """The jobs by name, the modules that could not be imported, and those that are not here and need not be."""

    jobs: Mapping[str, JobDeclaration]
    problems: tuple[Problem, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    def problem_with(
        self, job: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> str | None:
        """Why `job` could not be called with these arguments, or None."""
        if (missing := self.missing(job)) is not None:
            return missing
        problems = argument_problems(self.jobs[job].function, args, kwargs or {})
        return "; ".join(problem.message for problem in problems) or None

    def missing(self, job: str) -> str | None:
        """Why there is no job of this name, or None if there is one."""
        if job in self.jobs:
            return None
        module, _, name = job.rpartition(".")
        for broken, reason in self.broken.items():
            if module == broken or module.startswith(f"{broken}."):
                return f"no job {job!r}: the module {broken} can't be imported ({reason})"
        found = getattr(sys.modules.get(module), name, None)
        if callable(found):
            if isinstance(found, Job):
                return f"no job {job!r}: its name is {found.declaration.name!r}"
            return f"no job {job!r}: the function is there, but has no @job above it"
        top = job.partition(".")[0]
        if top in self.absent:
            return (
                f"no job {job!r}: there is no module {top!r} in this folder; ONBEAT_JOBS names where jobs are"
            )
        return f"no job {job!r}{did_you_mean(job, self.jobs)}"


def load_catalogue(modules: Sequence[str], directory: Path) -> JobCatalogue:
    """Import `modules` and all below them, with `directory` first on the path; the jobs that they declare.

    A module that can't be imported is a problem of the catalogue and stops no other. What modules print while
    they are imported goes to stderr.
    """
    place = str(directory.resolve())
    if sys.path[:1] != [place]:
        sys.path[:] = [place, *(other for other in sys.path if other != place)]
    importlib.invalidate_caches()
    imports, absent = _Imports(Path(place)), []
    with contextlib.redirect_stdout(sys.stderr):
        for name in BUILTIN_MODULES:
            importlib.import_module(name)
        for name in modules:
            if imports.exists(name, needed=tuple(modules) != DEFAULT_MODULES):
                imports.import_all(name)
            else:
                absent.append(name)
    jobs = dict(declared_jobs())
    for module in imports.imported:
        jobs |= _shared_tasks(module)
    return JobCatalogue(dict(sorted(jobs.items())), tuple(imports.problems), imports.broken, tuple(absent))


def converted(
    declaration: JobDeclaration, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """JSON arguments as the types that the job is annotated with. Raises TypeError where one does not fit."""
    return converted_arguments(declaration.function, args, kwargs)


class _Imports:
    """What was imported, and what could not be."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.imported: list[ModuleType] = []
        self.problems: list[Problem] = []
        self.broken: dict[str, str] = {}

    def exists(self, name: str, *, needed: bool) -> bool:
        """Whether there is such a module; a missing one that is `needed` is a problem."""
        parent = name.rpartition(".")[0]
        try:
            found = importlib.util.find_spec(name) is not None
        except ModuleNotFoundError as error:
            found = error.name not in (name, parent)
        except (Exception, SystemExit):  # noqa: BLE001 - a parent that raises; importing it again says where
            found = True
        if not found and needed:
            message = f"ONBEAT_JOBS names the module {name!r}, and there is none here nor among the installed packages"
            self.problems.append(Problem(file=str(self.directory), code="jobs", message=message))
        return found

    def import_all(self, name: str) -> None:
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a team's module can raise whatever it likes
            problem = import_problem(name, error, self.directory)
            self.problems.append(problem)
            self.broken[name] = f"{problem.where}: {type(error).__name__}"
            return
        self.imported.append(module)
        for below in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."):
            leaf = below.name.rpartition(".")[2]
            if leaf not in _NO_JOBS_INSIDE and not leaf.startswith("test_"):
                self.import_all(below.name)


def import_problem(name: str, error: BaseException, directory: Path) -> Problem:
    """Where in the project's own files the import of `name` failed."""
    message = f"can't import {name}: {type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, SyntaxError) and error.filename:
        message = f"can't import {name}: {error.msg}"
        file, line, column = error.filename, error.lineno, error.offset
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_source(frame.filename)]
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(directory)]
        if not own:
            return Problem(file=name, code="import", message=message)
        last = own[-1]
        file, line, column = last.filename, last.lineno, (last.colno or 0) + 1
    source = linecache.getline(file, line or 0).rstrip("\n") or None
    return Problem(
        file=_shown(file, directory),
        line=line,
        column=column,
        code="import",
        message=message,
        source_line=source,
    )


def _is_source(file: str) -> bool:
    return not file.startswith("<")


def _shown(file: str, directory: Path) -> str:
    path = Path(file)
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else file


def _shared_tasks(module: ModuleType) -> dict[str, JobDeclaration]:
    """Functions of this module made with Celery's `@shared_task`."""
    if "celery" not in sys.modules:
        return {}  # a module with such a function would have imported it
    from celery import Task
    from celery.local import Proxy

    found = {}
    for value in vars(module).values():
        if isinstance(value, Job) or not issubclass(type(value), (Proxy, Task)):
            continue
        if getattr(value.run, "__module__", None) == module.__name__:
            found[value.name] = JobDeclaration(
                name=value.name,
                function=value.run,
                module=module.__name__,
                doc=(value.run.__doc__ or "").strip(),
            )
    return found
