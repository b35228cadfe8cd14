"""Whether arguments fit a job: its signature, its annotations, and what it gets of them."""

from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from scheduler.job_arguments import argument_problems, converted_arguments


class Colour(Enum):
    RED = "red"


class Target(BaseModel):
    host: str
    port: int = 443


class Opaque:
    pass


def nightly(region: str, limit: int = 100) -> None:
    """A job like most."""


def typed(
    day: date,
    where: Path,
    wait: timedelta = timedelta(0),
    colour: Colour = Colour.RED,
    mode: Literal["fast", "slow"] = "fast",
    share: Annotated[float, Field(le=1)] = 0,
    targets: list[Target] | None = None,
) -> None:
    """A job with annotations of many kinds."""


def loose(*numbers: int, flag: bool = False, **extra: str) -> None:
    """A job that takes what comes."""


def unchecked(thing: Opaque, late: "NotThere") -> None:  # type: ignore[name-defined]  # noqa: F821
    """A job whose annotations say nothing about JSON."""


def without_arguments() -> None:
    """A job that takes nothing."""


FIT: list[tuple[Any, list[Any], dict[str, Any]]] = [
    (nightly, ["eu"], {}),
    (nightly, [], {"region": "eu", "limit": 5}),
    (nightly, ["eu", 5], {}),
    (typed, ["2026-11-21", "/tmp"], {"wait": "PT5M", "colour": "red", "mode": "slow", "share": 1}),
    (typed, ["2026-11-21"], {"where": ".", "targets": [{"host": "a"}, {"host": "b", "port": 80}]}),
    (loose, [1, 2, 3], {"flag": True, "a": "b"}),
    (unchecked, [1, 2], {}),
    (without_arguments, [], {}),
    (max, [], {"anything": 1}),
]

BAD_DATE = "input should be a valid date in the format YYYY-MM-DD, day value is outside expected range"

MISFIT: list[tuple[Any, list[Any], dict[str, Any], list[tuple[str, tuple[Any, ...]]]]] = [
    (nightly, [], {}, [("the job needs the argument 'region'", ("kwargs",))]),
    (typed, [], {}, [("the job needs the arguments 'day', 'where'", ("kwargs",))]),
    (
        nightly,
        [],
        {"region": "eu", "limt": 5},
        [("the job has no argument 'limt'; did you mean 'limit'?", ("kwargs", "limt"))],
    ),
    (
        nightly,
        ["eu"],
        {"xyz": 5},
        [("the job has no argument 'xyz'; it takes region, limit", ("kwargs", "xyz"))],
    ),
    (
        nightly,
        ["eu", 1, 2],
        {},
        [("args has 3, and the job takes at most 2 arguments by position", ("args", 2))],
    ),
    (
        nightly,
        ["eu"],
        {"region": "us"},
        [("argument 'region' is given twice, in args and in kwargs", ("kwargs", "region"))],
    ),
    (
        nightly,
        [5],
        {"limit": "5"},
        [
            ("argument 'region': input should be a valid string, not 5", ("args", 0)),
            ("argument 'limit': input should be a valid integer, not \"5\"", ("kwargs", "limit")),
        ],
    ),
    (
        without_arguments,
        [1],
        {"a": 1},
        [
            ("args has 1, and the job takes no arguments by position", ("args", 0)),
            ("the job has no argument 'a'; it takes none", ("kwargs", "a")),
        ],
    ),
    (
        typed,
        ["2026-11-31", "."],
        {"mode": "medium", "share": 2},
        [
            (
                "argument 'day': " + BAD_DATE + ', not "2026-11-31"',
                ("args", 0),
            ),
            ("argument 'mode': input should be 'fast' or 'slow', not \"medium\"", ("kwargs", "mode")),
            ("argument 'share': input should be less than or equal to 1, not 2", ("kwargs", "share")),
        ],
    ),
    (
        typed,
        ["2026-11-21", "."],
        {"targets": [{"host": "a", "port": "https"}]},
        [
            (
                "argument 'targets'[0]['port']: input should be a valid integer, not \"https\"",
                ("kwargs", "targets", 0, "port"),
            )
        ],
    ),
    (
        loose,
        [1, "2"],
        {"extra": 3},
        [
            ("argument 'numbers': input should be a valid integer, not \"2\"", ("args", 1)),
            ("argument 'extra': input should be a valid string, not 3", ("kwargs", "extra")),
        ],
    ),
]


@pytest.mark.parametrize(("function", "args", "kwargs"), FIT)
def test_arguments_that_fit_are_no_problem(function: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    assert argument_problems(function, args, kwargs) == []


@pytest.mark.parametrize(("function", "args", "kwargs", "expected"), MISFIT)
def test_every_misfit_is_named_with_its_place(
    function: Any, args: list[Any], kwargs: dict[str, Any], expected: list[tuple[str, tuple[Any, ...]]]
) -> None:
    problems = argument_problems(function, args, kwargs)
    assert [(problem.message, problem.path) for problem in problems] == expected


def test_a_union_is_named_as_a_whole() -> None:
    def job(status: int | list[int]) -> None:
        """Take one or several."""

    (problem,) = argument_problems(job, [], {"status": "ok"})
    assert problem.message == "argument 'status': should be int | list[int], not \"ok\""


def test_a_job_gets_what_its_annotations_say() -> None:
    args, kwargs = converted_arguments(typed, ["2026-11-21"], {"where": "/tmp", "targets": [{"host": "a"}]})
    assert args == (date(2026, 11, 21),)
    assert kwargs == {"where": Path("/tmp"), "targets": [Target(host="a")]}


def test_arguments_that_do_not_fit_are_refused_in_one_sentence() -> None:
    with pytest.raises(TypeError, match="argument 'region': input should be a valid string, not 5"):
        converted_arguments(nightly, [5], {})
