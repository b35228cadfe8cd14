"""Whether an entry's arguments fit its job: the signature by `inspect`, the annotations by pydantic.

Arguments are JSON: what stands in schedules.toml and what the store keeps. So they are read by pydantic's
strict JSON rules: `"5"` is no int, but a `date`, a `Path` or a model may be written as JSON writes it, and
the job gets it as such.
"""

import functools
import inspect
import json
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError

from scheduler.suggestion import did_you_mean

Path = tuple[str | int, ...]

_PLAIN: Final = (str, int, bool)
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """What does not fit, and which argument it is: `("args", 0)`, `("kwargs", "limit")`.

    `by_name`: it is the argument's name that is wrong, not its value.
    """

    message: str
    path: Path
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a function takes. `plain` are those of its named parameters that take a type of JSON as it is."""

    positional: tuple[inspect.Parameter, ...]
    named: Mapping[str, inspect.Parameter]
    rest: inspect.Parameter | None
    named_rest: inspect.Parameter | None
    required: tuple[str, ...]
    adapters: Mapping[str, TypeAdapter[Any]]
    plain: Mapping[str, object]


def argument_problems(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[ArgumentProblem]:
    """Everything about these arguments that `function` would not take, in order; empty if it can be
    called.
    """
    parameters = parameters_of(function)
    if parameters is None or (not args and _all_plain(parameters, kwargs)):
        return []
    problems = list(_shape_problems(parameters, args, kwargs))
    wrong = {problem.path for problem in problems}
    for path, name, value in _matched(parameters, args, kwargs):
        if path not in wrong:
            problems += _value_problems(parameters.adapters.get(name), name, value, path)
    return problems


def converted_arguments(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as the types that `function` is annotated with. Raises TypeError where one does not
    fit.
    """
    if problems := argument_problems(function, args, kwargs):
        raise TypeError("; ".join(problem.message for problem in problems))
    parameters = parameters_of(function)
    if parameters is None:
        return tuple(args), dict(kwargs)
    positional, named = list(args), dict(kwargs)
    for path, name, value in _matched(parameters, args, kwargs):
        if (adapter := parameters.adapters.get(name)) is None:
            continue
        target: Any = positional if path[0] == "args" else named
        target[path[1]] = adapter.validate_json(json.dumps(value), strict=True)
    return tuple(positional), named


@functools.lru_cache(maxsize=4_096)
def parameters_of(function: Callable[..., Any]) -> Parameters | None:
    """What `function` takes; None for one that does not tell, such as some written in C."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    parameters = list(signature.parameters.values())
    adapters = dict(_adapters(function, parameters))
    kinds = {parameter.kind: parameter for parameter in parameters}
    named = {parameter.name: parameter for parameter in parameters if parameter.kind in _NAMED}
    return Parameters(
        positional=tuple(parameter for parameter in parameters if parameter.kind in _POSITIONAL),
        named=named,
        rest=kinds.get(inspect.Parameter.VAR_POSITIONAL),
        named_rest=kinds.get(inspect.Parameter.VAR_KEYWORD),
        required=tuple(
            parameter.name
            for parameter in parameters
            if parameter.kind in (*_POSITIONAL, *_NAMED) and parameter.default is inspect.Parameter.empty
        ),
        adapters=adapters,
        plain={
            name: plain
            for name, adapter in adapters.items()
            for plain in _PLAIN
            if name in named and adapter._type is plain  # noqa: SLF001 - what it was made of
        },
    )


def _all_plain(parameters: Parameters, kwargs: Mapping[str, Any]) -> bool:
    """Whether nothing is missing and each argument is of its very type, as in most entries; told without pydantic."""
    plain = parameters.plain
    for name, value in kwargs.items():
        # A text with half a surrogate pair, from a variable, is one that pydantic refuses.
        if type(value) is not plain.get(name) or (type(value) is str and not value.isascii()):
            return False
    return all(name in kwargs for name in parameters.required)


def _adapters(
    function: Callable[..., Any], parameters: Sequence[inspect.Parameter]
) -> Iterator[tuple[str, TypeAdapter[Any]]]:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return  # an annotation that can't be looked up says nothing about values
    for parameter in parameters:
        if parameter.name not in hints:
            continue
        try:
            yield parameter.name, TypeAdapter(hints[parameter.name])
        except (PydanticUserError, PydanticUndefinedAnnotation):
            continue  # a class that pydantic doesn't know can't be checked, and JSON can't be one


def _matched(
    parameters: Parameters, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[Path, str, Any]]:
    """Each argument that has a parameter: where it stands, the parameter's name, the value."""
    for index, value in enumerate(args):
        if index < len(parameters.positional):
            yield ("args", index), parameters.positional[index].name, value
        elif parameters.rest is not None:
            yield ("args", index), parameters.rest.name, value
    for name, value in kwargs.items():
        if name in parameters.named:
            yield ("kwargs", name), name, value
        elif parameters.named_rest is not None:
            yield ("kwargs", name), parameters.named_rest.name, value


def _shape_problems(
    parameters: Parameters, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[ArgumentProblem]:
    most = len(parameters.positional)
    if len(args) > most and parameters.rest is None:
        takes = f"at most {most} argument{'s' if most > 1 else ''}" if most else "no arguments"
        yield ArgumentProblem(f"args has {len(args)}, and the job takes {takes} by position", ("args", most))
    by_position = {parameter.name for parameter in parameters.positional[: len(args)]}
    for name in kwargs:
        if name in by_position and name in parameters.named:
            yield ArgumentProblem(
                f"argument {name!r} is given twice, in args and in kwargs", ("kwargs", name)
            )
        elif name not in parameters.named and parameters.named_rest is None:
            hint = did_you_mean(name, parameters.named) or _takes(parameters)
            yield ArgumentProblem(f"the job has no argument {name!r}{hint}", ("kwargs", name), by_name=True)
    missing = [name for name in parameters.required if name not in by_position and name not in kwargs]
    if missing:
        names = ", ".join(repr(name) for name in missing)
        message = f"the job needs the argument{'s' if len(missing) > 1 else ''} {names}"
        yield ArgumentProblem(message, ("kwargs",))


def _takes(parameters: Parameters) -> str:
    return f"; it takes {', '.join(parameters.named)}" if parameters.named else "; it takes none"


def _value_problems(
    adapter: TypeAdapter[Any] | None, name: str, value: Any, path: Path
) -> Iterator[ArgumentProblem]:
    if adapter is None:
        return
    try:
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as refusal:
        errors = refusal.errors(include_url=False)
        error, where = errors[0], path
        if len(errors) > 1 and error["loc"]:
            # Each choice of a union has an error of its own; what the choices are says more than any of them.
            message = f"should be {inspect.formatannotation(adapter._type)}, not {_shown(value)}"  # noqa: SLF001
        else:
            message = f"{_lower(error['msg'])}, not {_shown(error['input'])}"
            where = (*path, *error["loc"])
        inner = "".join(f"[{part!r}]" for part in where[len(path) :])
        yield ArgumentProblem(f"argument {name!r}{inner}: {message}", where)


def _lower(message: str) -> str:
    """Pydantic's sentence as the middle of ours."""
    return message[:1].lower() + message[1:].removesuffix(".")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - the width of half a line
