"""`onbeat doctor`: a check-up that says what to mend."""

from typing import TYPE_CHECKING

import click

from scheduler.cli.options import examples, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scheduler.store.safety import Finding

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@click.command(epilog=examples("onbeat doctor", "onbeat doctor --json | jq '.[] | select(.level != \"ok\")'"))
@json_option
def doctor(*, as_json: bool) -> int:
    """Check settings, server, persistence, eviction, clocks, jobs, schedules and processes.

    Each line is well (✓), worth a look (!) or wrong (✗), and says what to mend. Exits with 1 where one is
    wrong.
    """
    from dataclasses import asdict
    from pathlib import Path

    from scheduler.cli.document import print_document
    from scheduler.doctor import examine

    findings = examine(Path.cwd())
    if as_json:
        print_document([asdict(finding) for finding in findings])
    else:
        _print(findings)
    return int(any(finding.level == "error" for finding in findings))


def _print(findings: "Sequence[Finding]") -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        mark, colour = _MARKS[finding.level]
        first, *more = finding.text.splitlines()
        click.echo(
            f"{click.style(mark, fg=colour)} {click.style(finding.check.ljust(width), dim=True)}  {first}"
        )
        for line in more:
            click.echo(" " * (width + 4) + line)
        if finding.mend:
            click.echo(" " * (width + 4) + click.style(f"→ {finding.mend}", fg="cyan"))
    wrong = sum(finding.level == "error" for finding in findings)
    doubtful = sum(finding.level == "warning" for finding in findings)
    click.echo()
    click.echo(_summary(wrong, doubtful))


def _summary(wrong: int, doubtful: int) -> str:
    if wrong:
        return click.style(f"{wrong} wrong", fg="red", bold=True) + (
            f", {doubtful} worth a look" if doubtful else ""
        )
    if doubtful:
        return click.style(f"Nothing wrong, {doubtful} worth a look", fg="yellow")
    return click.style("All is well", fg="green", bold=True)
