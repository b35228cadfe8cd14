"""jobs.websites against real servers on this machine, with and without TLS."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.websites import CheckFailed, check, check_file, days_left
from tests.support.server import free_port
from tests.support.website import TLS, reply, website


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))


def test_a_site_without_tls_has_a_status_and_a_latency() -> None:
    with website() as site:
        result = check(site.url)

    assert result.keys() == {"status", "latency_ms", "certificate_days"}
    assert (result["status"], result["certificate_days"]) == (200, None)
    assert 0 <= result["latency_ms"] < 5000


@pytest.mark.usefixtures("_trusted")
def test_a_site_with_tls_tells_the_days_its_certificate_has_left() -> None:
    with website(certificate="localhost.pem") as site:
        assert check(site.url)["certificate_days"] > 20_000


@pytest.mark.usefixtures("_trusted")
def test_a_certificate_that_ends_soon_fails_the_check() -> None:
    with (
        website(certificate="localhost.pem") as site,
        pytest.raises(CheckFailed, match=rf"^the certificate of {site.url} ends in \d+ days, on 2126-10-28$"),
    ):
        check(site.url, warn_certificate_days=1_000_000)


def test_an_expired_certificate_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost-expired.pem"))

    with (
        website(certificate="localhost-expired.pem") as site,
        pytest.raises(CheckFailed, match="certificate has expired"),
    ):
        check(site.url)


def test_a_certificate_that_nobody_vouches_for_fails_the_check() -> None:
    with (
        website(certificate="localhost.pem") as site,
        pytest.raises(CheckFailed, match="self-signed certificate"),
    ):
        check(site.url)


def test_another_status_fails_the_check_and_credentials_are_masked() -> None:
    with website(lambda _, handler: reply(handler, 500)) as site, pytest.raises(CheckFailed) as caught:
        check(site.url.replace("://", "://ann:hush@"))

    assert str(caught.value) == f"{site.url} answered 500, expected 200".replace("://", "://***@")


def test_redirects_are_followed_unless_one_is_expected() -> None:
    with website(
        lambda request, handler: (
            reply(handler, 200) if request.path == "/new" else reply(handler, 301, location="/new")
        )
    ) as site:
        assert check(site.url)["status"] == 200
        assert check(site.url, expect_status=301)["status"] == 301


def test_nobody_there_and_no_answer_in_time_are_told_apart() -> None:
    url = f"http://localhost:{free_port()}"
    with pytest.raises(CheckFailed, match=rf"^{url} does not answer: \[Errno 111\] Connection refused$"):
        check(url)

    with (
        website(lambda _, handler: handler.rfile.read(1)) as site,
        pytest.raises(CheckFailed, match=rf"^{site.url} did not answer within 200ms$"),
    ):
        check(site.url, timeout="200ms")


def test_a_file_of_this_machine_can_be_checked_without_a_network(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("hello")

    assert check_file(str(page))["status"] == 200
    with pytest.raises(FileNotFoundError):
        check_file(str(tmp_path / "none"))


def test_days_left_are_whole_days_rounded_down() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert days_left(now + timedelta(days=3, hours=23), now) == 3
    assert days_left(now - timedelta(hours=1), now) == -1
    assert days_left(None, now) is None
