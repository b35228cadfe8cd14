from scheduler.events import BASE_FIELDS, CATALOGUE, RUN_FIELDS
from tests.docs.pages import DOCS, page, rows, words_in_code
from tests.docs.rendered import events_page

EVENTS = page("reference/events.md")


def test_the_page_is_the_catalogue_in_words() -> None:
    """`make reference` writes it."""
    assert events_page() == EVENTS


def test_the_fields_of_every_line_are_described() -> None:
    described = {word for row in rows(EVENTS, header="field") for word in words_in_code(row[0])}
    assert described == set(BASE_FIELDS)
    assert set(RUN_FIELDS) <= set(words_in_code(EVENTS.split("Every line of a run")[1].split(".")[0]))


def test_the_recipes_use_only_events_that_exist() -> None:
    for file in (DOCS / "how-to").glob("*.md"):
        for word in words_in_code(file.read_text()):
            family, dot, rest = word.partition(".")
            if (
                dot
                and rest.isidentifier()
                and rest != "toml"
                and any(name.startswith(f"{family}.") for name in CATALOGUE)
            ):
                assert word in CATALOGUE, f"{file.name} speaks of {word}"
