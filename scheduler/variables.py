"""`${VAR}` and `${VAR:-default}` in strings, as in a shell; `$${` stands for a plain `${`."""

import re
from collections.abc import Mapping
from typing import Final

_REFERENCE: Final = re.compile(r"\$(?P<plain>\$\{)|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INSIDE: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


class VariableProblem(ValueError):
    """A reference that has no value; `start` and `end` are its characters in the text.

    `unset`: it is right in itself, and the environment has no such variable.
    """

    def __init__(self, message: str, start: int, end: int, *, unset: bool = False) -> None:
        super().__init__(message)
        self.start = start
        self.end = end
        self.unset = unset


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """`text` with each reference replaced by what `environ` has for it, or by its default where that is
    nothing.

    Raises VariableProblem for a variable that is not set and has no default, and for what is no reference.
    """
    parts: list[str] = []
    position = 0
    for reference in _REFERENCE.finditer(text):
        parts += text[position : reference.start()], _value(reference, environ)
        position = reference.end()
    return "".join(parts) + text[position:]


def _value(reference: re.Match[str], environ: Mapping[str, str]) -> str:
    if reference["plain"]:
        return "${"
    span = reference.span()
    inside = _INSIDE.fullmatch(reference["inside"])
    if not reference["end"] or inside is None:
        shown = reference.group()
        message = f"{shown!r} is no variable; write ${{NAME}} or ${{NAME:-default}}, and $${{ for a plain ${{"
        raise VariableProblem(message, *span)
    name, default = inside["name"], inside["default"]
    value = environ.get(name)
    if default is not None:
        return value or default
    if value is None:
        message = f"the variable {name} is not set; set it, or give a default: ${{{name}:-…}}"
        raise VariableProblem(message, *span, unset=True)
    return value


def referenced(text: str) -> frozenset[str]:
    """The names of the variables that `text` refers to."""
    references = (match["inside"] for match in _REFERENCE.finditer(text) if match["inside"] is not None)
    return frozenset(inside["name"] for inside in map(_INSIDE.fullmatch, references) if inside is not None)
