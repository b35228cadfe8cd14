"""What a server says when it can be asked and can't work: it is as good as away."""

import pytest
from redis.exceptions import OutOfMemoryError, ResponseError

from scheduler.errors import Unreachable
from scheduler.store.connection import explained, refuses_work


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), True),
        (ResponseError("Command # 2 (ZADD unacked) of pipeline caused error: MISCONF Errors writing"), True),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), True),
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), True),
        (ResponseError("Command # 2 (ZADD MISCONF) of pipeline caused error: WRONGTYPE Operation"), False),
        (ResponseError("WRONGTYPE Operation against a key"), False),
        (ValueError("MISCONF"), False),
    ],
    ids=str,
)
def test_a_server_that_refuses_to_work_is_known_by_its_words(error: Exception, refused: bool) -> None:
    assert refuses_work(error) is refused


def test_a_refusal_within_a_pipeline_is_an_outage_like_any_other() -> None:
    error = ResponseError(
        "Command # 1 (LPUSH) of pipeline caused error: MISCONF Errors writing to the AOF file"
    )
    told = explained(error, "here:6379")
    assert isinstance(told, Unreachable)
    assert told.hint == "free its memory or its disk"
