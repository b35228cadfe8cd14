"""What must not be shown: by the names of members, and by values wherever they stand."""

import pytest

from scheduler.secrecy import finder, hidden, is_secret_name


@pytest.mark.parametrize(
    "name",
    ["password", "DB_PASSWORD", "passwd", "api_key", "X-Api-Key", "Authorization", "access_token", "secretKey",
     "client_secret", "private-key", "SENTRY_DSN", "set-cookie", "AWS_SECRET_ACCESS_KEY"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["key", "monkey", "author", "passenger", "compass", "region", "cookies_eaten"]
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


def test_members_are_masked_at_any_depth_and_counts_are_not() -> None:
    shown = hidden(
        {"a": [{"password": "x", "tokens": 12, "secret": None, "token": ""}], "auth": {"user": "me"}}
    )
    assert shown == {"a": [{"password": "***", "tokens": 12, "secret": None, "token": ""}], "auth": "***"}


def test_values_are_masked_wherever_they_stand() -> None:
    assert hidden(["x hunter2 y", {"z": "hunter2"}], {"hunter2"}) == ["x *** y", {"z": "***"}]
    assert hidden("postgres://u:p%40ss%2Fword@db", {"p@ss/word"}) == "postgres://u:***@db"


def test_the_longest_of_several_values_goes_first() -> None:
    assert hidden("hunter2-more", {"hunter2", "hunter2-more"}) == "***"


def test_very_short_values_would_mask_everything() -> None:
    assert finder(frozenset({"eu", ""})) is None
    assert hidden("eu", {"eu"}) == "eu"


def test_what_holds_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert hidden(loop)
