"""A beat or a worker with fault points: `python faulty.py ORDER beat`. Run by trials.py, as a program of its own.

It wraps the functions that are the numbered steps of a beat's turn, its upkeep and its start, and of an execution, and
then is `onbeat`. When the file ORDER says `POINT.before:kill`, `POINT.after:stop` or the like, and this process gets
there, it removes the file and does that to itself; `orphan` kills its parent. The product knows nothing of it.
"""

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TURN = {
    "select": ("scheduler.store.ticks", "Ticks.send_select"),
    "found": ("scheduler.store.ticks", "Select.selection"),
    "decide": ("scheduler.beat.turn", "decide"),
    "commit": ("scheduler.store.ticks", "Ticks.send_commit"),
    "answer": ("scheduler.store.ticks", "Commit.answers"),
    "send": ("redis.connection", "AbstractConnection.send_packed_command"),
    "tell": ("scheduler.beat.turn", "_tell"),
}
UPKEEP = {
    "announce": ("scheduler.beat.upkeep", "_announce"),
    "expire": ("scheduler.store.deadlines", "Deadlines.expire"),
    "waiting": ("scheduler.store.outbox", "Outbox.due"),
    "publish": ("scheduler.publisher", "StorePublisher.publish"),
    "move": ("scheduler.store.outbox", "Outbox.move"),
    "recover": ("scheduler.beat.upkeep", "recover"),
    "republish": ("scheduler.beat.upkeep", "_publish_again"),
    "release": ("scheduler.store.lanes", "Lanes.release"),
    "succeed": ("scheduler.beat.upkeep", "_see_to"),
    "follow": ("scheduler.store.followers", "Followers.follow"),
    "look": ("scheduler.beat.ahead", "Ahead.look"),
    "sign": ("scheduler.store.presence", "Presence.sign_in"),
}
START = {
    "read": ("scheduler.beat.schedules", "Schedules.read"),
    "apply": ("scheduler.store.entries", "Entries.apply"),
    "followers": ("scheduler.store.followers", "Followers.replace"),
}
END = {
    "leave": ("scheduler.store.presence", "Presence.sign_out"),
    "close": ("scheduler.publisher", "StorePublisher.close"),
}
BROKER = {
    "hold": ("scheduler.store.outbox", "Outbox.hold"),
    "kombu": ("scheduler.publisher", "BrokerPublisher._send"),
    "confirm": ("scheduler.confirms", "Confirms.wait"),
    "outbox": ("scheduler.publisher", "BrokerPublisher.publish"),
}
EXECUTION = {
    "claim": ("scheduler.store.runs", "Runs.claim"),
    "call": ("scheduler.worker.execution", "call"),
    "finish": ("scheduler.store.runs", "Runs.finish"),
    "see": ("scheduler.worker.execution", "_see_to_followers"),
}
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def main() -> None:
    order = Path(sys.argv.pop(1))
    for point, (module, path) in {**TURN, **UPKEEP, **START, **END, **BROKER, **EXECUTION}.items():
        owner: Any = importlib.import_module(module)
        *classes, name = path.split(".")
        for each in classes:
            owner = getattr(owner, each)
        setattr(owner, name, wrapped(getattr(owner, name), point, order))
    from scheduler.cli import main as onbeat

    onbeat()


def wrapped(function: Callable[..., Any], point: str, order: Path) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        # A step is a call from the beat's main thread; `send` counts within a commit only.
        if point != "send" or Inside.commit:
            reached(f"{point}.before", order)
        Inside.commit += point == "commit"
        try:
            result = function(*args, **kwargs)
        finally:
            Inside.commit -= point == "commit"
        if point != "send" or Inside.commit:
            reached(f"{point}.after", order)
        return result

    return call


class Inside:
    commit = 0


def reached(here: str, order: Path) -> None:
    try:
        point, _, action = order.read_text().partition(":")
    except FileNotFoundError:
        return
    if point == here:
        order.unlink()
        if action == "orphan":
            os.kill(os.getppid(), signal.SIGKILL)
            signal.pause()  # the kernel ends a child of the pool with its parent
        os.kill(os.getpid(), SIGNALS[action])


if __name__ == "__main__":
    main()
