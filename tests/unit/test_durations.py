"""Durations: what is read, what is refused and in which words, and that writing undoes reading."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.durations import LONGEST, format_duration, parse_duration

READ = {
    "90s": timedelta(seconds=90),
    "1h30m": timedelta(hours=1, minutes=30),
    "2d": timedelta(days=2),
    "250ms": timedelta(milliseconds=250),
    "1w2d3h4m5s6ms": timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5, milliseconds=6),
    " 1h 30m ": timedelta(hours=1, minutes=30),
    "1.5h": timedelta(minutes=90),
    "0.25s": timedelta(milliseconds=250),
    "0s": timedelta(0),
    "30": timedelta(seconds=30),
    "0.5": timedelta(milliseconds=500),
}

REFUSED = {
    "": 'a duration is empty; write "90s", "1h30m", "2d" or "250ms"',
    "soon": '\'soon\' is not a duration; write "90s", "1h30m", "2d" or "250ms"',
    "-5s": "'-5s' is negative; a duration is not",
    "1h30": "'1h30' is not a duration: 30 has no unit; the units are w d h m s ms",
    "5 minutes": "'5 minutes' is not a duration: 'minutes' is not a unit; write 5m",
    "5 secs": "'5 secs' is not a duration: 'secs' is not a unit; write 5s",
    "5M": "'5M' is not a duration: 'M' is not a unit; write 5m",
    "5y": "'5y' is not a duration: 'y' is not a unit; the units are w d h m s ms",
    "30m1h": "'30m1h' is not a duration: each unit stands once, the largest first, as in 1h30m",
    "1m1m": "'1m1m' is not a duration: each unit stands once, the largest first, as in 1h30m",
    "0.0001s": "'0.0001s' is finer than a millisecond",
    "40000d": "'40000d' is longer than a century; the longest duration is 36500d",
    "٣s": '\'٣s\' is not a duration; write "90s", "1h30m", "2d" or "250ms"',
}


@pytest.mark.parametrize(("text", "duration"), READ.items())
def test_text_is_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_text_is_refused_in_words_that_help(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        parse_duration(text)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("number", "duration"),
    [(90, timedelta(seconds=90)), (0.1, timedelta(milliseconds=100)), (1e-3, timedelta(milliseconds=1))],
)
def test_a_number_is_seconds(number: float, duration: timedelta) -> None:
    assert parse_duration(number) == duration


@pytest.mark.parametrize("number", [-1, -0.5, float("nan"), float("inf"), 1e300, 1e-9, True])
def test_a_number_that_is_no_duration_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match=r"is (not a duration|negative|longer|finer)"):
        parse_duration(number)


@pytest.mark.parametrize("value", [None, [], {"s": 1}])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(value)  # type: ignore[arg-type]


def test_a_very_long_text_is_shown_in_part() -> None:
    with pytest.raises(ValueError, match="…") as refusal:
        parse_duration("9" * 10_000 + "s")
    assert len(str(refusal.value)) < 150


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=30), "30d"),
        (timedelta(milliseconds=1_250), "1s250ms"),
        (timedelta(microseconds=1), "1ms"),
        (timedelta(seconds=-90), "-1m30s"),
    ],
)
def test_a_duration_is_shown_in_its_shortest_form(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@given(st.integers(min_value=0, max_value=LONGEST // timedelta(milliseconds=1)))
def test_what_is_written_reads_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=100))
def test_any_text_is_read_or_refused_but_breaks_nothing(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError as refusal:
        assert str(refusal)  # noqa: PT017 - either way is right, a crash is not
