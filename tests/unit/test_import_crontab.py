"""Crontabs become entries of onbeat.command, and nothing of them gets lost in silence."""

import subprocess
from pathlib import Path

import pytest

from scheduler.importing import Unreadable, kind_of
from scheduler.importing.command_name import command_name
from tests.support.imports import entries, from_example, from_text, said


def test_each_line_becomes_an_entry_named_for_its_program(tmp_path: Path) -> None:
    found = entries(from_example("user.crontab"), tmp_path)
    assert list(found) == ["pg_dump", "sync", "report", "find", "warm-cache", "mail"]
    assert found["sync"]["crontab"] == "*/10 * * * *"
    assert {entry["job"] for entry in found.values()} == {"onbeat.command"}


def test_the_environment_above_a_line_goes_with_it(tmp_path: Path) -> None:
    text = "0 1 * * * first\nPATH=/opt/bin\nHOME = '/srv/shop'\nA=\" b \"\n0 2 * * * second\n"
    found = entries(from_text(text, "crontab"), tmp_path)
    assert found["first"]["kwargs"] == {"shell": "first"}
    assert found["second"]["kwargs"] == {
        "shell": "second",
        "cwd": "/srv/shop",
        "env": {"PATH": "/opt/bin", "HOME": "/srv/shop", "A": " b "},
    }


def test_another_shell_than_sh_runs_the_line_itself(tmp_path: Path) -> None:
    found = entries(from_text("SHELL=/bin/bash\n0 1 * * * a && b\n", "crontab"), tmp_path)
    assert found["a"]["kwargs"] == {"argv": ["/bin/bash", "-c", "a && b"]}


def test_cron_tz_is_the_zone_of_the_lines_below_it_and_tz_is_not(tmp_path: Path) -> None:
    text = "TZ=Asia/Seoul\n0 1 * * * a\nCRON_TZ=Europe/Berlin\n0 1 * * * b\n"
    imported = from_text(text, "crontab")
    found = entries(imported, tmp_path)
    assert "timezone" not in found["a"]
    assert found["b"]["timezone"] == "Europe/Berlin"
    assert found["a"]["kwargs"]["env"] == {"TZ": "Asia/Seoul"}
    assert any(note.startswith("TZ is given to the commands") for note in said(imported))


def test_a_file_without_a_zone_is_said_to_be_read_as_utc_unless_one_is_given(tmp_path: Path) -> None:
    unzoned = from_text("0 1 * * * a\n", "crontab")
    assert "read as UTC" in said(unzoned)[0]
    zoned = from_text("0 1 * * * a\n", "crontab", timezone="Europe/Berlin")
    assert not any("UTC" in note for note in said(zoned))
    assert zoned.timezone == "Europe/Berlin"


def test_mailto_becomes_the_owner_and_it_is_said_that_no_mail_goes_out(tmp_path: Path) -> None:
    imported = from_text("MAILTO=ops@example.com\n0 1 * * * a\nMAILTO=\n0 1 * * * b\n", "crontab")
    found = entries(imported, tmp_path)
    assert found["a"]["owner"] == "ops@example.com"
    assert "owner" not in found["b"]
    assert sum("MAILTO" in note for note in said(imported)) == 1


def test_a_comment_right_above_a_line_is_its_description(tmp_path: Path) -> None:
    found = entries(from_example("user.crontab"), tmp_path)
    assert found["pg_dump"]["description"] == "Database dump, kept for 14 days"
    assert found["report"]["description"] == "Report to the boss,\non workdays"
    assert "description" not in found["sync"]


def test_a_line_that_is_commented_out_is_said_with_its_place() -> None:
    notes = [note for note in from_example("user.crontab").notes if "commented out" in note.text]
    assert [(note.line, note.text) for note in notes] == [
        (18, "commented out, and left out here too: 15 3 * * * /opt/shop/bin/retired")
    ]


def test_a_comment_in_prose_is_no_entry_that_was_commented_out(tmp_path: Path) -> None:
    found = entries(from_text("# 5 items in the list of things\n0 1 * * * a\n", "crontab"), tmp_path)
    assert found["a"]["description"] == "5 items in the list of things"


def test_reboot_stays_as_an_entry_run_by_hand_and_is_said(tmp_path: Path) -> None:
    imported = from_example("user.crontab")
    assert "crontab" not in entries(imported, tmp_path)["warm-cache"]
    (note,) = said(imported, "warm-cache")
    assert "@reboot" in note
    assert "onbeat trigger" in note


def test_what_stands_after_a_percent_sign_is_the_commands_input(tmp_path: Path) -> None:
    """As cron does it, shown by a real shell."""
    text = r"0 9 * * * tr a-z A-Z%dear boss,%%it is 100\% of $HOME" + "\n"
    line = entries(from_text(text, "crontab"), tmp_path)["tr"]["kwargs"]["shell"]
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "DEAR BOSS,\n\nIT IS 100% OF $HOME\n"


def test_a_variable_of_the_shells_stays_the_shells(tmp_path: Path) -> None:
    found = entries(from_text("0 1 * * * a ${HOME} $${X} $HOME\n", "crontab"), tmp_path)
    assert found["a"]["kwargs"]["shell"] == "a $${HOME} $$${X} $HOME"


def test_a_line_with_a_user_loses_the_user_and_says_so(tmp_path: Path) -> None:
    imported = from_example("cron.d")
    found = entries(imported, tmp_path)
    assert list(found) == ["sessionclean", "cron", "never"]
    assert found["cron"]["kwargs"] == {"shell": "/usr/bin/php /var/www/cron.php"}
    assert said(imported, "sessionclean") == ["it ran as root; Onbeat's workers run it as their own user"]
    assert any("minute 61 is out of range" in note for note in said(imported, "never"))
    assert any("keeps cron from logging" in note for note in said(imported, "cron"))


def test_a_line_that_is_none_is_said_and_the_others_are_imported(tmp_path: Path) -> None:
    imported = from_text("0 1 * * * root a\nwhat is this\n0 1 * * * root\n", "system-crontab")
    assert [note.line for note in imported.notes if "left out" in note.text] == [2, 3]
    assert entries(from_text("0 1 * * * a\nwhat is this\n", "crontab"), tmp_path).keys() == {"a"}


def test_a_crontab_of_nothing_that_can_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(Unreadable, match="not a line of a crontab") as caught:
        from_text("A=1\nwhat is this\n", "crontab")
    assert (caught.value.line, caught.value.column) == (2, 1)


def test_settings_of_crons_own_and_every_are_known(tmp_path: Path) -> None:
    imported = from_text("RANDOM_DELAY=5\n@every 90s a\n@every_minute b\n@fortnightly c\n", "crontab")
    found = entries(imported, tmp_path)
    assert found["a"]["interval"] == "1m30s"
    assert found["b"]["crontab"] == "* * * * *"
    assert any("unknown alias" in note for note in said(imported, "c"))
    assert any("RANDOM_DELAY" in note for note in said(imported))


@pytest.mark.parametrize(
    ("text", "path", "kind"),
    [
        ("0 1 * * * root a\n", "x", "system-crontab"),
        ("0 1 * * * root a\n0 1 * * * b c\n", "x", "crontab"),
        ("0 1 * * * deploy a\n", "/etc/cron.d/x", "system-crontab"),
        ("# a\nA=1\n@daily a\n", "x", "crontab"),
    ],
)
def test_a_crontab_is_known_by_its_lines_and_its_folder(text: str, path: str, kind: str) -> None:
    assert kind_of(text, Path(path)) == kind


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh --all", "backup"),
        ("cd /srv && nice -n 10 python3 bin/report.py", "report"),
        ("flock -n /run/x.lock /opt/sync", "sync"),
        ("A=1 B=2 timeout 5m curl -f x | jq .", "curl"),
        ("python3 -m shop.daily", "daily"),
        ("bash -lc 'bin/tidy --now'", "tidy"),
        ("test -x /a || /usr/bin/php -q cron.php", "cron"),
        ("( /opt/x.pl )", "x"),
        ("echo 'unclosed", "echo"),
        (">/dev/null", "null"),
        ("", "command"),
    ],
)
def test_an_entry_is_named_for_what_its_command_runs(command: str, name: str) -> None:
    assert command_name(command) == name


def test_two_lines_of_one_program_get_two_names(tmp_path: Path) -> None:
    imported = from_text("0 1 * * * a x\n0 2 * * * a y\n0 3 * * * a z\n", "crontab")
    assert list(entries(imported, tmp_path)) == ["a", "a-2", "a-3"]
    assert said(imported, "a-3") == ["another entry is called 'a' too, so this one is 'a-3'"]
