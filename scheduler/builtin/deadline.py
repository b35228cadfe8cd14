"""A bound for a whole request. httpx's own time-outs are for one step each, so that a server which sends a
byte now and then could hold a job for hours.
"""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import httpx


class Deadline:
    """Within the `with` block: cuts the connections of the requests it watches when the time is up.

    `passed` tells that it did so; what httpx then raises, or returns as if it were whole, is its effect.
    The time that the resolver takes is not bounded: nothing in Python can.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def watch(self, request: "httpx.Request") -> None:
        """Bound this request by what is left."""
        left = max(0.001, self._until - time.monotonic())
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left)
        request.extensions["trace"] = self._note

    def _note(self, event: str, info: dict[str, Any]) -> None:
        """Remember each connection, as httpcore tells of them (its docs: extensions, trace)."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            connection = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._sockets.append(connection)
                if self.passed:
                    _shut(connection)

    def _cut(self) -> None:
        with self._lock:
            self.passed = True
            for connection in self._sockets:
                _shut(connection)


def _shut(connection: socket.socket) -> None:
    # Not connection.shutdown(): an SSL socket's would take its state away from the thread that reads.
    with contextlib.suppress(OSError):  # closed already, or now part of an SSL socket, which is shut too
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
