"""A website on this machine for tests: what it answers is a function, and it remembers what it was asked."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TLS = Path(__file__).parents[1] / "data" / "tls"


@dataclass
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Website:
    """A running site. `answer` gets each request and its handler; without it every answer is "ok"."""

    answer: Callable[[Request, BaseHTTPRequestHandler], object] | None = None
    certificate: str | None = None
    requests: list[Request] = field(default_factory=list)
    url: str = ""


@contextmanager
def website(
    answer: Callable[[Request, BaseHTTPRequestHandler], object] | None = None,
    *,
    certificate: str | None = None,
) -> Iterator[Website]:
    """Serve on a free port of localhost; with TLS where `certificate` names one of tests/data/tls."""
    site = Website(answer, certificate)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            site.requests.append(request)
            if site.answer is None:
                reply(self, 200, b"ok")
            else:
                site.answer(request, self)

        do_GET = do_POST = do_PUT = do_HEAD = handle_any  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing: pytest's output is for tests."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / certificate, TLS / "localhost.key")
        # The handshake happens in the request's own thread, where a client that hangs up hurts nobody.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.url = f"{'https' if certificate else 'http'}://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def reply(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes = b"",
    content_type: str = "text/plain",
    **headers: str,
) -> None:
    """Answer; a header's name is written with underscores."""
    handler.send_response(status)
    for name, value in {"content-type": content_type, "content-length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
