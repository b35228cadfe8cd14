"""The addresses of servers as kombu reads them: it gets in by the one that it is given."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from kombu.connection import Connection

from scheduler import celery_addresses
from tests.support.valkey import ValkeyServer


def test_a_unix_socket_keeps_its_user_its_password_and_its_database(
    new_valkey: Callable[..., ValkeyServer],
) -> None:
    server, password = new_valkey(), "p@ss/w:rd"
    server.client().acl_setuser(
        "ours", enabled=True, passwords=[f"+{password}"], keys=["*"], categories=["+@all"]
    )
    connect: Any = Connection
    with connect(
        celery_addresses.broker(f"unix://ours:{quote(password, safe='')}@{server.socket_path}?db=3")
    ) as connection:
        client = connection.default_channel.client
        assert client.acl_whoami() == "ours"
        assert client.connection_pool.connection_kwargs["db"] == 3
