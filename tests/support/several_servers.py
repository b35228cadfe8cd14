"""Servers that stand in for one another: a primary and its replica under a Sentinel, and a Cluster."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import redis
from redis.crc import key_slot

from tests.support.valkey import CERTIFICATE, ValkeyServer
from tests.support.waiting import eventually

SLOTS = 16_384


@contextmanager
def servers(count: int, *, tls: bool = False, **options: str) -> Iterator[list[ValkeyServer]]:
    """So many servers, gone afterwards."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            server = ValkeyServer(append_only=True, tls=tls, **options)
            stack.callback(server.close)
            made.append(server.start())
        yield made


@contextmanager
def under_sentinel(
    master: str, *, tls: bool = False, **options: str
) -> Iterator[tuple[str, ValkeyServer, ValkeyServer]]:
    """A URL, the primary and its replica. The Sentinel calls the replica up half a second after the primary's end."""
    with servers(2, tls=tls, **options) as (primary, replica), ExitStack() as stack:
        with replica.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", primary.port)
            eventually(lambda: client.info("replication")["master_link_status"] == "up", within=15)
        sentinel = ValkeyServer(sentinel=_sentinel_conf(master, primary.port), tls=tls)
        stack.callback(sentinel.close)
        sentinel.start()
        with sentinel.client() as asked:
            eventually(
                lambda: int(_state(asked, master)["num-slaves"]) == 1, within=15, what="the replica is known"
            )
        yield _url("sentinel", [sentinel], f"/{master}"), primary, replica


def _url(scheme: str, asked: list[ValkeyServer], path: str = "") -> str:
    places = ",".join(f"127.0.0.1:{server.port}" for server in asked)
    if asked[0].tls:
        return f"rediss+{scheme}://{places}{path}?ssl_ca_certs={CERTIFICATE}"
    return f"{scheme}://{places}{path}"


def _sentinel_conf(master: str, port: int) -> str:
    return "\n".join(
        [
            f"sentinel monitor {master} 127.0.0.1 {port} 1",
            f"sentinel down-after-milliseconds {master} 500",
            f"sentinel failover-timeout {master} 2000",
        ]
    )


def _state(sentinel: Any, master: str) -> dict[str, str]:
    answer = sentinel.execute_command("SENTINEL", "MASTER", master)
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))


@contextmanager
def cluster(prefix: str, *, tls: bool = False) -> Iterator[tuple[str, ValkeyServer]]:
    """A URL of three primaries and a replica, and the primary that has the slot of `prefix` and the replica."""
    options = {
        "cluster_enabled": "yes",
        "cluster_node_timeout": "1000",
        "cluster_require_full_coverage": "no",
    }
    with servers(4, tls=tls, **options) as nodes, ExitStack() as stack:
        clients = [stack.enter_context(node.client()) for node in nodes]
        share = SLOTS // 3 + 1
        for number, client in enumerate(clients[:3]):
            last = min((number + 1) * share, SLOTS) - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for client in clients[1:]:
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        owner = key_slot(prefix.encode()) // share
        identity = clients[owner].execute_command("CLUSTER", "MYID")
        eventually(lambda: _becomes_replica(clients[3], identity), within=20, what="the replica of the owner")
        eventually(
            lambda: (
                all(_info(client)["cluster_known_nodes"] == "4" for client in clients)
                and all(_info(client)["cluster_state"] == "ok" for client in clients)
                and clients[3].info("replication")["master_link_status"] == "up"
            ),
            within=20,
            what="the cluster",
        )
        others = [node for node in nodes[:3] if node is not nodes[owner]]
        yield _url("cluster", others), nodes[owner]


def _becomes_replica(client: Any, of: str) -> bool:
    try:
        client.execute_command("CLUSTER", "REPLICATE", of)
    except redis.ResponseError:
        return False  # the nodes have not heard of each other yet
    return True


def _info(client: Any) -> dict[str, str]:
    answer = client.execute_command("CLUSTER", "INFO")
    return (
        answer
        if isinstance(answer, dict)
        else dict(line.split(":", 1) for line in answer.split("\r\n") if line)
    )
