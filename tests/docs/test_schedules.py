import re
import tomllib
from datetime import UTC, datetime

from scheduler.cadences.crontab_fields import ALIASES, written_out
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.entry_keys import CHECKS, UNSUPPORTED_KEYS
from scheduler.retry import RETRY_KEYS, RetryPolicy
from scheduler.schedule import Crontab
from tests.docs.pages import page, rows, words_in_code

PAGE = page("reference/schedules.md")
KEYS, RETRY = (part for part in re.split(r"^## retry$", PAGE, flags=re.MULTILINE))
ENTRY = Entry(name="a", job="jobs.a")


def words(text: str) -> list[str]:
    return [word for row in rows(text, header="key") for word in words_in_code(row[0])]


def defaults(text: str) -> dict[str, str]:
    """What the pages give as default for each key that has one in code."""
    return {
        key: default
        for row in rows(text, header="key")
        for key, default in zip(words_in_code(row[0]), words_in_code(row[1]), strict=False)
    }


def test_the_page_explains_every_key_of_an_entry_and_no_other() -> None:
    assert set(words(KEYS)) == set(CHECKS)


def test_the_defaults_of_an_entry_are_those_of_the_code() -> None:
    assert defaults(KEYS) == {
        "seconds": "false",
        "timezone": Crontab("@daily").timezone,
        "dst_gap": Crontab("@daily").dst_gap,
        "dst_fold": Crontab("@daily").dst_fold,
        "queue": ENTRY.queue,
        "priority": str(ENTRY.priority),
        "enabled": str(ENTRY.enabled).lower(),
        "overlap": ENTRY.overlap,
        "max_active": str(ENTRY.most_active),
        "catchup": ENTRY.catchup,
        "catchup_window": format_duration(ENTRY.catchup_window),
        "keep_runs": str(ENTRY.keep_runs),
        "keep_for": format_duration(ENTRY.keep_for),
    }


def test_the_page_explains_every_key_of_retry_and_its_default() -> None:
    policy = RetryPolicy()
    assert words(RETRY) == list(RETRY_KEYS)
    assert defaults(RETRY) == {
        "max_attempts": str(policy.max_attempts),
        "backoff": policy.backoff,
        "initial": format_duration(policy.initial),
        "max": format_duration(policy.maximum),
        "jitter": str(policy.jitter),
        "on_lost": str(policy.on_lost).lower(),
    }


def test_the_page_names_every_key_that_this_version_does_not_have() -> None:
    planned = set(words_in_code(PAGE.split("## Not in this version")[1]))
    assert planned >= UNSUPPORTED_KEYS
    assert not planned & set(CHECKS)


def test_the_page_names_every_alias_of_a_crontab() -> None:
    assert set(re.findall(r"`(@[a-z]+)`", PAGE)) == set(ALIASES)


def test_every_word_for_days_is_one() -> None:
    fields = {"month": "0 0 {} * *", "week": "0 0 * * {}"}
    found = [(fields[row[0]], word) for row in rows(PAGE, header="day of") for word in words_in_code(row[1])]
    assert len(found) == 6
    for field, word in found:
        assert Crontab(field.format(word)).next_after(datetime(2026, 1, 1, tzinfo=UTC))


def test_h_stands_for_what_the_page_says() -> None:
    minutes = {
        word: [written_out(f"{word} * * * *", f"entry-{index}").split()[0] for index in range(500)]
        for row in rows(PAGE, header="written")
        for word in words_in_code(row[0])
    }
    firsts = {word: {int(text.split(",")[0]) for text in texts} for word, texts in minutes.items()}
    assert firsts == {
        "H": set(range(60)),
        "H/15": set(range(15)),
        "H(0-29)": set(range(30)),
        "H(0-29)/10": set(range(10)),
    }


def test_the_examples_are_toml() -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert examples
    for example in examples:
        assert tomllib.loads(example)["schedules"]
