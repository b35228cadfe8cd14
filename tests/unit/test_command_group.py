"""The command `onbeat` itself: its help, and how what went wrong becomes words and an exit code."""

import errno
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import scheduler
from scheduler.cli import main
from scheduler.cli.group import LazyGroup, Listed
from scheduler.errors import (
    InvalidSettings,
    NotFound,
    OnbeatError,
    RunFailed,
    Unreachable,
    UsageProblem,
)

Outcome = tuple[int, str, str]
Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `onbeat ARGUMENTS` in this process: exit code, stdout, stderr."""

    def call(*arguments: str, group: LazyGroup = main) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            group.main(list(arguments), prog_name="onbeat")
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


def group_with(action: Callable[[], object]) -> LazyGroup:
    """A group whose one command, `do`, does `action`."""
    listed = Listed("do", "tests:unused", "Do it.")
    group = LazyGroup(name="onbeat", sections={"Do": (listed,)})
    command = click.Command("do", callback=action)
    group.get_command = lambda ctx, cmd_name: command if cmd_name == "do" else None  # type: ignore[method-assign]
    return group


def test_help_names_every_command_and_imports_none(run: Run) -> None:
    before = set(sys.modules)
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for name in main.listed:
        assert f"\n  {name} " in out
    assert not {name for name in set(sys.modules) - before if name.startswith("scheduler.cli.")}


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version") == (0, f"onbeat {scheduler.__version__}\n", "")


def test_a_mistyped_command_is_wrong_use_with_the_likely_one(run: Run) -> None:
    assert run("entires") == (
        2,
        "",
        "error: no such command: 'entires'; did you mean 'entries'?\n  hint: onbeat --help\n",
    )


def test_a_mistyped_option_is_wrong_use_with_the_likely_one(run: Run) -> None:
    assert run("settings", "--jsno") == (
        2,
        "",
        "error: no such option: '--jsno'; did you mean '--json'?\n  hint: onbeat settings --help\n",
    )


def test_a_missing_argument_is_wrong_use(run: Run) -> None:
    code, out, err = run("show")
    assert (code, out) == (2, "")
    assert err == "error: missing argument 'ENTRY'\n  hint: onbeat show --help\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OnbeatError("it broke"), 1),
        (RunFailed("it broke"), 1),
        (UsageProblem("it broke"), 2),
        (InvalidSettings("it broke"), 3),
        (Unreachable("it broke"), 4),
        (NotFound("it broke"), 5),
    ],
)
def test_each_error_has_its_exit_code(run: Run, error: OnbeatError, code: int) -> None:
    def fail() -> None:
        raise error

    assert run("do", group=group_with(fail)) == (code, "", "error: it broke\n")


def test_the_hint_stands_below_the_error(run: Run) -> None:
    def fail() -> None:
        raise NotFound("no such thing", hint="look elsewhere")

    assert run("do", group=group_with(fail)) == (5, "", "error: no such thing\n  hint: look elsewhere\n")


def test_an_error_of_several_lines_is_an_error_in_each(run: Run) -> None:
    def fail() -> None:
        raise InvalidSettings("one\ntwo")

    assert run("do", group=group_with(fail)) == (3, "", "error: one\nerror: two\n")


def test_a_number_that_a_command_returns_is_its_exit_code(run: Run) -> None:
    assert run("do", group=group_with(lambda: 6)) == (6, "", "")


def test_ctrl_c_ends_with_130(run: Run) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    code, out, err = run("do", group=group_with(interrupted))
    assert (code, out, err.strip()) == (130, "", "")


def test_a_file_that_can_not_be_opened_is_named(run: Run) -> None:
    def fail() -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/etc/shadow")

    assert run("do", group=group_with(fail)) == (1, "", "error: /etc/shadow: permission denied\n")


def test_a_fault_of_ours_shows_its_traceback_and_has_a_code_of_its_own(run: Run) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    code, out, err = run("do", group=group_with(fail))
    assert (code, out) == (70, "")
    assert "Traceback" in err
    assert err.endswith("error: this is a fault in Onbeat\n  hint: please report it with the lines above\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(run: Run, shell: str) -> None:
    code, out, _ = run("completion", shell)
    assert code == 0
    assert "_ONBEAT_COMPLETE" in out


def test_what_is_listed_can_be_loaded_and_is_called_so() -> None:
    for name, listed in main.listed.items():
        command = listed.load()
        assert isinstance(command, click.Command)
        assert command.name is not None
        assert command.name.rstrip("_") == name


@pytest.mark.parametrize(
    ("words", "at", "found"),
    [
        ("onbeat en", 1, ["plain,entries"]),
        ("onbeat show h", 2, ["plain,hello"]),
        ("onbeat runs --js", 2, ["plain,--json"]),
    ],
)
def test_a_shell_is_offered_commands_options_and_entries(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str, at: int, found: list[str]
) -> None:
    (tmp_path / "schedules.toml").write_text("[schedules.hello]\n[schedules.backup]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("_ONBEAT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(at))
    assert run()[1].split() == found
