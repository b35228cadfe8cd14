"""From another scheduler's file to a schedules.toml: what kind it is, what it holds, what can't be carried over.

One module a source, each from text to `Imported`; `toml_text` writes the file.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from scheduler.importing.crontab_file import from_crontab, is_crontab_line
from scheduler.importing.draft import Draft, Imported, Note, Unreadable
from scheduler.importing.toml_text import toml_text
from scheduler.importing.yaml_documents import Document, yaml_documents

__all__ = ["KINDS", "Draft", "Imported", "Note", "Unreadable", "imported", "kind_of", "toml_text"]

KINDS: Final = {
    "crontab": "a user's crontab",
    "system-crontab": "a crontab with users",
    "celery": "a Celery beat_schedule",
    "django-celery-beat": "a dump of django-celery-beat",
    "kubernetes": "Kubernetes CronJobs",
    "sidekiq-cron": "a sidekiq-cron file",
    "solid-queue": "a Solid Queue recurring.yml",
}

_NONE: Final = f"it is none of: {', '.join(KINDS.values())}"
_OF_OTHERS: Final = (".yaml", ".yml", ".json")
_SYSTEM_FILES: Final = re.compile(r"/etc/(?:crontab|cron\.d/[^/]+)")
_SYSTEM_LINE: Final = re.compile(
    r"\s*(?:@\w+|\S+(?:\s+\S+){4})\s+(?:root|www-data|nobody|daemon|postgres)\s+\S"
)


def kind_of(text: str, path: Path) -> str:
    """Which of KINDS the text is, by what is in it. Raises Unreadable, with the place, where it is none."""
    if path.suffix == ".py":
        return "celery"
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    timed = [line for line in lines if is_crontab_line(line) and path.suffix not in _OF_OTHERS]
    if timed:
        named = _SYSTEM_FILES.fullmatch(str(path.absolute()))
        return "system-crontab" if named or all(map(_SYSTEM_LINE.match, timed)) else "crontab"
    if text.lstrip().startswith("[") and '"model"' in text:
        return "django-celery-beat"
    try:
        documents = yaml_documents(text)
    except Unreadable as problem:
        if path.suffix in _OF_OTHERS:
            raise
        raise Unreadable(f"{_NONE} ({problem})", problem.line, problem.column) from problem
    return _kind_of_yaml(documents)


def _kind_of_yaml(documents: list[Document]) -> str:
    from scheduler.importing.kubernetes import cron_jobs
    from scheduler.importing.ruby import sidekiq_entries, solid_queue_entries

    if cron_jobs(documents):
        return "kubernetes"
    for document in documents[:1]:
        if sidekiq_entries(document):
            return "sidekiq-cron"
        if solid_queue_entries(document, None)[0]:
            return "solid-queue"
    raise Unreadable(_NONE, 1, 1)


def imported(
    text: str, path: Path, kind: str, *, timezone: str | None = None, environment: str | None = None
) -> Imported:
    """What `text` holds, read as one of KINDS; a Celery module is imported from `path`.

    `timezone` is for the times that name none. Raises Unreadable where it is not of that kind.
    """
    readers: dict[str, Callable[[], Imported]] = {
        "crontab": lambda: from_crontab(text),
        "system-crontab": lambda: from_crontab(text, system=True),
        "celery": lambda: _celery(path),
        "django-celery-beat": lambda: _django(text),
    }
    reader = readers.get(kind)
    found = reader() if reader else _yaml(text, kind, environment)
    found.timezone = found.timezone or timezone
    return found.finish()


def _celery(path: Path) -> Imported:
    from scheduler.importing.beat_module import from_beat_module

    return from_beat_module(path)


def _django(text: str) -> Imported:
    from scheduler.importing.django_celery_beat import from_django_celery_beat

    return from_django_celery_beat(text)


def _yaml(text: str, kind: str, environment: str | None) -> Imported:
    from scheduler.importing.kubernetes import from_kubernetes
    from scheduler.importing.ruby import from_sidekiq, from_solid_queue

    documents = yaml_documents(text)
    if not documents:
        raise Unreadable("there is nothing in it", 1, 1)
    if kind == "kubernetes":
        return from_kubernetes(documents)
    result = (
        from_sidekiq(documents[0])
        if kind == "sidekiq-cron"
        else from_solid_queue(documents[0], environment=environment)
    )
    result.notes += [
        Note(text="only the first document is read; this one is left out", line=each.line())
        for each in documents[1:]
    ]
    return result
