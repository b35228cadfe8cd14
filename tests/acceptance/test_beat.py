"""A real beat where the store is not as one wishes."""

from collections.abc import Callable

from tests.support.project import Project
from tests.support.valkey import ValkeyServer


def test_a_beat_whose_user_may_not_ask_for_info_says_so_and_works(
    project: Project, new_valkey: Callable[..., ValkeyServer]
) -> None:
    server = new_valkey()
    with server.client() as client:
        client.acl_setuser(
            "onbeat", enabled=True, passwords=["+secret"], keys=["*"], categories=["+@all", "-@dangerous"]
        )
    project.environ["ONBEAT_REDIS_URL"] = f"redis://onbeat:secret@127.0.0.1:{server.port}/0"
    with project.start("beat") as beat:
        unsafe = beat.wait_for_event("store.unsafe", within=30)
        assert "INFO" in unsafe["hint"]
        beat.wait_for_event("tick.dispatched", entry="hello")
        assert not beat.named("store.unreachable")
