import inspect
from itertools import takewhile
from pathlib import Path

import scheduler.store
from scheduler.store import keys
from scheduler.store.shared_keys import TYPES
from tests.docs.pages import page, rows


def test_the_page_lists_every_key_as_the_one_module_of_keys_does() -> None:
    documented = rows(page("reference/redis-keys.md"), header="key")
    assert documented == rows(inspect.getdoc(keys) or "", header="key")
    assert documented


def test_the_types_that_are_checked_are_those_of_all_keys_that_belong_to_no_entry_or_run() -> None:
    listed = {
        name.strip("` "): row[1].split(":")[0]
        for row in rows(page("reference/redis-keys.md"), header="key")
        for name in row[0].split(",")
    }
    shared = {
        name.removeprefix("onbeat:"): kind.split()[0]
        for name, kind in listed.items()
        if name.startswith("onbeat:") and name.islower()
    }
    assert shared == TYPES


def test_every_script_says_what_it_takes_and_gives() -> None:
    scripts = sorted(Path(scheduler.store.__path__[0]).glob("*.lua"))
    assert scripts
    for script in scripts:
        lines = script.read_text(encoding="utf-8").splitlines()
        header = "\n".join(takewhile(lambda line: line.startswith("--"), lines))
        for word in ("KEYS", "ARGV", "Result"):
            assert word in header, f"{script.name} does not name its {word}"
