from collections.abc import Iterator

from scheduler.cli import group
from scheduler.errors import OnbeatError
from tests.docs.pages import page, rows

EXPLAINED = [int(row[0]) for row in rows(page("reference/exit-codes.md"), header="code")]


def tree(error: type[OnbeatError]) -> Iterator[type[OnbeatError]]:
    yield error
    for kind in error.__subclasses__():
        yield from tree(kind)


def test_the_promised_codes_come_first() -> None:
    assert EXPLAINED[:7] == [0, 1, 2, 3, 4, 5, 6]


def test_every_exit_code_of_an_error_is_explained() -> None:
    assert {error.exit_code for error in tree(OnbeatError)} <= set(EXPLAINED)


def test_every_exit_code_of_the_command_itself_is_explained() -> None:
    own = {value for name, value in vars(group).items() if name.startswith("EXIT_")}
    assert own == set(EXPLAINED[7:])
