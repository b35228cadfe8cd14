"""Tests that need what this machine has not: left out of the run, and said so at its end, with how to get it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.support import memory_limit, rabbitmq, small_disk, valkey

LEFT_OUT: Final = pytest.StashKey[list[str]]()


@dataclass(frozen=True, slots=True)
class Need:
    """What the tests with a marker need beside Python."""

    what: str
    is_there: Callable[[], bool]
    why_not: str


NEEDS: Final = {
    "rabbitmq": Need("RabbitMQ", rabbitmq.is_installed, f"which is not installed ({rabbitmq.HOW_TO_GET_IT})"),
    "small_disk": Need("a small disk", small_disk.can_be_made, "which only root may mount"),
    "memory_limit": Need(
        "a limit of memory",
        memory_limit.can_be_made,
        "which only root may set, and only where control groups are",
    ),
    "tls_server": Need(
        "a Redis that speaks TLS",
        lambda: shutil.which(valkey.WITH_TLS) is not None,
        "which is not installed (apt install redis-server)",
    ),
    "strace": Need(
        "strace", lambda: shutil.which("strace") is not None, "which is not installed (apt install strace)"
    ),
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out what can't run here."""
    missing = {name for name, need in NEEDS.items() if not need.is_there()}
    out = [item for item in items if any(item.get_closest_marker(name) for name in missing)]
    if out:
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=out)
    lines = [line for name in sorted(missing) if (line := said(name, out))]
    config.stash[LEFT_OUT] = lines
    if (output := getattr(config, "workeroutput", None)) is not None:
        output["left_out"] = lines


def said(name: str, out: list[pytest.Item]) -> str | None:
    """The line about the tests with this marker; None where the run has none of them."""
    need, count = NEEDS[name], sum(item.get_closest_marker(name) is not None for item in out)
    if not count:
        return None
    tests = "1 test" if count == 1 else f"{count} tests"
    return f"left out: {tests} with {need.what}, {need.why_not}"


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process of xdist has ended: all of them have collected the same."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Nobody should take such a run for a whole one."""
    for line in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(line, yellow=True)
