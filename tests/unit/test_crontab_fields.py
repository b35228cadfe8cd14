"""The fields of a crontab by tables: what is refused with which words, and what `H` stands for."""

import pytest

from scheduler.cadences.crontab_fields import CrontabProblem, written_out
from scheduler.schedule import Crontab

REFUSED = {
    "": ("is empty; write 5 fields: minute hour day-of-month month day-of-week", 0, 0),
    "* * *": ("3 fields, not 5: minute hour day-of-month month day-of-week", 0, 5),
    "*": ("1 field, not 5: minute hour day-of-month month day-of-week", 0, 1),
    "0 0 * * * * *": ("7 fields, not 5: minute hour day-of-month month day-of-week", 0, 13),
    "75 * * * *": ("minute 75 is out of range 0-59", 0, 2),
    "0 24 * * *": ("hour 24 is out of range 0-23", 2, 4),
    "0 0 0 * *": ("day of month 0 is out of range 1-31", 4, 5),
    "0 0 * 13 *": ("month 13 is out of range 1-12", 6, 8),
    "0 0 * * 8": ("day of week 8 is out of range 0-7", 8, 9),
    "5,75 * * * *": ("minute 75 is out of range 0-59", 2, 4),
    "x * * * *": ("minute 'x' is not a number", 0, 1),
    "-1 * * * *": ("minute range '-1' lacks an end", 0, 1),
    "1- * * * *": ("minute range '1-' lacks an end", 2, 3),
    "1,,2 * * * *": ("minute has an empty item in its list '1,,2'", 1, 3),
    "1, * * * *": ("minute has an empty item in its list '1,'", 1, 2),
    "*/0 * * * *": ("minute step 0 never moves on; a step is 1 or more", 2, 3),
    "*/x * * * *": ("minute step 'x' is not a number", 2, 3),
    "*/ * * * *": ("minute has no step after '/'", 1, 2),
    "50-10 * * * *": ("minute range 50-10 ends before it starts; write 50-59,0-10", 0, 5),
    "0 22-6 * * *": ("hour range 22-6 ends before it starts; write 22-23,0-6", 2, 6),
    "0 0 * * SAT-SUN": ("day of week range SAT-SUN ends before it starts; write SAT-7", 8, 15),
    "0 0 * * FRI-MON": ("day of week range FRI-MON ends before it starts; write FRI-7,1-MON", 8, 15),
    "0 0 * * MOO": ("day of week 'MOO' is not a number or name; did you mean 'MON'?", 8, 11),
    "0 0 * Q *": (
        "month 'Q' is not a number or name; the names are JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC",
        6,
        7,
    ),
    "0 0 ? * *": ("day of month '?' is Quartz's; write *", 4, 5),
    "0 0 L-31 * *": (
        "day of month 'L-31': no month has a day so far from its end; at most L-30",
        4,
        8,
    ),
    "0 0 1,32W * *": ("day of month 32 is out of range 1-31", 6, 9),
    "0 0 L/2 * *": ("day of month 'L' is not a number", 4, 5),
    "0 0 L-3W * *": ("day of month 'L' is not a number", 4, 5),
    "0 0 * * 5#6": (
        "day of week '5#6': a month has a first to fifth of them; write #1 to #5, or L for the last",
        8,
        11,
    ),
    "0 0 * * 8#1": ("day of week 8 is out of range 0-7", 8, 11),
    "0 0 * * MOO#1": ("day of week 'MOO' is not a number or name; did you mean 'MON'?", 8, 13),
    "0 0 * * L": ("day of week 'L' is not a number or name; the names are SUN MON TUE WED THU FRI SAT", 8, 9),
    "0 0 * * 9L": ("day of week 9 is out of range 0-7", 8, 10),
    "L * * * *": ("minute 'L' is not a number", 0, 1),
    "H/0 * * * *": ("minute step 0 never moves on; a step is 1 or more", 2, 3),
    "H/ * * * *": ("minute has no step after '/'", 1, 2),
    "H(0-75) * * * *": ("minute 75 is out of range 0-59", 4, 6),
    "H(30-10) * * * *": ("minute range 30-10 ends before it starts; write 30-59,0-10", 2, 7),
    "H(-5) * * * *": ("minute range '-5' lacks an end", 2, 3),
    "H(5) * * * *": ("minute 'H(5)' is not a number", 0, 4),
    "61 * * * * *": ("second 61 is out of range 0-59", 0, 2),
    "0 0 31W 2 *": ("never comes: no month of '2' has a day 31W", 4, 9),
    "0 0 L-29 2 *": ("never comes: no month of '2' has a day L-29", 4, 10),
    "0 0 */30 2 1#2": ("never comes: no year has such a day", 4, 14),
    "0 0 30 2 *": ("never comes: no month of '2' has a day 30", 4, 8),
    "0 0 31 4,6,SEP *": ("never comes: no month of '4,6,SEP' has a day 31", 4, 14),
    "@dayly": ("unknown alias '@dayly'; did you mean '@daily'?", 0, 6),
    "@reboot": ("'@reboot' names no time; jobs run at times, not when a beat starts", 0, 7),
    "@every 90s": ("'@every 90s' is an interval; write interval = \"90s\"", 0, 10),
    "  0 0 * * 9": ("day of week 9 is out of range 0-7", 10, 11),
    "٣ * * * *": ("minute '٣' is not a number", 0, 1),
}


@pytest.mark.parametrize(("expression", "refusal"), REFUSED.items())
def test_a_wrong_crontab_is_refused_at_the_very_characters(
    expression: str, refusal: tuple[str, int, int]
) -> None:
    with pytest.raises(CrontabProblem) as problem:
        Crontab(expression)
    assert (str(problem.value), problem.value.start, problem.value.end) == refusal


# These may never change: what runs at 03:37 today runs then for ever.
HASHED = {
    ("H * * * *", "nightly-report"): "11 * * * *",
    ("H H * * *", "nightly-report"): "11 8 * * *",
    ("H(0-29)/10 H(1-4) H H H", "backup"): "4,14,24 2 14 3 1",
    ("H/15 * * * *", "backup"): "4,19,34,49 * * * *",
    ("H 0 0 * * *", "team.report"): "19 0 0 * * *",
    ("0 0 H/10 * *", "a"): "0 0 3,13,23 * *",
    ("@daily", "a"): "0 0 * * *",
}


@pytest.mark.parametrize(("crontab", "expected"), HASHED.items())
def test_h_stands_for_the_same_number_for_ever(crontab: tuple[str, str], expected: str) -> None:
    assert written_out(*crontab) == expected


def test_h_spreads_entries_over_the_hour_and_not_over_the_days_that_some_months_lack() -> None:
    minutes = [written_out("H * H * *", f"entry-{index}").split() for index in range(2_000)]
    assert {int(minute) for minute, *_ in minutes} == set(range(60))
    assert {int(day) for _, _, day, *_ in minutes} == set(range(1, 29))


def test_h_needs_a_name_and_other_crontabs_forget_it() -> None:
    with pytest.raises(ValueError, match="H is a hash of an entry's name, and here is none"):
        Crontab("H * * * *")
    assert Crontab("0 * * * *", entry="a") == Crontab("0 * * * *", entry="b")
    assert Crontab("H * * * *", entry="a") != Crontab("H * * * *", entry="b")
