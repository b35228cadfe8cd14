"""A mistyped name's likely meaning."""

import difflib
from collections.abc import Iterable


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, or else one whose last part is that of `word`; None where none is like it."""
    names = list(choices)
    last = f".{word.rpartition('.')[2]}"
    return next(
        iter(difflib.get_close_matches(word, names, n=1, cutoff=0.6)),
        next((name for name in names if name.endswith(last)), None),
    )


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """The end of a message about `word`: `; did you mean 'x'?` for the choice most like it, or nothing."""
    close = closest(word, choices)
    return f"; did you mean {close!r}?" if close else ""
