"""A job's name stands for one function."""

import pytest

from scheduler.job import declared_jobs, job


@pytest.mark.parametrize("name", ["test.twice"])
def test_two_functions_can_not_have_one_name(name: str) -> None:
    @job(name=name)
    def first() -> None: ...

    with pytest.raises(ValueError, match=r"two jobs are called 'test.twice': .*first and .*second"):

        @job(name=name)
        def second() -> None: ...

    assert declared_jobs()[name].function is first.declaration.function


def test_a_module_may_be_imported_again() -> None:
    for _ in range(2):

        @job(name="test.again")
        def again() -> None: ...

    assert "test.again" in declared_jobs()
