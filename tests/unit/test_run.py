"""What a run is called."""

from datetime import UTC, datetime
from uuid import uuid5

import pytest

from scheduler.run import NAMESPACE, tick_run_id


@pytest.mark.parametrize("entry", ["one", "näme", "", "x" * 500, *map(str, range(20))])
def test_the_id_of_a_ticks_run_is_the_uuid5_of_entry_and_time(entry: str) -> None:
    at = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
    assert tick_run_id(entry, at) == str(uuid5(NAMESPACE, f"{entry}@{round(at.timestamp() * 1000)}"))
