"""What an entry's rules mean, in plain sentences: what becomes of missed ticks, and what limits its runs. Pure."""

from collections.abc import Iterator

from scheduler.durations import format_duration
from scheduler.entry import Entry

_MISSED = {
    "none": "What it misses while no beat runs is not made up for",
    "latest": "After downtime the latest missed tick runs, and stands for the others",
    "all": "After downtime every missed tick runs, in order",
}


def policy_sentences(entry: Entry) -> Iterator[str]:
    """The rules of an entry that say whether a tick becomes a run; none for one that runs only by hand."""
    if entry.schedule is not None:
        yield _of_catchup(entry)
        if entry.max_runs is not None:
            yield f"It has {_runs(entry.max_runs)} and then no tick any more; those by hand don't count."
    if entry.start_deadline is not None:
        yield f"A run that has not started {format_duration(entry.start_deadline)} after its time expires."


def ended_words(entry: Entry, dispatched: int) -> str | None:
    """Why an entry that has had so many runs has no tick any more: "has had its 10 runs". None where it goes on."""
    if entry.max_runs is None or dispatched < entry.max_runs:
        return None
    return f"has had its {_runs(entry.max_runs)}"


def _of_catchup(entry: Entry) -> str:
    words = _MISSED[entry.catchup]
    if entry.catchup == "none":
        return f"{words}."
    window = format_duration(entry.catchup_window)
    if entry.catchup == "all" and entry.most_active is not None:
        words += ", one after the other" if entry.most_active == 1 else f", {entry.most_active} at a time"
    if entry.catchup_spread is not None:
        words += f", spread over {format_duration(entry.catchup_spread)}"
    return f"{words}, unless it was missed longer than {window} ago."


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
