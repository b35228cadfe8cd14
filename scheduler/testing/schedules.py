"""A project's schedules under test."""

import contextlib
import os
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from scheduler.entry import Entry
from scheduler.errors import InvalidSchedules, NotFound
from scheduler.events import LEVELS, Level
from scheduler.job_catalogue import JobCatalogue, load_catalogue
from scheduler.problem import Problem
from scheduler.run import Call, RunState, Trigger, manual_run_id, tick_run_id
from scheduler.schedule import zone_of
from scheduler.schedule_file import ScheduleFile, read_schedules
from scheduler.settings import load_settings
from scheduler.suggestion import did_you_mean
from scheduler.testing.executed import ExecutedRun
from scheduler.testing.frozen_clock import FrozenClock, stopped_at
from scheduler.testing.moments import When, moment_of, span_of
from scheduler.wall_clock import zone_named

MOST_TICKS: Final = 1_000_000
_JUST_BEFORE: Final = timedelta(microseconds=1)
_FURTHEST_BACK: Final = timedelta(days=5 * 366)
_SHOWN: Final = 5


class Tick(NamedTuple):
    """One entry at one scheduled time, aware and in UTC."""

    scheduled_at: datetime
    entry: str


class Schedules:
    """What the project's schedules.toml says, to be asked, stepped through and executed. Make it with `read`.

    Times that a test gives may be text (ISO 8601), a date or a datetime. One without a zone is read in the entry's
    `timezone`. Times that come back are aware and in UTC.
    """

    def __init__(
        self, path: Path, file: ScheduleFile, catalogue: JobCatalogue, *, log_level: str, clock: str | None
    ) -> None:
        self.path = path
        self.problems: tuple[Problem, ...] = file.problems
        self.entries: Mapping[str, Entry] = file.entries
        self._catalogue = catalogue
        self._level: Level = next((level for level in LEVELS if level == log_level), "info")
        self._clock_library = clock
        self._clock: FrozenClock | None = None

    @classmethod
    def read(
        cls, path: Path | str | None = None, *, directory: Path | str = ".", clock: str | None = None
    ) -> Self:
        """The schedules of the project in `directory`: at `path`, or where its settings say; its jobs are imported.

        `clock` is "freezegun" or "time-machine", for `step`. Raises InvalidSchedules, with every problem, where a
        beat could not use the file, and InvalidSettings.
        """
        directory = Path(directory).resolve()
        with contextlib.chdir(directory):  # as a beat would be started there
            settings = load_settings()
            chosen = settings.schedules if path is None else Path(path)
            catalogue = load_catalogue(settings.jobs, directory)
            file = read_schedules(chosen, catalogue=catalogue, environ=os.environ, env=settings.env)
        if file.errors:
            raise InvalidSchedules(f"{chosen} can't be used", problems=file.errors)
        return cls(chosen, file, catalogue, log_level=settings.log_level, clock=clock)

    def close(self) -> None:
        """Let time go on, where `step` stopped it and was left in the middle."""
        if self._clock is not None:
            self._clock.stop()
            self._clock = None

    # ------------------------------------------------------------------------------------------ what it says

    def entry(self, name: str) -> Entry:
        """The entry of that name. Raises NotFound, with a likely name, where there is none."""
        __tracebackhide__ = True
        if name not in self.entries:
            hint = (
                did_you_mean(name, self.entries) or f"; there are {', '.join(sorted(self.entries)) or 'none'}"
            )
            raise NotFound(f"no such entry in {self.path}: {name!r}{hint}")
        return self.entries[name]

    def fires(self, name: str, *, between: tuple[When, When]) -> list[datetime]:
        """The ticks of an entry from the first time on up to the second, without it; a disabled entry has none.

        Raises NotFound, and ValueError for more than a million.
        """
        __tracebackhide__ = True
        entry = self.entry(name)
        start, end = span_of(between, zone_of(entry.schedule))
        return _ticks(entry, start, end)

    def ticks(self, *, between: tuple[When, When], timezone: str = "UTC") -> list[Tick]:
        """The ticks of all entries in that time, the earliest first; times without a zone are of `timezone`."""
        __tracebackhide__ = True
        start, end = span_of(between, zone_named(timezone))
        return sorted(
            Tick(tick, name) for name, entry in self.entries.items() for tick in _ticks(entry, start, end)
        )

    def next(self, name: str, *, after: When | None = None) -> datetime | None:
        """The first tick later than `after` (now); None where there is none. Raises NotFound."""
        __tracebackhide__ = True
        entry = self.entry(name)
        if entry.schedule is None or not entry.enabled:
            return None
        return entry.schedule.next_after(_moment(after, zone_of(entry.schedule)))

    # ---------------------------------------------------------------------------------------- what must hold

    def check(self, *, allow: Collection[str] = ()) -> None:
        """As `onbeat check --strict`: raises AssertionError that shows each warning whose code is not in `allow`."""
        __tracebackhide__ = True
        found = [problem for problem in self.problems if problem.code not in allow]
        if found:
            shown = "\n".join(f"{problem.text()}\n  code: {problem.code}" for problem in found)
            raise AssertionError(f"{self.path} has {len(found)} to look at:\n{shown}")

    def assert_quiet(
        self,
        *names: str,
        between: tuple[When, When],
        daily: tuple[str, str] | None = None,
        timezone: str | None = None,
    ) -> None:
        """None of these entries (none named: none of all) has a tick in that time.

        With `daily` only the hours of each day from the first up to the second count: ("09:00", "17:00"), and
        ("22:00", "06:00") is a night. Hours, and times without a zone, are of `timezone`, or of each entry's own.
        Raises AssertionError that shows the ticks.
        """
        __tracebackhide__ = True
        found = []
        for entry in [self.entry(name) for name in names] or self.entries.values():
            zone = zone_named(timezone) if timezone else zone_of(entry.schedule)
            ticks = _ticks(entry, *span_of(between, zone))
            found += [(tick, entry.name, zone) for tick in ticks if _within(tick.astimezone(zone), daily)]
        if found:
            lines = [
                f"  {tick.astimezone(zone):%a %F %T %Z}  {name}"
                for tick, name, zone in sorted(found)[:_SHOWN]
            ]
            more = [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
            many = f"{len(found)} tick{'s' if len(found) > 1 else ''}"
            raise AssertionError("\n".join([f"{many} where there should be none:", *lines, *more]))

    # ------------------------------------------------------------------------------------------- what it does

    def step(
        self,
        name: str,
        *,
        count: int | None = None,
        start: When | None = None,
        until: When | None = None,
        clock: str | None = None,
    ) -> Generator[datetime, None, None]:
        """Each tick of an entry from `start` (now) on, with the clock stopped at it: `count` of them, or up to `until`.

        Behind the loop time goes on as before. `clock` is "freezegun" or "time-machine"; by default the one that is
        in use or installed. Raises NotFound, ModuleNotFoundError where neither is installed.
        """
        __tracebackhide__ = True
        entry = self.entry(name)
        if count is None and until is None:
            raise ValueError("step through how many ticks? give count or until")
        first = _moment(start, zone_of(entry.schedule))
        last = None if until is None else moment_of(until, zone_of(entry.schedule))
        return self._stepped(
            list(islice(_ticks_from(entry, first, last), count)), clock or self._clock_library
        )

    def _stepped(self, ticks: list[datetime], library: str | None) -> Generator[datetime, None, None]:
        self.close()
        try:
            for tick in ticks:
                if self._clock is None:
                    self._clock = stopped_at(tick, library)
                else:
                    self._clock.move_to(tick)
                yield tick
        finally:
            self.close()

    def run(
        self,
        name: str,
        *,
        at: When | None = None,
        attempt: int = 1,
        trigger: Trigger | None = None,
        kwargs: Mapping[str, Any] | None = None,
        until_done: bool = False,
    ) -> ExecutedRun:
        """Execute an entry's job as a worker would, here and now: arguments, `current_run()`, retries, time limits.

        `at` is the scheduled time: by default the entry's latest tick, or now. `trigger` is "schedule" where `at` is a
        tick, otherwise "manual". `kwargs` go over the entry's own, as with `onbeat trigger --kwargs`. A run that is to
        be tried again is `retrying`, with its `retry_at` (without jitter); with `until_done` its further attempts
        follow at once, and a clock that `step` stopped is moved to each. Raises NotFound.
        """
        __tracebackhide__ = True
        from scheduler.testing.attempting import attempted

        entry = self.entry(name)
        call = Call.of(entry, kwargs=dict(kwargs or {}))
        if problem := self._catalogue.problem_with(call.job, call.args, call.kwargs):
            raise ValueError(f"{name}: {problem}")
        if not 1 <= attempt <= call.retry.max_attempts:
            raise ValueError(f"{name} has {call.retry.max_attempts} attempts; there is no attempt {attempt}")
        run = _queued(entry, call, _scheduled_at(entry, at), attempt, trigger)
        job = self._catalogue.jobs[call.job]
        run = attempted(run, call, job, self._level)
        while until_done and run.state is RunState.RETRYING and run.retry_at is not None:
            if self._clock is not None:
                self._clock.move_to(run.retry_at)
            run = attempted(replace(run, attempt=run.attempt + 1), call, job, self._level)
        return run


def _moment(when: When | None, zone: tzinfo) -> datetime:
    return datetime.now(UTC) if when is None else moment_of(when, zone)


def _ticks(entry: Entry, start: datetime, end: datetime) -> list[datetime]:
    """From `start`, with it, up to `end`, without it."""
    if entry.schedule is None or not entry.enabled:
        return []
    after, until = start - _JUST_BEFORE, end - _JUST_BEFORE
    if (count := entry.schedule.count_between(after, until)) > MOST_TICKS:
        raise ValueError(f"{entry.name} has {count:,} ticks in that time; ask for a shorter one")
    return list(entry.schedule.ticks_between(after, until))


def _ticks_from(entry: Entry, start: datetime, until: datetime | None) -> Iterator[datetime]:
    after = start - _JUST_BEFORE
    while (
        entry.schedule is not None
        and entry.enabled
        and (tick := entry.schedule.next_after(after)) is not None
    ):
        if until is not None and tick >= until:
            return
        yield tick
        after = tick


def _within(wall: datetime, daily: tuple[str, str] | None) -> bool:
    if daily is None:
        return True
    start, end = (time.fromisoformat(text) for text in daily)
    now = wall.time()
    return start <= now < end if start < end else now >= start or now < end


def _scheduled_at(entry: Entry, at: When | None) -> datetime:
    if at is not None:
        return moment_of(at, zone_of(entry.schedule))
    now = datetime.now(UTC)
    latest = entry.schedule.latest_between(now - _FURTHEST_BACK, now) if entry.schedule is not None else None
    return latest or now


def _queued(entry: Entry, call: Call, at: datetime, attempt: int, trigger: Trigger | None) -> ExecutedRun:
    is_tick = entry.schedule is not None and entry.schedule.next_after(at - _JUST_BEFORE) == at
    trigger = trigger or ("schedule" if is_tick else "manual")
    return ExecutedRun(
        run_id=tick_run_id(entry.name, at) if trigger == "schedule" else manual_run_id(),
        entry=entry.name,
        job=call.job,
        trigger=trigger,
        scheduled_at=at,
        state=RunState.QUEUED,
        attempt=attempt,
        max_attempts=call.retry.max_attempts,
        queue=call.queue,
        queued_at=datetime.now(UTC),
    )
