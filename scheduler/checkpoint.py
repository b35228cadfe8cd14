"""What a job says while it runs: from where another attempt goes on, and how far it is."""

import json
import math
from collections.abc import Callable
from typing import Any, Final, Protocol

MOST_BYTES: Final = 16_384
MOST_WORDS: Final = 500


class Reports(Protocol):
    """Where it is kept. A worker's is in the store; a job that is called directly, or in a test, needs none."""

    def save(self, checkpoint: str) -> None:
        """Keep the checkpoint, JSON as text; it is kept when this returns."""

    def tell(self, progress: float | None, message: str | None) -> None:
        """Show how far the job is; soon, and not every time."""


class Unheard:
    """Nobody asks."""

    def save(self, checkpoint: str) -> None:
        """The Checkpoint itself remembers it."""

    def tell(self, progress: float | None, message: str | None) -> None:
        """Nobody looks."""


UNHEARD: Final = Unheard()


class Checkpoint:
    """A small JSON value that the attempts of a run share, so that a long job goes on where it was.

    It is kept across retries, lost workers and restarts of workers, and goes when the run has succeeded.
    """

    def __init__(self, text: str | None = None, save: Callable[[str], None] = UNHEARD.save) -> None:
        self._text = text
        self._save = save

    @property
    def text(self) -> str | None:
        """What is kept, as JSON; None where nothing is."""
        return self._text

    def get(self, default: Any = None) -> Any:
        """What was set last, in this attempt or in one before; `default` where nothing was. Asks no server."""
        return default if self._text is None else json.loads(self._text)

    def set(self, value: Any) -> None:
        """Keep `value`: when this returns, it is in the store.

        Raises ValueError where it is no JSON or has more than 16 KiB of it, and Cancelled where the run was given to
        another worker meanwhile.
        """
        try:
            text = json.dumps(value, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise ValueError(f"a checkpoint is JSON, and this is none: {error}") from error
        if (size := len(text.encode())) > MOST_BYTES:
            hint = "keep where you are, such as the last id, and put what you have elsewhere"
            raise ValueError(
                f"a checkpoint has up to {MOST_BYTES} bytes of JSON, and this has {size}: {hint}"
            )
        self._save(text)
        self._text = text


def progress_of(value: object) -> float | None:
    """A share from 0 to 1, checked. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"progress is a number from 0 to 1, and {value!r} is none")
    if not 0 <= value <= 1:
        raise ValueError(f"progress is a share from 0 to 1, and not {value!r}")
    return float(value)
