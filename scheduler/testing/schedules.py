"""A project's schedules under test."""

import contextlib
import os
from collections.abc import Collection, Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, tzinfo
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from scheduler.cadences.wall_clock import zone_named
from scheduler.entry import Entry
from scheduler.errors import InvalidSchedules, NotFound
from scheduler.events import LEVELS, Level
from scheduler.job_catalogue import JobCatalogue, load_catalogue
from scheduler.problem import Problem
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from scheduler.run import Call, RunState, Trigger, manual_run_id, tick_run_id
from scheduler.schedule import zone_of
from scheduler.settings import load_settings
from scheduler.suggestion import did_you_mean
from scheduler.testing.executed import ExecutedRun
from scheduler.testing.frozen_clock import FrozenClock, stopped_at
from scheduler.testing.moments import When, moment_of, span_of
from scheduler.testing.ticks import is_tick, latest_tick, ticks_after, ticks_between, ticks_from

_SHOWN: Final = 5


class Tick(NamedTuple):
    """One entry at one scheduled time, aware and in UTC."""

    scheduled_at: datetime
    entry: str


class Origin(NamedTuple):
    """Where schedules were read, and the library that stops the clock for them."""

    path: Path
    directory: Path
    clock: str | None


class Schedules:
    """What the project's schedules.toml says, to be asked, stepped through and executed. Make it with `read`.

    Times that a test gives may be text (ISO 8601), a date or a datetime. One without a zone is read in the entry's
    `timezone`. Times that come back are aware and in UTC.
    """

    def __init__(self, origin: Origin, file: ScheduleFile, catalogue: JobCatalogue, level: Level) -> None:
        self.path = origin.path
        self.problems: tuple[Problem, ...] = (*file.problems, *file.notices)
        self.entries: Mapping[str, Entry] = file.entries
        self._origin = origin
        self._catalogue = catalogue
        self._level = level
        self._clock: FrozenClock | None = None
        self._others: list[Self] = []

    @classmethod
    def read(
        cls,
        path: Path | str | None = None,
        *,
        directory: Path | str = ".",
        env: str | None = None,
        clock: str | None = None,
    ) -> Self:
        """The schedules of the project in `directory`: at `path`, or where its settings say; its jobs are imported.

        `env` is the environment of the file, by default that of the settings; `clock` is "freezegun" or
        "time-machine", for `step`. Raises InvalidSchedules, with every problem, where a beat could not use the file,
        and InvalidSettings.
        """
        directory = Path(directory).resolve()
        with contextlib.chdir(directory):  # as a beat would be started there
            settings = load_settings() if env is None else load_settings(env=env)
            chosen = settings.schedules if path is None else Path(path)
            catalogue = load_catalogue(settings.jobs, directory)
            file = read_schedules(
                chosen,
                catalogue=catalogue,
                environ=os.environ,
                env=settings.env,
                lint_at=datetime.now(UTC),
            )
        if file.errors:
            refusal = InvalidSchedules(f"{chosen} can't be used", problems=file.errors)
            for problem in file.errors:
                refusal.add_note(problem.text())
            raise refusal
        level: Level = next((level for level in LEVELS if level == settings.log_level), "info")
        return cls(Origin(chosen, directory, clock), file, catalogue, level)

    def in_environment(self, env: str) -> Self:
        """The same schedules as they are in another environment of the file. Raises InvalidSchedules."""
        path, directory, clock = self._origin
        other = self.read(path, directory=directory, env=env, clock=clock)
        self._others.append(other)
        return other

    def close(self) -> None:
        """Let time go on, where `step` stopped it and was left in the middle."""
        for other in self._others:
            other.close()
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
        return ticks_between(entry, start, end)

    def ticks(self, *, between: tuple[When, When], timezone: str = "UTC") -> list[Tick]:
        """The ticks of all entries in that time, the earliest first; times without a zone are of `timezone`."""
        __tracebackhide__ = True
        start, end = span_of(between, zone_named(timezone))
        return sorted(
            Tick(tick, name)
            for name, entry in self.entries.items()
            for tick in ticks_between(entry, start, end)
        )

    def next(self, name: str, *, after: When | None = None) -> datetime | None:
        """The first tick later than `after` (now); None where there is none. Raises NotFound."""
        __tracebackhide__ = True
        entry = self.entry(name)
        return next(ticks_after(entry, _moment(after, zone_of(entry.schedule))), None)

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
            ticks = ticks_between(entry, *span_of(between, zone))
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
        ticks = takewhile(lambda tick: last is None or tick < last, ticks_from(entry, first))
        return self._stepped(list(islice(ticks, count)), clock or self._origin.clock)

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
    return latest_tick(entry, now) or now


def _queued(entry: Entry, call: Call, at: datetime, attempt: int, trigger: Trigger | None) -> ExecutedRun:
    trigger = trigger or ("schedule" if is_tick(entry, at) else "manual")
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
