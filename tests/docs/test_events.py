from pathlib import Path

from scheduler.events import BASE_FIELDS, GROUPS, RUN_FIELDS, Event
from tests.docs.pages import page, rows, words_in_code

EVENTS = page("reference/events.md")


def row_of(event: Event) -> list[str]:
    fields = ", ".join(f"`{field}`" for field in event.fields) or "–"
    return [f"`{event.name}`", event.level, fields, event.meaning]


def test_the_page_lists_every_event_with_its_level_fields_and_meaning_and_no_other() -> None:
    wanted = [row_of(event) for group in GROUPS.values() for event in group]
    assert rows(EVENTS, header="event") == wanted


def test_each_group_of_events_has_its_heading() -> None:
    assert [line[3:] for line in EVENTS.splitlines() if line.startswith("## ")] == list(GROUPS)


def test_the_fields_of_every_line_are_described() -> None:
    described = {word for row in rows(EVENTS, header="field") for word in words_in_code(row[0])}
    assert described == set(BASE_FIELDS)
    assert set(RUN_FIELDS) <= set(words_in_code(EVENTS.split("Every line of a run")[1].split(".")[0]))


def test_the_recipes_use_only_events_that_exist() -> None:
    known = {event.name for group in GROUPS.values() for event in group}
    recipes = Path(__file__).parents[2] / "docs" / "how-to"
    for file in recipes.glob("*.md"):
        for word in words_in_code(file.read_text()):
            family, dot, rest = word.partition(".")
            if dot and rest.isidentifier() and any(name.startswith(f"{family}.") for name in known):
                assert word in known, f"{file.name} speaks of {word}"
