import os
from collections.abc import Callable

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.valkey import ValkeyServer


def test_the_shared_server_is_empty_and_answers_on_both_its_addresses(valkey: ValkeyServer) -> None:
    with (
        valkey.client() as by_port,
        redis.Redis.from_url(valkey.socket_url, decode_responses=True) as by_socket,
    ):
        assert by_port.dbsize() == 0
        by_port.set("left", "over")
        assert by_socket.get("left") == "over"


def test_what_one_test_left_is_gone_in_the_next(valkey_server: ValkeyServer) -> None:
    with valkey_server.client() as client:
        client.set("left", "over")
        valkey_server.flush()
        assert client.dbsize() == 0


def test_an_append_only_server_keeps_its_data_through_a_kill(new_valkey: Callable[..., ValkeyServer]) -> None:
    server = new_valkey(append_only=True, appendfsync="always")
    with server.client() as client:
        client.set("kept", "1")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("kept")
        server.start()
        assert client.get("kept") == "1"


def test_a_frozen_server_answers_again_when_thawed(new_valkey: Callable[..., ValkeyServer]) -> None:
    server = new_valkey()
    with redis.Redis.from_url(server.url, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)) as client:
        server.freeze()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.thaw()
        assert client.ping()


def test_a_server_with_a_password_names_it_in_its_url(new_valkey: Callable[..., ValkeyServer]) -> None:
    server = new_valkey(requirepass="opensesame")
    with server.client() as client:
        assert client.ping()
    server.password = None
    with pytest.raises(redis.AuthenticationError), server.client() as client:
        client.ping()


def test_closing_leaves_neither_process_nor_folder() -> None:
    server = ValkeyServer().start()
    pid = server.pid
    server.close()
    assert not server.directory.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
