"""A thousand warnings of one kind are five lines and a count."""

from scheduler.log_setup.flood import REMEMBERED, SHOWN, SUMMARY_AFTER_S, Flood

EVENT = {"message": "old"}


def test_the_first_five_are_shown_and_the_rest_counted() -> None:
    flood = Flood()
    assert sum(flood.lets_through("key", EVENT, 0.0) for _ in range(1000)) == SHOWN
    assert flood.counts(0.0, everything=True) == [(EVENT, 1000 - SHOWN)]
    assert flood.counts(0.0, everything=True) == []


def test_a_flood_that_goes_on_is_counted_every_ten_seconds() -> None:
    flood = Flood()
    for _ in range(SHOWN + 3):
        flood.lets_through("key", EVENT, 100.0)
    assert not flood.is_due(100.0 + SUMMARY_AFTER_S - 1)
    assert flood.is_due(100.0 + SUMMARY_AFTER_S)
    assert flood.counts(100.0 + SUMMARY_AFTER_S) == [(EVENT, 3)]
    assert not flood.is_due(1e9)
    assert not flood.lets_through("key", EVENT, 200.0)
    assert flood.counts(200.0 + SUMMARY_AFTER_S) == [(EVENT, 1)]


def test_different_lines_do_not_count_for_each_other() -> None:
    flood = Flood()
    assert all(flood.lets_through(number, EVENT, 0.0) for number in range(SHOWN * 4))
    assert flood.counts(0.0, everything=True) == []


def test_the_next_run_is_shown_its_warnings_again() -> None:
    flood = Flood()
    for _ in range(SHOWN + 1):
        flood.lets_through("key", EVENT, 0.0)
    flood.counts(0.0, everything=True)
    assert flood.lets_through("key", EVENT, 0.0)


def test_memory_is_bounded_and_no_count_is_lost() -> None:
    flood = Flood()
    for _ in range(SHOWN + 2):
        flood.lets_through("first", EVENT, 0.0)
    for number in range(REMEMBERED):
        flood.lets_through(number, EVENT, 0.0)
    assert flood.is_due(0.0)
    assert flood.counts(0.0) == [(EVENT, 2)]
    assert not flood.is_due(0.0)
