"""What probes and shells call often is quick: it imports little."""

import sys

import pytest

from tests.support.process import finished
from tests.support.project import Project

MODULES_OF = (
    sys.executable,
    "-c",
    (
        "import sys\n"
        "from scheduler.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "finally:\n"
        "    print(*sorted(sys.modules), file=sys.stderr)"
    ),
)


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (["--help"], {"celery", "redis", "rich", "pydantic_settings", "httpx", "structlog"}),
        (["--version"], {"celery", "redis", "rich", "pydantic_settings", "httpx", "structlog"}),
        (["trigger", "--help"], {"celery", "redis", "rich", "pydantic_settings", "httpx", "structlog"}),
        (["health", "beat"], {"celery", "redbeat", "kombu", "rich", "httpx", "structlog"}),
        (["runs"], {"celery", "redbeat", "kombu", "rich", "httpx", "structlog"}),
        (["entries"], {"celery", "redbeat", "kombu", "rich", "httpx", "structlog"}),
        (["pause", "hello", "--reason", "x"], {"celery", "redbeat", "kombu", "rich", "httpx", "structlog"}),
        (["next"], {"celery", "redis", "rich", "httpx", "structlog"}),
        (["explain", "hello"], {"celery", "redbeat", "kombu", "rich", "httpx", "structlog"}),
        (["settings"], {"celery", "redis", "rich", "httpx", "structlog"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_quick_command_imports_only_what_it_needs(
    project: Project, arguments: list[str], never: set[str]
) -> None:
    ended = finished(*arguments, directory=project.directory, environ=project.environ, program=MODULES_OF)
    assert not never & set(ended.err.split())


def test_an_entry_and_its_last_run_are_written_in_redbeats_form_without_importing_celery(
    project: Project,
) -> None:
    program = (
        "import sys\n"
        "from datetime import UTC, datetime, timedelta\n"
        "from scheduler.entry import Entry\n"
        "from scheduler.redbeat_entry import definition, meta\n"
        "from scheduler.schedule import Crontab, Interval, Later\n"
        "hour = timedelta(hours=1)\n"
        "for schedule in (Interval(hour), Crontab('@daily'), Later(Crontab('0 9 * * MON-FRI'), hour, 'one')):\n"
        "    print(definition(Entry(name='one', job='jobs.hello', schedule=schedule)))\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    ended = finished(
        directory=project.directory, environ=project.environ, program=(sys.executable, "-c", program)
    )
    assert '"day_of_week": "MON-FRI"' in ended.out
    assert not {"celery", "redbeat", "kombu", "dateutil"} & set(ended.err.split())
