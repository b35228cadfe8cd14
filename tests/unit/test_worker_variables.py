"""Variables that the worker fills in for the built-in jobs."""

import pytest

from scheduler.builtin.worker_variables import VariableMissing, filled
from scheduler.log_setup import hidden_values


def test_every_text_is_filled_in_and_all_else_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "t0k3n-of-a-test")
    monkeypatch.setenv("REGION", "eu")
    headers = {"Authorization": "Bearer ${HOOK_TOKEN}", "X-Region": "${REGION}", "X-Cost": "$5"}
    assert filled(headers) == {"Authorization": "Bearer t0k3n-of-a-test", "X-Region": "eu", "X-Cost": "$5"}
    assert filled([{"n": 1, "zone": "${ZONE:-b}"}, None, True]) == [{"n": 1, "zone": "b"}, None, True]
    assert filled("$${REGION}") == "${REGION}"
    assert filled(None) is None


def test_a_value_is_hidden_from_then_on_where_its_variable_has_the_name_of_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTHER_TOKEN", "another-t0k3n")
    monkeypatch.setenv("PLACE", "a-place-to-see")
    assert filled("${OTHER_TOKEN} ${PLACE}") == "another-t0k3n a-place-to-see"
    assert "another-t0k3n" in hidden_values()
    assert "a-place-to-see" not in hidden_values()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x ${NO_SUCH_VARIABLE}",
            "on this worker the variable NO_SUCH_VARIABLE is not set; set it, or give a",
        ),
        ("${a b}", "on this worker '${a b}' is no variable"),
    ],
)
def test_what_is_missing_is_named(text: str, message: str) -> None:
    with pytest.raises(VariableMissing) as caught:
        filled(text)
    assert str(caught.value).startswith(message)
