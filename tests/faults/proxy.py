"""A TCP proxy that misbehaves when told to: it cuts, delays, holds back, half-closes, and loses answers."""

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

_PIECE = 65_536
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Carries connections to `upstream`, a port of this machine. Its own port is fixed as long as it lives."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._forgotten: set[socket.socket] = set()
        self._closing = threading.Event()
        self._flows = threading.Event()
        self._flows.set()
        self._delay_s = 0.0
        self._answers_are_lost = False

    @property
    def url(self) -> str:
        """Where a Redis behind it is found."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def cut(self) -> None:
        """Reset every connection, in both directions."""
        for client, server in self._snapshot():
            for each in (client, server):
                with suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
                _shut(each, socket.SHUT_RDWR)

    def half_close(self) -> None:
        """End what the server says, on every connection, and leave the other direction open."""
        for client, _ in self._snapshot():
            _shut(client, socket.SHUT_WR)

    def delay(self, seconds: float) -> None:
        """Hand each piece on that much later."""
        self._delay_s = seconds

    def hold(self) -> None:
        """Keep connections open and let nothing through, as a firewall that drops."""
        self._flows.clear()

    def lose_answers(self) -> None:
        """What clients say arrives; what the server answers does not."""
        self._answers_are_lost = True

    def forget(self) -> None:
        """What is connected now is dead for ever, and nobody is told: as after a failover of a firewall.

        New connections are well.
        """
        with self._lock:
            self._forgotten |= self._pairs.keys()

    def heal(self) -> None:
        """Be a good wire again. Connections whose answers were lost are cut: nobody could tell what is missing."""
        lost, self._answers_are_lost = self._answers_are_lost, False
        self._delay_s = 0.0
        self._flows.set()
        if lost:
            self.cut()

    def close(self) -> None:
        self._closing.set()
        self._flows.set()
        _shut(self._listener, socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _snapshot(self) -> list[tuple[socket.socket, socket.socket]]:
        with self._lock:
            return list(self._pairs.items())

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), name="proxy-link", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._upstream), timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self._lock:
            self._pairs[client] = server
        back = threading.Thread(
            target=self._pump, args=(server, client, True), name="proxy-back", daemon=True
        )
        back.start()
        self._pump(client, server, answers=False)
        back.join()
        with self._lock:
            del self._pairs[client]
            self._forgotten.discard(client)
        client.close()
        server.close()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        try:
            while piece := source.recv(_PIECE):
                if self._delay_s:
                    self._closing.wait(self._delay_s)
                self._flows.wait()
                if not (answers and self._answers_are_lost) and not {source, target} & self._forgotten:
                    target.sendall(piece)
        except OSError:
            _shut(source, socket.SHUT_RDWR)
        # What ended on one side ends on the other; the way back lives on until it ends by itself.
        _shut(target, socket.SHUT_WR if not answers else socket.SHUT_RDWR)


def _shut(each: socket.socket, how: int) -> None:
    with suppress(OSError):
        each.shutdown(how)
