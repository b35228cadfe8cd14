"""onbeat.http against a real server on this machine."""

import base64
import json
import logging
from http.server import BaseHTTPRequestHandler

import pytest

from scheduler.builtin.http import MAX_BODY_BYTES, RequestFailed, RequestTimedOut, UnexpectedStatus, http
from tests.support.server import free_port
from tests.support.website import TLS, Request, reply, website


def test_a_request_gives_status_time_and_size() -> None:
    with website() as site:
        result = http(site.url + "/x?y=1")

    assert result["status"] == 200
    assert result["bytes"] == 2
    assert 0 <= result["duration_ms"] < 5000
    assert (site.requests[0].method, site.requests[0].path) == ("GET", "/x?y=1")
    assert site.requests[0].headers["user-agent"] == "onbeat"


def test_a_body_that_is_a_table_is_sent_as_json() -> None:
    with website() as site:
        http(site.url, method="post", body={"text": "Backup done"}, headers={"x-team": "ops"})

    request = site.requests[0]
    assert request.method == "POST"
    assert json.loads(request.body) == {"text": "Backup done"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-team"] == "ops"


def test_variables_of_the_worker_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_TOKEN", "c0de-of-the-chat")
    with website() as site:
        http(
            site.url + "/${CHAT_ROOM:-ops}",
            headers={"Authorization": "Bearer ${CHAT_TOKEN}"},
            method="POST",
            body={"text": "from ${CHAT_ROOM:-ops}"},
        )

    request = site.requests[0]
    assert (request.path, request.headers["authorization"]) == ("/ops", "Bearer c0de-of-the-chat")
    assert json.loads(request.body) == {"text": "from ops"}


def test_a_body_that_is_text_is_sent_as_it_is() -> None:
    with website() as site:
        http(site.url, method="PUT", body="größer", headers={"Content-Type": "text/plain"})

    assert site.requests[0].body.decode() == "größer"
    assert site.requests[0].headers["content-type"] == "text/plain"


def test_another_status_than_expected_fails_and_shows_the_answer() -> None:
    with (
        website(lambda _, handler: reply(handler, 503, b"down for\nmaintenance")) as site,
        pytest.raises(UnexpectedStatus) as caught,
    ):
        http(site.url)

    assert str(caught.value) == (
        f"GET {site.url} answered 503 Service Unavailable, expected 2xx: down for maintenance"
    )


def test_an_unusual_status_can_be_the_expected_one() -> None:
    with website(lambda _, handler: reply(handler, 404)) as site:
        assert http(site.url, expect_status=[404, 410])["status"] == 404
        assert http(site.url, expect_status=404)["status"] == 404


def hop(request: Request, handler: BaseHTTPRequestHandler) -> None:
    """/3 leads to /2, to /1, to /0, which answers."""
    left = int(request.path[1:])
    if left:
        reply(handler, 302, location=f"/{left - 1}")
    else:
        reply(handler, 200, b"there")


def test_five_redirects_are_followed_and_six_are_not() -> None:
    with website(hop) as site:
        assert http(site.url + "/5")["bytes"] == 5

        with pytest.raises(RequestFailed, match=r"/6 was redirected more than 5 times$"):
            http(site.url + "/6")


def test_credentials_become_basic_authentication_and_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """They stay with the host they are for: after a redirect there too, elsewhere not."""
    caplog.set_level(logging.DEBUG)
    with website() as other, website() as site:
        site.answer = lambda request, handler: (
            reply(handler, 302, location=other.url)
            if request.path == "/b"
            else reply(handler, 302, location="/b")
        )
        http(site.url.replace("://", "://ann:hush@"))

    basic = "Basic " + base64.b64encode(b"ann:hush").decode()
    assert [request.headers.get("authorization") for request in site.requests] == [basic, basic]
    assert "authorization" not in other.requests[0].headers
    assert "hush" not in caplog.text


def test_nobody_there_is_said_with_the_url_and_without_its_credentials() -> None:
    url = f"localhost:{free_port()}/x"

    with pytest.raises(RequestFailed) as caught:
        http(f"http://ann:hush@{url}")

    assert str(caught.value) == f"GET http://***@{url} failed: [Errno 111] Connection refused"


@pytest.mark.parametrize("headers_first", [False, True])
def test_a_server_that_drips_is_cut_off_in_time(headers_first: bool) -> None:
    """Each step of such an answer is quick: only a bound for the whole ends it."""

    def drip(_: Request, handler: BaseHTTPRequestHandler) -> None:
        if headers_first:
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            handler.wfile.write(b".")
            handler.wfile.flush()
            handler.connection.settimeout(0.02)
            try:
                if not handler.connection.recv(1):
                    return
            except TimeoutError:
                continue

    with website(drip) as site, pytest.raises(RequestTimedOut) as caught:
        http(site.url, timeout="300ms")

    assert str(caught.value) == f"GET {site.url} was not answered within 300ms"


def test_of_an_endless_answer_one_mebibyte_is_read() -> None:
    def pour(_: Request, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    with website(pour) as site:
        assert http(site.url, timeout="20s")["bytes"] == MAX_BODY_BYTES


def test_https_needs_a_certificate_that_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    with website(certificate="localhost.pem") as site:
        with pytest.raises(RequestFailed, match="CERTIFICATE_VERIFY_FAILED"):
            http(site.url)

        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))
        assert http(site.url)["status"] == 200


def test_a_deadline_reaches_through_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))

    def silent(_: Request, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.rfile.read(1)

    with website(silent, certificate="localhost.pem") as site, pytest.raises(RequestTimedOut):
        http(site.url, timeout="400ms")
