"""What onbeat.http says of a request, and what it refuses before anything is sent."""

from datetime import timedelta

import httpx
import pytest

from scheduler.builtin.http import (
    Answer,
    RequestFailed,
    RequestTimedOut,
    excerpt,
    expectation,
    failure,
    http,
    is_expected,
    masked,
    status_name,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://ann:hush@example.com/x?y=@z", "https://***@example.com/x?y=@z"),
        ("https://token@example.com", "https://***@example.com"),
        ("at http://a:b@c and http://d/e@f", "at http://***@c and http://d/e@f"),
        ("https://example.com/", "https://example.com/"),
    ],
)
def test_credentials_in_a_url_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    ("status", "expected", "is_well"),
    [
        (200, None, True),
        (299, None, True),
        (304, None, False),
        (404, None, False),
        (404, 404, True),
        (200, 404, False),
        (410, [404, 410], True),
        (200, [404, 410], False),
    ],
)
def test_a_status_is_expected_or_not(status: int, expected: int | list[int] | None, is_well: bool) -> None:
    assert is_expected(status, expected) is is_well


def test_statuses_and_expectations_in_words() -> None:
    assert status_name(404) == "404 Not Found"
    assert status_name(599) == "599"
    assert [expectation(each) for each in (None, 204, [200, 404])] == ["2xx", "204", "200 or 404"]


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/html; charset=utf-8", b"<h1>Oh\n\n  no</h1>", ": <h1>Oh no</h1>"),
        ("application/problem+json", b'{"title": "full"}', ': {"title": "full"}'),
        ("text/plain", b"x" * 300, ": " + "x" * 200 + "…"),
        ("text/plain", b"", ""),
        ("image/png", b"\x89PNG", ""),
    ],
)
def test_an_excerpt_is_short_and_only_of_text(content_type: str, body: bytes, expected: str) -> None:
    assert excerpt(Answer(500, content_type, body)) == expected


@pytest.mark.parametrize(
    ("error", "cut", "kind", "message"),
    [
        (
            httpx.ConnectError("[Errno 111] Connection refused"),
            False,
            RequestFailed,
            "failed: [Errno 111] Connection refused",
        ),
        (httpx.ReadError(""), False, RequestFailed, "failed: ReadError"),
        (httpx.ReadError(""), True, RequestTimedOut, "was not answered within 1m30s"),
        (httpx.ConnectTimeout("timed out"), False, RequestTimedOut, "was not answered within 1m30s"),
        (httpx.TooManyRedirects("…"), False, RequestFailed, "was redirected more than 5 times"),
    ],
)
def test_a_failure_says_what_and_where(
    error: httpx.HTTPError, cut: bool, kind: type[RequestFailed], message: str
) -> None:
    failed = failure("GET http://x/", error, timedelta(seconds=90), cut=cut)

    assert type(failed) is kind
    assert str(failed) == f"GET http://x/ {message}"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("example.com", "'example.com' is no URL of the web: write https://HOST/PATH"),
        ("ftp://a:b@example.com", "'ftp://***@example.com' is no URL of the web: write https://HOST/PATH"),
        ("https://", "'https://' is no URL of the web: write https://HOST/PATH"),
        ("http://x:port/", "'http://x:port/' is no URL: Invalid port: 'port'"),
    ],
)
def test_a_bad_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match="is no URL") as caught:
        http(url)

    assert str(caught.value) == message


def test_a_bad_timeout_is_refused() -> None:
    with pytest.raises(ValueError, match="soon"):
        http("http://x/", timeout="soon")
