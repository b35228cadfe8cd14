"""The tree of runs that followed on each other: each once, beneath the parent that ended last."""

from datetime import UTC, datetime, timedelta

from scheduler.run_family import Relative, branches, related

AT = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)


def relative(name: str, second: float, *parents: str) -> Relative:
    return Relative(name, name, "succeeded", AT + timedelta(seconds=second), parents=parents)


def drawn(*family: Relative) -> list[str]:
    return [
        f"{branch.drawn}{branch.run.name}" + "".join(f" +{other}" for other in branch.also_after)
        for branch in branches(family)
    ]


def test_a_line_of_ten_is_ten_lines_each_deeper() -> None:
    family = [relative("c1", 1), *(relative(f"c{n}", n, f"c{n - 1}") for n in range(2, 11))]
    assert drawn(*reversed(family)) == ["c1", *(f"{' ' * 3 * (n - 2)}└─ c{n}" for n in range(2, 11))]


def test_fan_out_and_fan_in_and_what_followed_on_a_failure() -> None:
    family = [
        relative("clean", 0),
        relative("extract", 0.1),
        relative("load", 1, "clean", "extract"),
        relative("mail", 2, "load"),
        relative("report", 2.5, "load"),
        relative("alarm", 3, "mail"),
    ]
    assert drawn(*family) == [
        "clean",
        "extract",
        "└─ load +clean",
        "   ├─ mail",
        "   │  └─ alarm",
        "   └─ report",
    ]


def test_a_parent_that_is_on_record_no_more_leaves_its_child_at_the_top() -> None:
    assert drawn(relative("load", 1, "gone"), relative("mail", 2, "load")) == ["load", "└─ mail"]


def test_a_family_is_all_before_and_all_after_and_not_what_stands_beside() -> None:
    parents = {"load": ["clean", "extract"], "mail": ["load"], "report": ["load"], "alarm": ["mail"]}
    assert related(parents, "mail") == {"mail", "load", "clean", "extract", "alarm"}
    assert related(parents, "alone") == {"alone"}
