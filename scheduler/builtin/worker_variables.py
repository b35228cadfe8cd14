"""Variables that the worker fills in when a run starts: secrets that no server and no file has to keep.

In schedules.toml `$${NAME}` stands for a plain `${NAME}`, and that is what comes here. A run reads what is set at its
own time, so that a secret that was changed holds from the next run on.
"""

import os
from collections.abc import Mapping
from typing import Any, TypeVar

from scheduler.secrecy import is_secret_name
from scheduler.variables import VariableProblem, expanded, referenced

Value = TypeVar("Value")


class VariableMissing(Exception):
    """The worker's environment has no such variable."""


def filled(value: Value) -> Value:
    """`value` with the variables in all its texts replaced; from here on no line shows those with a secret's name.

    Raises VariableMissing.
    """
    return _filled(value)  # type: ignore[no-any-return]  # texts become texts, tables tables


def _filled(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value) if "${" in value else value
    if isinstance(value, Mapping):
        return {name: _filled(item) for name, item in value.items()}
    return [_filled(item) for item in value] if isinstance(value, list | tuple) else value


def _text(text: str) -> str:
    from scheduler import log_setup

    log_setup.hide(
        os.environ[name] for name in referenced(text) if is_secret_name(name) and name in os.environ
    )
    try:
        return expanded(text, os.environ)
    except VariableProblem as problem:
        raise VariableMissing(f"on this worker {problem}") from problem
