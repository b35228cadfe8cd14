"""What dispatch.py has measured: the table, the ratios, and which aims are met."""

import argparse
import json
import statistics
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

OURS = "onbeat"
MANY = 1_000  # from here on figures are shown without decimals
AIMED_ENTRIES = 10_000  # the aims are for as many

Figures = dict[str, dict[str, list[float]]]  # by measure, by beat
Ratios = dict[str, dict[str, float]]


class Aim(NamedTuple):
    """`times` as good as `than`, or at least or at most so much."""

    measure: str
    times: float | None = None
    than: str = "redbeat"
    least: float | None = None
    most: float | None = None


AIMS = (
    Aim("start-up, all new, s", times=4),
    Aim("start-up, unchanged, s", times=8),
    Aim("burst, s", times=25),
    Aim("sustained, ticks/s", least=15_000),
    Aim("steady, p99 ms late", most=20),
)


def report(figures: Figures, machine: dict[str, Any], options: argparse.Namespace, names: list[str]) -> bool:
    """Print the table, the same as JSON, and the aims. False where one was missed."""
    print(f"\n{options.entries} entries; " + ", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"{'':34}" + "".join(f"{name:>26}" for name in names) + f"{'to redbeat':>12}{'to celery':>12}")
    ratios = ratios_of(figures, names[1:])
    for measure, by_beat in figures.items():
        cells = [told(by_beat.get(name, [])) for name in names]
        shares = [f"{ratios[measure][name]:.1f}×" if name in ratios[measure] else "" for name in names[1:]]
        row = "".join(f"{cell:>26}" for cell in cells) + "".join(f"{share:>12}" for share in shares)
        print(f"{measure:34}{row}")
    document = {"machine": machine, "entries": options.entries, "figures": figures, "ratios": ratios}
    text = json.dumps(document, indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    else:
        print(text)
    if options.entries < AIMED_ENTRIES:
        print(f"the aims are for {AIMED_ENTRIES:,} entries")
        return True
    judged = list(judged_aims(figures, ratios))
    for is_met, line in judged:
        print(f"{'met' if is_met else 'NOT met':8} {line}")
    return all(is_met for is_met, _ in judged)


def ratios_of(figures: Figures, others: list[str]) -> Ratios:
    """How many times better ours is than each of the others, by measure."""
    ratios: Ratios = {}
    for measure, by_beat in figures.items():
        ours = statistics.median(by_beat[OURS]) if by_beat.get(OURS) else None
        ratios[measure] = {
            name: rated(measure, ours, statistics.median(by_beat[name]))
            for name in others
            if ours and by_beat.get(name)
        }
    return ratios


def judged_aims(
    figures: Mapping[str, Mapping[str, list[float]]], ratios: Ratios
) -> Iterator[tuple[bool, str]]:
    """Of each aim whose figures there are whether it is met, and how it is said."""
    for aim in AIMS:
        values = figures.get(aim.measure, {}).get(OURS)
        if not values:
            continue
        middle = statistics.median(values)
        if aim.times is not None:
            ratio = ratios.get(aim.measure, {}).get(aim.than)
            if ratio is not None:
                yield ratio >= aim.times, f"{aim.measure}: {ratio:.1f} times {aim.than}'s, aim {aim.times:g}"
        elif aim.least is not None:
            yield middle >= aim.least, f"{aim.measure}: {middle:,.0f}, aim at least {aim.least:,g}"
        elif aim.most is not None:
            yield middle <= aim.most, f"{aim.measure}: {middle:.1f}, aim at most {aim.most:g}"


def rated(measure: str, ours: float, theirs: float) -> float:
    """How many times better ours is."""
    return ours / theirs if measure.endswith(("/s", "sent", "minute")) else theirs / ours


def told(values: list[float]) -> str:
    """The median, and between which it lies."""
    if not values:
        return "–"
    places = 2 if max(values) < MANY else 0
    middle = f"{statistics.median(values):,.{places}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.{places}f}–{max(values):,.{places}f})"
