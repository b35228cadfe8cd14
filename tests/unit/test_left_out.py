"""What a machine can't run is left out of the tests in the open."""

import re
import sys
from pathlib import Path

import pytest

from tests.support.children import launch, new_mark
from tests.support.process import clean_environ

ROOT = Path(__file__).parents[2]


def test_a_run_without_rabbitmq_says_what_it_left_out_and_how_to_get_it(tmp_path: Path) -> None:
    words = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--collect-only",
        "tests/acceptance/test_rabbitmq.py",
    ]
    process = launch(
        [sys.executable, *words],
        mark=new_mark(),
        environ={**clean_environ(HOME=str(tmp_path)), "PATH": str(tmp_path / "empty")},
        directory=ROOT,
    )
    out, err = process.communicate(timeout=50)
    assert process.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, err.decode()
    left_out = r"left out: \d+ tests with RabbitMQ, which is not installed \(apt install rabbitmq-server\)"
    assert re.search(left_out, out.decode()), out.decode()
