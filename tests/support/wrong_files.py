"""Files of schedules made wrong by chance, from a seed: bytes, pieces of TOML, good files with parts changed, and valid
TOML with values of another type.
"""

import copy
import random
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any, Final

import tomli_w

from scheduler.entry_keys import CHECKS
from scheduler.retry import RETRY_KEYS
from tests.support.schedule_files import FULL

EVERYTHING: Final = """
include = ["teams/*.toml"]
secrets = ["TOKEN"]

[defaults]
timezone = "Europe/Berlin"
retry = { max_attempts = 3, on = ["OSError"], give_up_on = ["ValueError"], on_lost = false }
exclude = ["de"]

[calendars.de]
country = "DE"
subdivision = "BY"
weekdays = ["sat", "sun"]

[calendars.closed]
ics = "company.ics"
dates = [2026-12-24, "2026-12-27/2026-12-31", "06-05", { date = "06-06", name = "Founders' day" }]

[schedules.rule]
job = "jobs.nightly"
rrule = "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9;BYMINUTE=0;BYSECOND=0"
kwargs = { region = "eu", limit = 5 }
starts_at = 2026-01-01T00:00:00+01:00
ends_at = "2027-01-01T00:00:00Z"
catchup = "all"
catchup_spread = "10m"
max_runs = 10

[schedules.list]
job = "jobs.tidy"
crontab = ["H 2 L * *", "*/15 9-17 15W,LW jan-jun 5#3", "@daily"]
dst_gap = "skip"
dst_fold = "both"
exclude = ["closed", "* 2 * * *"]
on_holiday = "next"
holidays = ["de"]
jitter = "5m"
group = "tidy"
overlap = "replace"
start_deadline = "1h"

[schedules.seconds]
job = "jobs.tidy"
crontab = "*/10 * * * * *"
seconds = true

[schedules."once.or.twice"]
job = "jobs.tidy"
at = [2026-12-01T02:00:00+01:00, "2027-01-01T00:00:00Z"]

[schedules.steady]
job = "jobs.tidy"
interval = "1h30m"
anchor = 2026-01-01T00:00:00Z

[schedules.sun]
job = "jobs.tidy"
solar = { event = "sunset", latitude = 52.5, longitude = 13.4, offset = "-30m" }

[env.production.defaults]
queue = "slow"

[env.production.schedules.steady]
crontab = "@hourly"
retry = { max_attempts = 5, backoff = "linear", initial = "5s", max = "1m", jitter = 0.5 }

[env.test.schedules.only]
job = "jobs.tidy"
enabled = false
"""
GOOD: Final = (FULL, EVERYTHING)

PIECES: Final = [
    *(f"{key} = " for key in (*CHECKS, *RETRY_KEYS)),
    "[defaults]\n", "[schedules.a]\n", "[schedules]\n", "[[schedules.a]]\n", "[schedules.a.b]\n",
    "[env.production.schedules.a]\n", "[env.production.defaults]\n", "[env]\n", "[calendars.de]\n", "include = ",
    "country = ", "dates = ", "ics = ", "weekdays = ", "secrets = ", "schedules.a.retry.",
    "'", '"', '"""', "'''", "[", "]", "{", "}", "=", ".", ",", "\n", "\r\n", "#", "\t", "\x00", "\ufeff", "é", "日",
    "\ud7ff", "-", "*", "/", "H", "L", "W", "#3", "(", ")", "@",
    "1", "-1", "1e400", "nan", "inf", "true", "0x10", "2026-01-01", "2026-13-45", "07:32:00", "9" * 30, "9" * 5000,
    '"${A}"', '"${"', '"${A:-5m}"', '"5m"', '"* * * * *"', '"75 * * * *"', '"0 0 30 2 *"', '"Europe/Berlin"',
    "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "[2026-01-01T00:00:00Z]",
    '"H(0-9)/2 H L * *"', '"0 0 15W,LW,L-3 * 5#3"', '"0 0 H(30-31) 2 *"', '"* * * * * *"', "jan-dec/5",
    '"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"', '"FREQ=SECONDLY"', ";COUNT=1", ";INTERVAL=0", ";UNTIL=20260101",
    '"FREQ=DAILY;BYSETPOS=366;INTERVAL=97"', '"FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=1"', ";BYEASTER=1",
    '["*.toml"]', '["../**"]', '["/**/*.toml"]', '["main.toml"]', '["missing.toml"]', '["teams"]', '["[z-a].toml"]',
    '"\\u0035"', "[" * 300, "[" * 3000, "{a=" * 300, "a." * 150, "a." * 3000,
    "{ max_attempts = 0 }", "{ on = [1] }", "[[[[]]]]", "{ a = { b = {} } }",
]  # fmt: skip
VALUES: Final[list[Any]] = [
    0, -1, 1, 10**18, 0.5, -0.0, 1e308, float("inf"), float("nan"), True, False, "", " ", "x", "5m", "${A:-1}", "${A}",
    "@daily", "* * * * *", "0 0 30 2 *", "FREQ=DAILY", "FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2", "UTC", "\x00", "x" * 5000,
    "日本", [], [[]], [1], ["x"], ["* * * * *"], [{}], {}, {"a": {}}, {"max_attempts": "x"},
    date(2026, 1, 1), time(7, 32), datetime(2026, 1, 1, tzinfo=UTC), datetime.fromisoformat("2026-01-01"),
    datetime(9999, 12, 31, 23, tzinfo=UTC), "skip", "sunrise",
    {"event": "noon", "latitude": 90, "longitude": 0},
]  # fmt: skip


def some_bytes(chance: random.Random) -> bytes:
    """Up to 300 bytes of any kind, or of the kinds that TOML is made of."""
    alphabet = chance.choice([bytes(range(256)), b" \n\t[]{}=.,'\"#abc019-_:+\\", b'[]=\n"a'])
    return bytes(chance.choice(alphabet) for _ in range(chance.randrange(300)))


def some_pieces(chance: random.Random) -> bytes:
    """Pieces of TOML in a row."""
    return "".join(chance.choices(PIECES, k=chance.randrange(30))).encode(errors="surrogatepass")


def changed(chance: random.Random) -> bytes:
    """A good file with one to four parts cut out, doubled, moved, replaced, or with a bit flipped."""
    text = bytearray(chance.choice(GOOD).encode())
    for _ in range(chance.randrange(1, 5)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 1, 1, 2, 5, 20, 100]))
        part = bytes(text[start:end])
        piece = chance.choice(PIECES).encode(errors="surrogatepass")
        flipped = bytes([part[0] ^ (1 << chance.randrange(8))]) + part[1:] if part else b""
        text[start:end] = chance.choice([b"", part * 2, piece, piece, part + piece, flipped])
        if chance.random() < 0.1:
            there = chance.randrange(len(text) + 1)
            text[there:there] = part
    return bytes(text)


def retyped(chance: random.Random) -> bytes:
    """Valid TOML: a good file with one to three of its values replaced, taken out, or given to another key."""
    document = tomllib.loads(chance.choice(GOOD))
    for _ in range(chance.randrange(1, 4)):
        holder, key = chance.choice(_places(document) or [(document, "schedules")])
        what = chance.random()
        if what < 0.7:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        elif isinstance(holder, dict):
            value = holder.pop(key, None)
            if what < 0.9 and value is not None:
                holder[chance.choice([*CHECKS, "schedules", "defaults", "env", "x", "", "a b"])] = value
    return tomli_w.dumps(document).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Everything in a document, by what holds it and its key there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in list(items) for place in [(value, key), *_places(item)]]


KINDS: Final[tuple[Callable[[random.Random], bytes], ...]] = (some_bytes, some_pieces, changed, retyped)


def wrong_file(seed: int, number: int) -> bytes:
    """The file of this number; the kinds take turns."""
    return KINDS[number % len(KINDS)](random.Random(f"{seed} {number}"))
