"""What the options for TLS in a URL become."""

import pytest

from scheduler.server_tls import sentinels_want_tls, tls_options, without_tls_options
from scheduler.server_url import server_name

STRICT = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}


@pytest.mark.parametrize("url", ["redis://a", "unix:///s", "sentinel://a/m", "cluster://a", "amqps://a"])
def test_other_urls_ask_for_no_tls(url: str) -> None:
    assert tls_options(url) is None
    assert not sentinels_want_tls(url)


@pytest.mark.parametrize("url", ["rediss://a", "rediss+sentinel://a/m", "rediss+cluster://a"])
def test_a_certificate_is_checked_unless_the_url_says_otherwise(url: str) -> None:
    assert tls_options(url) == STRICT
    assert tls_options(f"{url}?ssl_cert_reqs=NONE&ssl_check_hostname=No") == {
        "ssl_cert_reqs": "none",
        "ssl_check_hostname": False,
    }


def test_what_is_no_option_for_tls_stays_in_the_url() -> None:
    url = "rediss://me:p%40ss@a:1/2?ssl_ca_certs=/a%20b.pem&client_name=c%26d&ssl_ciphers=X"
    assert tls_options(url) == {"ssl_ca_certs": "/a b.pem", "ssl_ciphers": "X", **STRICT}
    assert without_tls_options(url) == "rediss://me:p%40ss@a:1/2?client_name=c%26d"


def test_sentinels_may_be_asked_without_tls() -> None:
    assert sentinels_want_tls("rediss+sentinel://a/m")
    assert not sentinels_want_tls("rediss+sentinel://a/m?sentinel_tls=no")


def test_a_sentinel_without_a_port_is_named_with_its_own() -> None:
    assert server_name("rediss+sentinel://a,b:1/m") == "a:26379, b:1"
