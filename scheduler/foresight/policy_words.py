"""What an entry's rules mean, in plain sentences: what becomes of missed ticks, and what limits its runs. Pure."""

from collections.abc import Iterator

from scheduler.catchup import waits_for_room
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.rate import time_between
from scheduler.retry import RetryPolicy

_MOST_WAITS = 5
_MISSED = {
    "none": "What it misses while no beat runs is not made up for",
    "latest": "After downtime the latest missed tick runs, and stands for the others",
    "all": "After downtime every missed tick runs, in order",
}
_MEANWHILE = {
    True: "Ticks that come due meanwhile are one, at the end.",
    False: "Ticks that come due meanwhile run after them.",
}


def policy_sentences(entry: Entry) -> Iterator[str]:
    """The rules of an entry that say whether a tick becomes a run; none for one that runs only by hand."""
    if entry.schedule is not None:
        yield _of_catchup(entry)
        if entry.max_runs is not None:
            yield f"It has {_runs(entry.max_runs)} and then no tick any more; those by hand don't count."
        yield _of_overlap(entry)
    if entry.rate_limit is not None:
        apart = format_duration(time_between(entry.rate_limit))
        yield f"Its runs start at least {apart} apart, on all workers together."
    if entry.priority:
        yield f"Its messages go before those of a lower priority than {entry.priority} in the queue {entry.queue!r}."
    if entry.start_deadline is not None:
        yield f"A run that has not started {format_duration(entry.start_deadline)} after its time expires."
    if entry.soft_timeout is not None:
        yield f"An attempt is told to end after {format_duration(entry.soft_timeout)}."
    if entry.timeout is not None:
        yield f"An attempt is killed after {format_duration(entry.timeout)}, with all that it started."
    if entry.retry.max_attempts > 1:
        yield _of_retry(entry.retry)


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
    meanwhile = f" {_MEANWHILE[waits_for_room(entry)]}" if entry.catchup == "all" else ""
    return f"{words}, unless it was missed longer than {window} ago.{meanwhile}"


def _of_overlap(entry: Entry) -> str:
    most = entry.most_active
    if most is None:
        return "A tick runs beside the runs before it, however many of them go on."
    becomes = {
        "skip": "is recorded and does not run",
        "allow": "is recorded and does not run",
        "queue": "waits until one of them has ended, and while one waits already it does not run",
        "replace": "cancels the oldest of them and runs",
    }[entry.overlap]
    whose = f" of the group {entry.group}" if entry.group is not None else ""
    if most == 1:
        becomes = becomes.replace("one of them", "it").replace("the oldest of them", "it")
        return f"A tick that comes while a run{whose} goes on {becomes}."
    return f"A tick that comes while {most} runs{whose} go on {becomes}."


def _of_retry(policy: RetryPolicy) -> str:
    """How often a failed attempt is followed by another, and when: "after 1m, 2m and 4m"."""
    more = policy.max_attempts - 1
    waits = [format_duration(policy.delay(attempt, 0)) for attempt in range(1, min(more, _MOST_WAITS) + 1)]
    listed = waits[0] if len(waits) == 1 else f"{', '.join(waits[:-1])} and {waits[-1]}"
    if len(set(waits)) == 1 and more > 1:
        listed = f"{waits[0]} each time"
    elif more > len(waits):
        listed = f"{', '.join(waits)} and so on, at most {format_duration(policy.maximum)}"
    shorter = f", each up to {policy.jitter:.0%} shorter by chance" if policy.jitter else ""
    errors = f" with {', '.join(policy.on)}" if policy.on else ""
    often = "once" if more == 1 else f"up to {more} times"
    return f"An attempt that fails{errors} is tried again {often}: after {listed}{shorter}."


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
