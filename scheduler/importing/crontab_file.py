r"""Crontabs: what `crontab -l` prints, and the form of /etc/crontab and /etc/cron.d with a user on each line.

The rules are those of crontab(5) of Debian and of cronie: settings hold for the lines below them, `%` ends
the command and begins its input, `\%` is a plain one.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from scheduler.importing.command_name import command_name
from scheduler.importing.draft import Draft, Imported, Note, Unreadable

_SETTING: Final = re.compile(r"""\s*(?P<q>["']?)(?P<name>[A-Za-z_]\w*)(?P=q)\s*=\s*(?P<value>.*?)\s*""")
_FIELD: Final = (
    r"(?:[-*?~,/#\d]|L|W|sun|mon|tue|wed|thu|fri|sat|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+"
)
_TIMES: Final = rf"(?P<times>@every\s+\S+|@[a-z_]+|{_FIELD}(?:\s+{_FIELD}){{4}})"
_LINE: Final = re.compile(rf"\s*{_TIMES}\s+(?P<rest>\S.*?)\s*", re.IGNORECASE)
_USER: Final = re.compile(r"(?P<user>[\w.$-]+(?::\S+)?)\s+(?P<command>\S.*)", re.DOTALL)
_OTHER_NAMES: Final = {"@every_minute": "* * * * *"}
_ZONES: Final = ("CRON_TZ",)
_OWN_SHELLS: Final = ("/bin/sh", "sh", "/usr/bin/sh")

DIFFERENCES: Final = (
    "cron runs a command in the user's home, with a short PATH; Onbeat in the worker's directory and environment.",
    'cron starts a command while its last run goes on; Onbeat leaves that tick out (overlap = "allow" would not).',
    "cron forgets what it missed while it was down; Onbeat runs the latest of it, within a day (catchup).",
)


@dataclass(slots=True)
class _Reading:
    """Where the reader is in a crontab: the settings so far, and the comments that wait for an entry."""

    settings: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def from_crontab(text: str, *, system: bool = False) -> Imported:
    """The entries of a crontab; `system` where each line names a user. Raises Unreadable where there is none."""
    reading = _Reading()
    for number, line in enumerate(text.splitlines(), start=1):
        _read_line(reading, number, line, system=system)
    if not reading.drafts:
        number, reason = (reading.refused or [(1, "there is no line of a crontab in it")])[0]
        raise Unreadable(reason, number, 1)
    reading.notes += [Note(text=text, line=number) for number, text in reading.refused]
    reading.notes += [Note(text=f"comment: {each}") for each in (*reading.loose, *reading.comments)]
    reading.notes += [Note(text=text) for text in DIFFERENCES]
    return Imported(
        drafts=reading.drafts, notes=reading.notes, clock="cron reads times on its machine's clock"
    )


def is_crontab_line(line: str) -> bool:
    """Whether a crontab could hold this line as a command with its times."""
    return _LINE.fullmatch(line) is not None


def _read_line(reading: _Reading, number: int, line: str, *, system: bool) -> None:
    stripped = line.strip()
    if not stripped:
        reading.loose += reading.comments
        reading.comments = []
    elif stripped.startswith("#"):
        _read_comment(reading, number, stripped.lstrip("#").strip())
    elif setting := _SETTING.fullmatch(line):
        value = setting["value"]
        quotes = value[:1] in ("'", '"') and value[-1:] == value[:1] and len(value) > 1
        reading.settings[setting["name"]] = value[1:-1] if quotes else value
        _say_of_setting(reading, number, setting["name"])
    elif found := _LINE.fullmatch(line):
        _read_command(reading, number, found, system=system)
    else:
        reading.refused.append((number, f"not a line of a crontab, left out: {stripped}"))


def _read_comment(reading: _Reading, number: int, comment: str) -> None:
    if is_crontab_line(comment):
        reading.notes.append(Note(text=f"commented out, and left out here too: {comment}", line=number))
    elif comment.strip("-=*# "):
        reading.comments.append(comment)


def _say_of_setting(reading: _Reading, number: int, name: str) -> None:
    if name == "MAILTO" and reading.settings[name]:
        text = "MAILTO becomes `owner`, for people to read; Onbeat sends no mail, and keeps the output as the run's log"
        reading.notes.append(Note(text=text, line=number))
    elif name == "TZ":
        text = "TZ is given to the commands; cron itself does not read the times in it (CRON_TZ would)"
        reading.notes.append(Note(text=text, line=number))
    elif name in (
        "RANDOM_DELAY",
        "MAILFROM",
        "CONTENT_TYPE",
        "CONTENT_TRANSFER_ENCODING",
        "START_HOURS_RANGE",
    ):
        text = f"{name} is a setting of cron's own; it is not carried over"
        reading.notes.append(Note(text=text, line=number))


def _read_command(reading: _Reading, number: int, found: re.Match[str], *, system: bool) -> None:
    command = found["rest"]
    user = None
    if system:
        if (parts := _USER.fullmatch(command)) is None:
            reading.refused.append((number, f"no command after the user, left out: {found.group().strip()}"))
            return
        user, command = parts["user"], parts["command"]
    program, given = _program_and_input(command)
    draft = Draft(name=command_name(program), line=number, comments=reading.loose)
    draft.keys = {"job": "onbeat.command"}
    times = found["times"]
    if times.startswith("-") and times[1:2] in "*0123456789":
        draft.say("the '-' before the times keeps cron from logging; Onbeat logs every run")
        times = times[1:]
    draft.tick_by_crontab(_OTHER_NAMES.get(times, times), _zone(reading.settings))
    draft.keys["kwargs"] = _arguments(program, given, reading.settings)
    if user is not None:
        draft.say(f"it ran as {user}; Onbeat's workers run it as their own user")
    if mail := reading.settings.get("MAILTO"):
        draft.keys["owner"] = mail
    if reading.comments:
        draft.keys["description"] = "\n".join(reading.comments)
    reading.comments, reading.loose = [], []
    reading.drafts.append(draft)


def _zone(settings: dict[str, str]) -> str | None:
    return next((settings[name] for name in _ZONES if settings.get(name)), None)


def _arguments(command: str, given: str | None, settings: dict[str, str]) -> dict[str, Any]:
    """The arguments of onbeat.command that do what cron would."""
    line = command
    if given is not None:
        mark = "END_OF_INPUT"
        while mark in given:
            mark += "_"
        line = f"{{ {command}\n}} <<'{mark}'\n{given}\n{mark}\n"
    shell = settings.get("SHELL", _OWN_SHELLS[0])
    arguments: dict[str, Any] = {"shell": line} if shell in _OWN_SHELLS else {"argv": [shell, "-c", line]}
    if home := settings.get("HOME"):
        arguments["cwd"] = home
    cron_s_own = ("MAILTO", "MAILFROM", "SHELL", "RANDOM_DELAY", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING",
                  "START_HOURS_RANGE", *_ZONES)  # fmt: skip
    if environment := {name: value for name, value in settings.items() if name not in cron_s_own}:
        arguments["env"] = environment
    return arguments


def _program_and_input(command: str) -> tuple[str, str | None]:
    """The command, and what stands after its first plain `%`: its input, each further `%` a new line."""
    program, *given = re.split(r"(?<!\\)%", command, maxsplit=1)
    plain = program.replace("\\%", "%").rstrip()
    if not given:
        return plain, None
    return plain, re.sub(r"(?<!\\)%", "\n", given[0]).replace("\\%", "%").removesuffix("\n")
