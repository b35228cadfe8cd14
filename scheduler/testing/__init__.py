"""A project's schedules and jobs under test: no server, no worker, no waiting. For pytest, the fixture `schedule`.

schedule.fires("nightly", between=("2026-03-28", "2026-03-30"))    the ticks, in UTC
for tick in schedule.step("nightly", count=3): …                   the clock stands still at each
run = schedule.run("nightly", at="2026-03-29")                     the job, as a worker would execute it
"""

from scheduler.testing.executed import ExecutedRun, LogLine
from scheduler.testing.schedules import Schedules, Tick

__all__ = ["ExecutedRun", "LogLine", "Schedules", "Tick"]
