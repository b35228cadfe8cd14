"""Does a website answer, how fast, and for how long is its certificate still good?"""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import structlog

from scheduler import job
from scheduler.builtin.http import masked
from scheduler.durations import parse_duration

log = structlog.get_logger()


class CheckFailed(Exception):
    """The website is not as it should be; the message says in which way."""


@job(timeout="2m")
def check(
    url: str, expect_status: int = 200, timeout: str | float = "10s", warn_certificate_days: int = 14
) -> dict[str, Any]:
    """Get `url`; its status, its latency in milliseconds, and how many days its certificate has left.

    Redirects are followed unless a 3xx is expected. `certificate_days` is None without TLS. Certificates are
    trusted as httpx does: by certifi, or by the file that SSL_CERT_FILE names.

    Raises CheckFailed for another status than `expect_status`, a certificate that ends within
    `warn_certificate_days`, and for no answer within `timeout`.
    """
    seconds = parse_duration(timeout).total_seconds()
    shown = masked(url)
    follow = not HTTPStatus.MULTIPLE_CHOICES <= expect_status < HTTPStatus.BAD_REQUEST
    started = time.monotonic()
    try:
        with httpx.stream("GET", url, timeout=seconds, follow_redirects=follow) as response:
            latency_ms = round((time.monotonic() - started) * 1000)
            ends_at = certificate_end(response)
    except httpx.TimeoutException as error:
        raise CheckFailed(f"{shown} did not answer within {timeout}") from error
    except httpx.HTTPError as error:
        raise CheckFailed(f"{shown} does not answer: {error}") from error
    if response.status_code != expect_status:
        raise CheckFailed(f"{shown} answered {response.status_code}, expected {expect_status}")
    left = days_left(ends_at, datetime.now(UTC))
    if ends_at is not None and left is not None and left < warn_certificate_days:
        raise CheckFailed(f"the certificate of {shown} ends in {left} days, on {ends_at:%Y-%m-%d}")
    log.info("the website is well", url=shown, latency_ms=latency_ms, certificate_days=left)
    return {"status": response.status_code, "latency_ms": latency_ms, "certificate_days": left}


@job(timeout="1m")
def check_file(path: str = "README.md") -> dict[str, Any]:
    """Serve this one file to ourselves on the loopback, and check it as a website.

    For a machine that has neither a website nor a network, such as a fresh clone: the check is real, from the
    socket to the status, and only as long as it takes is there a server, with this file and no other.
    """
    with served(Path(path).read_bytes()) as url:
        return check(url)


def certificate_end(response: httpx.Response) -> datetime | None:
    """When the certificate of this answer's connection ends; None without TLS."""
    connection = response.extensions["network_stream"].get_extra_info("ssl_object")
    if connection is None:
        return None
    not_after: str = connection.getpeercert()["notAfter"]
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)


def days_left(ends_at: datetime | None, now: datetime) -> int | None:
    """Whole days from `now` to `ends_at`; None for no end."""
    return None if ends_at is None else (ends_at - now) // timedelta(days=1)


@contextmanager
def served(content: bytes) -> Iterator[str]:
    """A server on a free port of the loopback that answers every GET with `content`; its URL."""

    class OneFile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            log.debug("served", request=format % args)

    with HTTPServer(("127.0.0.1", 0), OneFile) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
