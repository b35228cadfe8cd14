"""A name for an entry that runs a command, from what the command runs."""

import re
import shlex
from pathlib import PurePosixPath
from typing import Final

# Words that start another program, or make ready for one.
_WRAPPERS: Final = frozenset(
    {
        "chronic", "command", "doas", "env", "exec", "flock", "ionice", "nice", "nohup", "run-one", "setsid",
        "sudo", "systemd-cat", "time", "timeout", "then", "do", "else", "!", "{", "(",
    }
)  # fmt: skip
_PREPARING: Final = frozenset(
    {
        "[",
        "[[",
        "test",
        "cd",
        ".",
        "source",
        "export",
        "sleep",
        "umask",
        "set",
        "if",
        "while",
        "for",
        "fi",
        "done",
    }
)
_INTERPRETERS: Final = re.compile(r"(ba|da|z|k)?sh|python[\d.]*|perl|ruby|php[\d.]*|node|java")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_NUMBER_OR_PATH_OF_LOCK: Final = re.compile(r"[\d.]+[smhd]?|.*\.lock")


def command_name(command: str) -> str:
    """The program's own name, without folder and ending: `cd /srv && nice python3 bin/report.py` is `report`."""
    for part in re.split(r"&&|\|\||[;|\n]", command):
        words = _words(part)
        if words and words[0] not in _PREPARING and (name := _program(words)):
            return name
    return "command"


def _words(part: str) -> list[str]:
    try:
        return shlex.split(part)
    except ValueError:  # quotes that only a shell understands
        return part.split()


def _program(words: list[str]) -> str:
    passing_options = False
    for index, word in enumerate(words):
        stem = PurePosixPath(word.strip("(){}")).name
        if not stem or _ASSIGNMENT.match(word):
            continue
        if stem in _WRAPPERS:
            passing_options = True
        elif passing_options and (word.startswith("-") or _NUMBER_OR_PATH_OF_LOCK.fullmatch(word)):
            continue
        elif _INTERPRETERS.fullmatch(stem) and (script := _script(words[index + 1 :])):
            return script
        else:
            return _stem(stem)
    return ""


def _script(words: list[str]) -> str:
    """What an interpreter is given to run: a file, or a module after -m."""
    for index, word in enumerate(words):
        if word == "-m" and index + 1 < len(words):
            return words[index + 1].rpartition(".")[2]
        if word.startswith("-") and "c" in word and not word.startswith("--"):
            return command_name(words[index + 1]) if index + 1 < len(words) else ""
        if not word.startswith("-"):
            return _stem(PurePosixPath(word).name)
    return ""


def _stem(name: str) -> str:
    return re.sub(r"\.(sh|bash|py|pl|rb|php|js|jar|phar)$", "", name)
