"""Whatever a file holds: it is imported, or refused as unreadable, and what is written is TOML."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scheduler.importing import KINDS, Unreadable, imported, kind_of, toml_text
from tests.support.imports import EXAMPLES

TEXTS = [
    path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.iterdir()) if path.suffix not in ("", ".py")
]
READ = sorted(KINDS.keys() - {"celery"})


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 20)))
    return text[:start] + draw(st.text(max_size=10)) + text[end:]


def written(text: str, kind: str) -> None:
    try:
        found = imported(text, Path("-"), kind)
    except Unreadable:
        return
    document = tomllib.loads(toml_text(found, source="a test"))
    assert len(document["schedules"]) == len(found.drafts) > 0


@given(mutated(), st.sampled_from(READ))
def test_a_damaged_file_is_imported_or_refused(text: str, kind: str) -> None:
    written(text, kind)


@given(st.text(), st.sampled_from(READ))
def test_any_text_is_imported_or_refused(text: str, kind: str) -> None:
    written(text, kind)


@given(mutated() | st.text())
def test_the_kind_of_any_text_is_known_or_refused_with_a_line(text: str) -> None:
    kind, line = None, None
    try:
        kind = kind_of(text, Path("-"))
    except Unreadable as problem:
        line = problem.line
    assert kind in KINDS or line is not None
