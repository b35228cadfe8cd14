"""A program's raw output, cut into lines that are fit for a log."""

MAX_LINE_BYTES = 16 * 1024


class OutputLines:
    """Bytes in, whole lines out. Never keeps more than one line of `limit` bytes, whatever is written.

    Bytes that are no UTF-8 become U+FFFD. A longer line is cut and says by how much.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._cut = 0

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that `chunk` completes."""
        *whole, rest = chunk.split(b"\n")
        lines = []
        for part in whole:
            self._keep(part)
            lines.append(self._take())
        self._keep(rest)
        return lines

    def close(self) -> list[str]:
        """The last line, where it had no newline; an empty list otherwise."""
        return [self._take()] if self._kept else []

    def _keep(self, part: bytes) -> None:
        room = self._limit - len(self._kept)
        self._kept += part[:room]
        self._cut += len(part[room:])

    def _take(self) -> str:
        text = bytes(self._kept).removesuffix(b"\r").decode("utf-8", "replace")
        if self._cut:
            text += f" … ({self._cut} bytes cut)"
        self._kept.clear()
        self._cut = 0
        return text
