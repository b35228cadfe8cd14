"""The collector rests while much is made, and works again afterwards."""

import gc

import pytest

from scheduler.garbage import collector_at_rest


def test_the_collector_rests_and_works_again_even_after_an_error() -> None:
    @collector_at_rest()
    def fail() -> None:
        raise KeyError(gc.isenabled())

    with pytest.raises(KeyError, match="False"):
        fail()
    assert gc.isenabled()


def test_a_rest_within_another_ends_with_the_outer_one() -> None:
    with collector_at_rest():
        with collector_at_rest():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_made_is_set_aside_where_that_was_asked_for() -> None:
    before = gc.get_freeze_count()
    with collector_at_rest():
        pass
    assert gc.get_freeze_count() == before
    try:
        with collector_at_rest(set_aside=True):
            pass
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
