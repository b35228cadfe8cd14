"""Runs as the acceptance tests ask for them and wait for their ends."""

from scheduler.operations import trigger
from scheduler.publisher import StorePublisher
from scheduler.run import Run
from scheduler.store import Store
from tests.support.waiting import eventually


def asked_for(store: Store, entry: str) -> str:
    """The id of a run of the entry that somebody has just asked for."""
    stored = store.entries.get(entry)
    assert stored is not None
    return trigger(store, StorePublisher(store), stored, by="test")


def end_of(store: Store, run_id: str, within: float = 20) -> Run:
    """The run, once it has ended for good."""

    def ended() -> Run | None:
        run = store.runs.get(run_id)
        return run if run is not None and run.state.final else None

    run = eventually(ended, within=within, what=f"the end of {run_id}")
    assert run is not None
    return run
