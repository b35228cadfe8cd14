"""How states, times and runs look in tables: one mark and one colour each; plain words where it is piped."""

from datetime import datetime, timedelta
from typing import Final

from scheduler.cli.tables import SHORT_ID, Cell, on_terminal
from scheduler.run import Run, RunState
from scheduler.timestamps import local, relative, rfc3339, rough

_LOOKS: Final = {
    "queued": ("○", "dim"),
    "running": ("●", "cyan"),
    "retrying": ("↻", "yellow"),
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("–", "dim"),
    "expired": ("✗", "yellow"),
    "cancelled": ("–", "yellow"),
    "lost": ("✗", "red"),
    "interrupted": ("↻", "yellow"),
}


def state_cell(state: str) -> Cell:
    """A run's state, or an attempt's outcome, with its mark."""
    mark, style = _LOOKS.get(state, ("·", ""))
    return Cell(f"{mark} {state}", style, plain=state)


def moment_cell(moment: datetime | None, now: datetime, *, style: str = "", short: bool = False) -> Cell:
    """A moment on this machine's clock and how far it is (`short`: only that); RFC 3339 where it is piped."""
    if moment is None:
        return Cell("")
    if not on_terminal():
        return Cell(rfc3339(moment) or "")
    text = relative(moment, now) if short else f"{local(moment, None, now)} ({relative(moment, now)})"
    return Cell(text, style)


def relative_cell(moment: datetime | None, now: datetime, *, style: str = "") -> Cell:
    """How far a moment is; RFC 3339 where it is piped."""
    if moment is None:
        return Cell("")
    return Cell(relative(moment, now), style, plain=rfc3339(moment))


def duration_cell(duration: timedelta | None, *, loud_from: timedelta | None = None) -> Cell:
    """A rough duration, yellow from `loud_from` on."""
    if duration is None:
        return Cell("")
    loud = loud_from is not None and duration >= loud_from
    return Cell(rough(max(duration, timedelta(0))), "yellow" if loud else "")


def id_cell(run_id: str) -> Cell:
    """The beginning of an id, enough to type; the whole where it is piped."""
    return Cell(run_id[:SHORT_ID], "dim", plain=run_id)


def note_of(run: Run) -> Cell:
    """Why a run is in its state: its error or its reason, in one line; of one that runs, how far it is."""
    text = run.error or run.reason or ""
    if run.state is RunState.RUNNING and not run.cancel_asked:
        text = progress_text(run) or text
    line = " ".join(text.split())
    return Cell(line, "red" if run.state is RunState.FAILED else "dim")


def progress_text(run: Run) -> str:
    """How far a run is, as its job says: `40% loading the orders`."""
    share = "" if run.progress is None else f"{run.progress:.0%}"
    return " ".join(part for part in (share, run.message) if part)


def attempt_text(run: Run) -> str:
    """`2/5` where there may be several attempts, else nothing."""
    return f"{run.attempt}/{run.max_attempts}" if run.max_attempts > 1 or run.attempt > 1 else ""
