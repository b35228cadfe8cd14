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
