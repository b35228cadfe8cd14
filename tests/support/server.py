"""What the servers of the tests have in common: a process in a folder of its own, frozen, killed and started again."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

ENDS_WITHIN_S = 30


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Server:
    """A program that a test starts, on a free port, and may treat badly. Its folder is gone with `close`."""

    def __init__(self, prefix: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=prefix))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._running().pid

    def launched(self) -> "subprocess.Popen[bytes]":
        """Its process, just started."""
        raise NotImplementedError

    def begin(self) -> None:
        """Start it; whoever wants to know when it answers asks it."""
        self._process = self.launched()

    def kill(self) -> None:
        """End it as a crash or a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as its administrator does: it may tell its clients."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """It keeps its connections and answers nobody."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def ended(self) -> bool:
        """Whether it ended by itself."""
        return self._running().poll() is not None

    def close(self) -> None:
        """End it if it runs, and remove its folder."""
        if self._process is not None:
            self._end(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "the server was not started"
        return self._process

    def _end(self, number: signal.Signals) -> None:
        process = self._running()
        process.send_signal(number)
        if number is signal.SIGTERM:
            process.send_signal(signal.SIGCONT)
        process.wait(timeout=ENDS_WITHIN_S)
        self._process = None
