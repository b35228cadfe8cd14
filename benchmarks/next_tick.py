"""What a next tick costs: 10,000 entries that share 50 crontabs, side by side with cronsim; to stay below 15 µs.

    .venv/bin/python benchmarks/next_tick.py [ENTRIES]

A turn asks every entry for its next tick after the same moment; a day asks each for all its ticks of a day, one after
the other. Cold: nothing is known yet. What a core was kept busy is measured, and the two take turns, so that a busy
machine slows down both.
"""

import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from scheduler.cadences import wall_steps
from scheduler.schedule import Crontab

LIMIT_US = 15.0
ENTRIES = 10_000
ROUNDS = 5
NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Seoul")


def crontabs() -> list[tuple[str, str]]:
    """Fifty of them, each with its zone, as people write them."""
    chance = random.Random(1)
    texts = [f"{chance.randrange(60)} {chance.randrange(24)} * * *" for _ in range(25)]
    texts += [f"{chance.randrange(60)} {chance.randrange(24)} * * {chance.randrange(7)}" for _ in range(8)]
    texts += [
        "* * * * *",
        "*/5 * * * *",
        "*/10 * * * *",
        "*/15 * * * *",
        "*/30 * * * *",
        "0 * * * *",
        "30 * * * *",
    ]
    texts += ["0 */2 * * *", "0 */6 * * *", "*/10 9-17 * * 1-5", "0 9 * * 1-5", "0 0 1 * *", "0 6 1 */3 *"]
    texts += ["30 2 L * *", "0 6 * * 1#1", "0 0 29 2 *", "0 12 1 1 *"]
    return [(text, ZONES[index % len(ZONES)]) for index, text in enumerate(texts)]


def busy(work: Callable[[], int]) -> float:
    """Microseconds of a core for each tick that `work` counts."""
    began = time.process_time()
    count = work()
    return (time.process_time() - began) / count * 1e6


def a_turn(schedules: list[Crontab], entries: int) -> int:
    for index in range(entries):
        schedules[index % len(schedules)].next_after(NOW)
    return entries


def a_turn_of_cronsim(pairs: list[tuple[str, datetime]], entries: int) -> int:
    for index in range(entries):
        text, here = pairs[index % len(pairs)]
        next(CronSim(text, here))
    return entries


def a_day(schedules: list[Crontab], entries: int) -> int:
    count = 0
    for index in range(entries):
        schedule, tick = schedules[index % len(schedules)], NOW
        while (tick := schedule.next_after(tick) or NOW + DAY) < NOW + DAY:
            count += 1
        count += 1
    return count


def a_day_of_cronsim(pairs: list[tuple[str, datetime]], entries: int) -> int:
    count = 0
    for index in range(entries):
        text, here = pairs[index % len(pairs)]
        for tick in CronSim(text, here):
            count += 1
            if tick >= here + DAY:
                break
    return count


def main() -> int:
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    schedules = [Crontab(text, zone) for text, zone in crontabs()]
    pairs = [(text, NOW.astimezone(ZoneInfo(zone))) for text, zone in crontabs()]
    some = max(len(pairs), entries // 20)  # without a memory each entry costs the same
    a_turn(schedules, len(schedules))  # the years of the zones are read
    rows: dict[str, list[tuple[float, float]]] = {
        "a turn, cold": [],
        "a turn": [],
        "a day, cold": [],
        "a day": [],
    }
    for _ in range(ROUNDS):
        for name, ours, theirs in (
            ("a turn", lambda: a_turn(schedules, entries), lambda: a_turn_of_cronsim(pairs, some)),
            ("a day", lambda: a_day(schedules, entries), lambda: a_day_of_cronsim(pairs, some)),
        ):
            wall_steps.next_tick.cache_clear()
            cronsims = busy(theirs)
            first = busy(lambda: (a_turn if name == "a turn" else a_day)(schedules, len(schedules)))  # noqa: B023
            wall_steps.next_tick.cache_clear()
            rows[f"{name}, cold"].append((first, cronsims))
            rows[name].append((busy(ours), cronsims))
    print(f"{entries} entries, {len(schedules)} crontabs, {ROUNDS} rounds; µs a tick, the middle round")
    print(f"{'':14}{'Onbeat':>9}{'cronsim':>9}{'ratio':>8}")
    for name, found in rows.items():
        ours, theirs = (sorted(each)[ROUNDS // 2] for each in zip(*found, strict=True))
        print(f"{name:14}{ours:9.2f}{theirs:9.2f}{theirs / ours:7.1f}x")
    worst = max(sorted(ours for ours, _ in rows[name])[ROUNDS // 2] for name in ("a turn", "a day"))
    print(f"below {LIMIT_US:g} µs: {'yes' if worst < LIMIT_US else 'NO'}")
    return 0 if worst < LIMIT_US else 1


if __name__ == "__main__":
    sys.exit(main())
