"""Server URLs: the right forms, the wrong ones' messages, and masking."""

import pytest

from scheduler.server_url import SecretUrl, broker_url_problem, masked_url, redis_url_problem, server_name


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379/0",
        "redis://:hush@[::1]:6380/3",
        "rediss://me:hush@example.org/1?ssl_cert_reqs=none",
        "unix:///run/valkey.sock?db=2",
        "unix://me:hush@/run/valkey.sock",
        "sentinel://a:26379,b/main",
        "redis+sentinel://:hush@a:26379,b:26379/main",
        "redis+cluster://a:7000,b:7001",
        "cluster://a:7000",
        "rediss+sentinel://:hush@a:26379,b:26379/main?ssl_ca_certs=/ca.pem&sentinel_tls=no",
        "rediss+cluster://a:7000,b:7001?ssl_certfile=/c.pem&ssl_keyfile=/k.pem&ssl_check_hostname=false",
    ],
)
def test_the_forms_of_a_redis_are_accepted(url: str) -> None:
    assert redis_url_problem(url) is None
    assert broker_url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("localhost:6379", "is not a URL; write it as redis://HOST:PORT/DB or unix:///PATH.sock"),
        ("", "is not a URL; write it as redis://HOST:PORT/DB or unix:///PATH.sock"),
        ("http://localhost", "has the scheme 'http'; use redis, rediss, unix, sentinel or cluster"),
        ("redis://", "names no host"),
        ("redis://localhost:x", "has the port 'x'; a port is a whole number from 1 to 65535"),
        ("redis://localhost:99999", "has the port '99999'; a port is a whole number from 1 to 65535"),
        ("redis://::1", "has a host that can't be read: '::1'; an IPv6 address stands in brackets"),
        ("redis://localhost/main", "has the database 'main'; a database is a number such as 0"),
        ("redis://a:1,b:2", "names 2 hosts; redis:// takes one"),
        ("unix:///s.sock?db=x", "has the database 'x'; a database is a number such as 0"),
        ("unix://", "names no socket; write unix:///PATH.sock"),
        (
            "unix://run/valkey.sock",
            "has 'run' where nothing may stand; an absolute path takes three slashes: unix:///PATH.sock",
        ),
        (
            "redis://a?ssl_ca_certs=/ca.pem",
            "has the option ssl_ca_certs, but redis:// has no TLS; write rediss://",
        ),
        (
            "cluster://a?ssl_cert_reqs=none",
            "has the option ssl_cert_reqs, but cluster:// has no TLS; write rediss+cluster://",
        ),
        (
            "rediss://a?ssl_ca_cert=/ca.pem",
            "has the option 'ssl_ca_cert', which is none for TLS; did you mean 'ssl_ca_certs'?",
        ),
        ("rediss://a?ssl_cert_reqs=no", "has ssl_cert_reqs=no; it is one of required, optional, none"),
        ("rediss://a?ssl_check_hostname=maybe", "has ssl_check_hostname=maybe; it is true or false"),
        ("rediss+sentinel://a/m?sentinel_tls=x", "has sentinel_tls=x; it is true or false"),
        (
            "rediss://a?ssl_keyfile=/k.pem",
            "has the option ssl_keyfile without ssl_certfile, the certificate that the key belongs to",
        ),
        ("sentinel://a:26379", "names no master; write sentinel://HOST:PORT,HOST2:PORT/NAME"),
    ],
)
def test_a_wrong_form_is_explained(url: str, problem: str) -> None:
    assert redis_url_problem(url) == problem


def test_a_broker_may_be_rabbitmq() -> None:
    assert broker_url_problem("amqp://me:hush@example.org:5672//") is None
    assert broker_url_problem("amqp://") == "names no host"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("redis://me:hush@example.org/0", "redis://me:***@example.org/0"),
        ("redis://:hush@example.org", "redis://:***@example.org"),
        ("redis://me@example.org", "redis://me@example.org"),
        ("rediss://me:a:b@example.org?password=hush&db=1", "rediss://me:***@example.org?password=***&db=1"),
        ("from redis://:x@a to amqp://m:y@b", "from redis://:***@a to amqp://m:***@b"),
        ("no url: me@example.org", "no url: me@example.org"),
    ],
)
def test_passwords_are_masked(text: str, masked: str) -> None:
    assert masked_url(text) == masked


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://me:hush@example.org/0", "example.org:6379"),
        ("redis://example.org:6400", "example.org:6400"),
        ("redis://[::1]", "[::1]:6379"),
        ("redis://[::1]:7000", "[::1]:7000"),
        ("unix://:hush@/run/valkey.sock?db=1", "/run/valkey.sock"),
        ("sentinel://a:26379,b:26380/main", "a:26379, b:26380"),
        ("amqp://me:hush@rabbit//", "rabbit:5672"),
    ],
)
def test_the_name_of_a_server_has_no_credentials(url: str, name: str) -> None:
    assert server_name(url) == name


def test_a_secret_url_prints_masked() -> None:
    assert repr(SecretUrl("redis://:hush@a")) == "SecretUrl('redis://:***@a')"
