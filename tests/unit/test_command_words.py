"""What onbeat.command says of a command, and what it refuses before anything is started."""

import signal

import pytest

from scheduler.builtin.command import CommandNotStarted, command, ending, label


@pytest.mark.parametrize(
    ("argv", "shell", "expected"),
    [
        (["pg_dump", "--password=hush"], None, "`pg_dump …`"),
        (["/usr/bin/uptime"], None, "`uptime`"),
        (None, "df -h .", "`df …`"),
        (None, "uptime", "`uptime`"),
        (None, "PGPASSWORD=hush pg_dump app", "`pg_dump …`"),
        (None, "PGPASSWORD=hush", "`sh`"),
        (None, "echo it's", "`echo …`"),
        (None, "  ", "`sh`"),
    ],
)
def test_a_label_names_the_program_and_never_what_may_be_a_secret(
    argv: list[str] | None, shell: str | None, expected: str
) -> None:
    assert label(argv, shell) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (3, "exited with 3"),
        (-signal.SIGKILL, "was ended by SIGKILL"),
        (-200, "was ended by signal 200"),
    ],
)
def test_an_ending_in_words(code: int, expected: str) -> None:
    assert ending(code) == expected


@pytest.mark.parametrize("arguments", [{}, {"argv": ["true"], "shell": "true"}])
def test_exactly_one_of_argv_and_shell_is_needed(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"exactly one of argv .* and shell"):
        command(**arguments)  # type: ignore[arg-type]


def test_an_empty_argv_is_refused() -> None:
    with pytest.raises(ValueError, match="argv is empty"):
        command(argv=[])


def test_a_missing_program_is_named_with_the_path_that_was_searched() -> None:
    with pytest.raises(CommandNotStarted) as caught:
        command(["no-such-program"], env={"PATH": "/bin"})

    assert str(caught.value) == "cannot run `no-such-program`: there is no such program on PATH (/bin)"


def test_a_missing_directory_is_named() -> None:
    with pytest.raises(CommandNotStarted) as caught:
        command(["true"], cwd="/no/such/place")

    assert str(caught.value) == "cannot run `true`: its working directory /no/such/place does not exist"
