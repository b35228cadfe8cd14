"""The tree of what a run followed on and what followed on it, beneath `onbeat run` and `onbeat trace`."""

from collections.abc import Sequence

from scheduler.run_family import Relative


def print_family(family: Sequence[Relative], run_id: str) -> None:
    """Print the tree, the run `run_id` in bold; nothing where it stands alone."""
    from scheduler.cli.appearance import duration_cell, id_cell, state_cell
    from scheduler.cli.tables import Cell, Column, print_heading, print_table
    from scheduler.run_family import branches

    if len(family) < 2:  # noqa: PLR2004 - one is no family
        return
    print_heading("Before and after it")
    columns = [Column("entry", flexible=True), Column("state"), Column("took", "right")]
    columns += [Column("also after", drop=2, most=40), Column("run", drop=1)]
    rows: list[list[str | Cell]] = []
    for drawn, run, also_after in branches(family):
        name = f"{drawn}{run.name}"
        rows.append(
            [
                Cell(name, "bold" if run.run_id == run_id else "", plain=name),
                state_cell(run.state),
                duration_cell(run.took),
                ", ".join(also_after),
                id_cell(run.run_id),
            ]
        )
    print_table(columns, rows)
