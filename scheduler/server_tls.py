"""TLS to the servers: which URLs ask for it, and what their options `ssl_…` say. Pure.

    rediss://HOST:PORT/DB?ssl_ca_certs=/etc/ssl/ours.pem
    rediss+sentinel://HOST:PORT,HOST2:PORT/MASTER?ssl_ca_certs=…
    rediss+cluster://HOST:PORT,HOST2:PORT?ssl_certfile=…&ssl_keyfile=…

The options have redis-py's names. Without any the server's certificate must be one that the system trusts, for the name
by which it is called.
"""

from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from scheduler.suggestion import did_you_mean

TLS_SCHEMES: Final = ("rediss", "rediss+sentinel", "rediss+cluster")
FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TEXTS: Final = (*FILES, "ssl_ca_path", "ssl_password", "ssl_ciphers")
_CERT_REQS: Final = ("required", "optional", "none")
_YES_OR_NO: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_OPTIONS: Final = (*_TEXTS, "ssl_cert_reqs", "ssl_check_hostname")
_WITH_TLS: Final = {
    "redis": "rediss",
    "sentinel": "rediss+sentinel",
    "redis+sentinel": "rediss+sentinel",
    "cluster": "rediss+cluster",
    "redis+cluster": "rediss+cluster",
}
SENTINEL_TLS: Final = "sentinel_tls"

TlsOptions = dict[str, str | bool]


def tls_options(url: str) -> TlsOptions | None:
    """What redis-py, Celery and kombu are told for TLS, by redis-py's names; None where `url` asks for none."""
    if urlsplit(url).scheme not in TLS_SCHEMES:
        return None
    said = _said(url)
    options: TlsOptions = {name: value for name, value in said.items() if name in _TEXTS}
    options["ssl_cert_reqs"] = said.get("ssl_cert_reqs", "required").lower()
    options["ssl_check_hostname"] = _YES_OR_NO[said.get("ssl_check_hostname", "true").lower()]
    return options


def sentinels_want_tls(url: str) -> bool:
    """Whether the Sentinels are asked by TLS too, as they are unless the URL says `sentinel_tls=no`."""
    return urlsplit(url).scheme in TLS_SCHEMES and _YES_OR_NO[_said(url).get(SENTINEL_TLS, "yes").lower()]


def tls_problem(url: str) -> str | None:
    """What is wrong with the options for TLS in `url`, or None."""
    scheme, said = urlsplit(url).scheme, _said(url)
    named = [name for name in said if name.startswith("ssl_") or name == SENTINEL_TLS]
    if named and scheme not in TLS_SCHEMES:
        return f"has the option {named[0]}, but {scheme}:// has no TLS; write {_WITH_TLS[scheme]}://"
    for name in named:
        if problem := _option_problem(name, said[name]):
            return problem
    if "ssl_keyfile" in said and "ssl_certfile" not in said:
        return "has the option ssl_keyfile without ssl_certfile, the certificate that the key belongs to"
    return None


def without_tls_options(url: str) -> str:
    """`url` without its options for TLS, for those who are told of them otherwise."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("ssl_")]
    return parts._replace(query=urlencode(kept, quote_via=quote)).geturl()


def _option_problem(name: str, value: str) -> str | None:
    if name in ("ssl_check_hostname", SENTINEL_TLS) and value.lower() not in _YES_OR_NO:
        return f"has {name}={value}; it is true or false"
    if name == "ssl_cert_reqs" and value.lower() not in _CERT_REQS:
        return f"has {name}={value}; it is one of {', '.join(_CERT_REQS)}"
    if name != SENTINEL_TLS and name not in _OPTIONS:
        return f"has the option {name!r}, which is none for TLS{did_you_mean(name, _OPTIONS)}"
    return None


def _said(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
