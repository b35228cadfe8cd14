"""Variables in strings, as in a shell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.variables import VariableProblem, expanded

ENVIRON = {"REGION": "eu", "EMPTY": "", "NESTED": "${REGION}"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${REGION}", "eu"),
        ("a-${REGION}-b-${REGION}", "a-eu-b-eu"),
        ("${MISSING:-us}", "us"),
        ("${MISSING:-}", ""),
        ("${EMPTY}", ""),
        ("${EMPTY:-us}", "us"),
        ("${REGION:-us}", "eu"),
        ("${MISSING:-a:-b c}", "a:-b c"),
        ("${NESTED}", "${REGION}"),  # a value is a value, whatever stands in it
        ("$REGION costs 5$ $$", "$REGION costs 5$ $$"),
        ("$${REGION}", "${REGION}"),
        ("$${${REGION}}", "${eu}"),
    ],
)
def test_a_reference_becomes_its_value(text: str, value: str) -> None:
    assert expanded(text, ENVIRON) == value


@pytest.mark.parametrize(
    ("text", "message", "characters"),
    [
        (
            "a ${MISSING}",
            "the variable MISSING is not set; set it, or give a default: ${MISSING:-…}",
            (2, 12),
        ),
        ("${}", "'${}' is no variable; write ${NAME} or ${NAME:-default}, and $${ for a plain ${", (0, 3)),
        (
            "${1A}",
            "'${1A}' is no variable; write ${NAME} or ${NAME:-default}, and $${ for a plain ${",
            (0, 5),
        ),
        ("${A", "'${A' is no variable; write ${NAME} or ${NAME:-default}, and $${ for a plain ${", (0, 3)),
        (
            "${A-b}",
            "'${A-b}' is no variable; write ${NAME} or ${NAME:-default}, and $${ for a plain ${",
            (0, 6),
        ),
    ],
)
def test_a_reference_without_a_value_is_refused(text: str, message: str, characters: tuple[int, int]) -> None:
    with pytest.raises(VariableProblem) as problem:
        expanded(text, ENVIRON)
    assert str(problem.value) == message
    assert (problem.value.start, problem.value.end) == characters


@given(st.text())
def test_text_without_a_brace_after_a_dollar_stays_as_it_is(text: str) -> None:
    plain = text.replace("${", "")
    if "${" not in plain:
        assert expanded(plain, {}) == plain
