import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler import systemd_notify
from scheduler.systemd_notify import notify, ready, reloading, status, stopping, watchdog, watchdog_interval


class Manager:
    """The receiving end: a real datagram socket, as systemd has one."""

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)
        self.socket.settimeout(5)

    def received(self) -> list[str]:
        """The lines of the next datagram."""
        return self.socket.recv(4096).decode().split("\n")


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    yield manager
    manager.socket.close()


def test_several_fields_go_out_in_one_datagram(manager: Manager) -> None:
    assert notify(ready=1, status="3 entries", mainpid=17)
    assert manager.received() == ["READY=1", "STATUS=3 entries", "MAINPID=17"]


def test_each_call_says_its_own_word(manager: Manager) -> None:
    said = []
    for call in (ready, watchdog, stopping):
        assert call()
        said += manager.received()
    assert said == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_ready_can_carry_a_line_of_status(manager: Manager) -> None:
    assert ready("next: backup at 02:30")
    assert manager.received() == ["READY=1", "STATUS=next: backup at 02:30"]


def test_stopping_can_ask_for_the_time_that_it_needs(manager: Manager) -> None:
    assert stopping(timedelta(minutes=2))
    assert manager.received() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=120000000"]


def test_reloading_tells_the_monotonic_clock_in_microseconds(manager: Manager) -> None:
    before = time.monotonic_ns() // 1000
    assert reloading()
    word, clock = manager.received()
    assert word == "RELOADING=1"
    assert before <= int(clock.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_a_line_break_in_a_status_can_not_become_a_field(manager: Manager) -> None:
    assert status("broken\nSTOPPING=1")
    assert manager.received() == ["STATUS=broken STOPPING=1"]


def test_text_beyond_ascii_arrives(manager: Manager) -> None:
    assert status("nächster Lauf …")
    assert manager.received() == ["STATUS=nächster Lauf …"]


def test_an_abstract_socket_is_reached_by_its_at_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"onbeat-test-{os.getpid()}-{time.monotonic_ns()}@host"
    manager = Manager(f"\0{name}")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    assert ready()
    assert manager.received() == ["READY=1"]
    manager.socket.close()


@pytest.mark.parametrize("address", [None, "", "vsock:2:1234", "relative/path"])
def test_without_a_socket_that_is_understood_nothing_happens(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not ready()


def test_a_manager_that_is_gone_is_told_nothing_and_disturbs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not watchdog()


def test_a_manager_that_does_not_read_holds_nobody_up(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd_notify, "SEND_TIMEOUT_S", 0.05)
    for _ in range(10_000):
        if not watchdog():
            return
    pytest.fail("the queue of an unread datagram socket never filled")


def test_the_watchdog_is_called_twice_as_often_as_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_interval() == timedelta(seconds=10)
    monkeypatch.delenv("WATCHDOG_PID")
    assert watchdog_interval() == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("usec", "pid"), [(None, None), ("", None), ("0", None), ("soon", None), ("20000000", "1")]
)
def test_no_watchdog_waits_for_this_process(
    usec: str | None, pid: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert watchdog_interval() is None
