"""`onbeat.http`: a request as a job, e.g. to call a webhook at night or to knock on a service."""

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING, Any

from scheduler.builtin.deadline import Deadline
from scheduler.builtin.worker_variables import filled
from scheduler.durations import format_duration, parse_duration
from scheduler.job import job

if TYPE_CHECKING:
    import httpx

MAX_REDIRECTS = 5
MAX_BODY_BYTES = 1024 * 1024
_EXCERPT_CHARACTERS = 200
_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")


class UnexpectedStatus(Exception):
    """The answer's status is none of those expected."""


class RequestFailed(Exception):
    """There was no answer: no such host, refused, a bad certificate, too many redirects."""


class RequestTimedOut(RequestFailed):
    """The answer did not come, or did not end, in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is its beginning, at most MAX_BODY_BYTES."""

    status: int
    content_type: str
    body: bytes


@job(name="onbeat.http")
def http(
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: str | dict[str, Any] | list[Any] | None = None,
    expect_status: int | list[int] | None = None,
    timeout: str | float = "30s",
) -> dict[str, Any]:
    """Make a request. The run succeeds if the status is the expected one, or any 2xx where none is given.

    A `body` that is no text is sent as JSON. Up to 5 redirects are followed; of the answer at most 1 MiB is
    read. `timeout` is for all of it, redirects included. Credentials in the URL become basic authentication
    and are in no log. `${NAME}` in the URL, a header's value and the body is a variable of the worker.

    Raises ValueError for a bad URL or duration; VariableMissing; UnexpectedStatus; RequestFailed;
    RequestTimedOut.
    """
    import httpx

    url, headers, body = filled(url), filled(headers), filled(body)
    allowed = parse_duration(timeout)
    shown = f"{method.upper()} {masked(url)}"
    started = time.monotonic()
    deadline = Deadline(allowed.total_seconds())
    try:
        with deadline, httpx.Client() as client:
            request = _request(client, url, method.upper(), headers or {}, body)
            answer = _exchange(client, request, _credentials(url), deadline)
    except httpx.HTTPError as error:
        raise failure(shown, error, allowed, cut=deadline.passed) from error
    if deadline.passed:
        raise failure(shown, httpx.ReadTimeout("cut"), allowed, cut=True)
    if not is_expected(answer.status, expect_status):
        wanted = f"expected {expectation(expect_status)}"
        raise UnexpectedStatus(f"{shown} answered {status_name(answer.status)}, {wanted}{excerpt(answer)}")
    duration_ms = round((time.monotonic() - started) * 1000)
    return {"status": answer.status, "duration_ms": duration_ms, "bytes": len(answer.body)}


def masked(text: str) -> str:
    """`text` with the credentials of any URL in it replaced: even a name alone can be a token."""
    return _USER_INFO.sub("***@", text)


def failure(shown: str, error: "httpx.HTTPError", allowed: timedelta, *, cut: bool) -> RequestFailed:
    """What went wrong with a request, for a person; `cut` where its time was up."""
    import httpx

    if cut or isinstance(error, httpx.TimeoutException):
        return RequestTimedOut(f"{shown} was not answered within {format_duration(allowed)}")
    if isinstance(error, httpx.TooManyRedirects):
        return RequestFailed(f"{shown} was redirected more than {MAX_REDIRECTS} times")
    return RequestFailed(f"{shown} failed: {masked(str(error)) or type(error).__name__}")


def is_expected(status: int, expected: int | list[int] | None) -> bool:
    if expected is None:
        return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    return status == expected if isinstance(expected, int) else status in expected


def expectation(expected: int | list[int] | None) -> str:
    """One of "2xx", "204", "200 or 404"."""
    if expected is None:
        return "2xx"
    return str(expected) if isinstance(expected, int) else " or ".join(map(str, expected))


def status_name(status: int) -> str:
    """As "404 Not Found"; the number alone where it has no name."""
    return f"{status} {responses.get(status, '')}".strip()


def excerpt(answer: Answer) -> str:
    """The answer's first words as the end of a sentence; nothing where it is no text."""
    if not re.match(r"text/|application/(\S+\+)?(json|xml)", answer.content_type):
        return ""
    text = " ".join(answer.body[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", "replace").split())
    if not text:
        return ""
    return f": {text[:_EXCERPT_CHARACTERS]}" + ("…" if len(text) > _EXCERPT_CHARACTERS else "")


def _request(
    client: "httpx.Client", url: str, method: str, headers: dict[str, str], body: Any
) -> "httpx.Request":
    """The request, asking for an answer that is not compressed. Raises ValueError for a URL that is none."""
    import httpx

    try:
        target = httpx.URL(url).copy_with(userinfo=b"")
    except httpx.InvalidURL as error:
        raise ValueError(f"{masked(url)!r} is no URL: {error}") from error
    if target.scheme not in {"http", "https"} or not target.host:
        raise ValueError(f"{masked(url)!r} is no URL of the web: write https://HOST/PATH")
    content = {"content": body} if isinstance(body, str) else {} if body is None else {"json": body}
    defaults = {"user-agent": "onbeat", "accept-encoding": "identity"}
    return client.build_request(method, target, headers={**defaults, **headers}, **content)


def _credentials(url: str) -> "httpx.Auth | None":
    import httpx

    parts = httpx.URL(url)
    return httpx.BasicAuth(parts.username, parts.password) if parts.userinfo else None


def _exchange(
    client: "httpx.Client", request: "httpx.Request", auth: "httpx.Auth | None", deadline: Deadline
) -> Answer:
    """Send, follow redirects, read. Raises httpx's errors."""
    import httpx

    for _ in range(MAX_REDIRECTS + 1):
        deadline.watch(request)
        response = client.send(request, stream=True, auth=auth, follow_redirects=False)
        auth = None  # the next request keeps the header where it goes to the same host
        try:
            if response.next_request is None:
                content_type = response.headers.get("content-type", "")
                return Answer(response.status_code, content_type, _body(response))
            request = response.next_request
        finally:
            response.close()
    raise httpx.TooManyRedirects("too many redirects", request=request)


def _body(response: "httpx.Response") -> bytes:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk[: MAX_BODY_BYTES - len(body)]
        if len(body) == MAX_BODY_BYTES:
            break
    return bytes(body)
