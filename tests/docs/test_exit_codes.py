from collections.abc import Iterator

from scheduler.errors import OnbeatError
from tests.docs.pages import page, rows


def tree(error: type[OnbeatError]) -> Iterator[type[OnbeatError]]:
    yield error
    for kind in error.__subclasses__():
        yield from tree(kind)


def test_every_exit_code_of_an_error_is_explained() -> None:
    explained = {int(row[0]) for row in rows(page("reference/exit-codes.md"), header="code")}
    assert {error.exit_code for error in tree(OnbeatError)} <= explained


def test_the_codes_are_those_promised() -> None:
    assert [row[0] for row in rows(page("reference/exit-codes.md"), header="code")] == list("0123456")
