"""`ganvas runs`."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from . import common

COLUMNS = ("recipe", "pictures", "length", "kimg", "state", "newest preview")
"""Of the list of runs, after the run's folder."""


def runs_verb(arguments: list[str]) -> None:
    import tyro

    @dataclass(frozen=True)
    class Runs:
        """List the runs below a folder, with recipe, progress, state and newest preview."""

        folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")] = field(default=Path("runs"))
        """Where to look."""

    folder = common.parse(Runs, "runs", arguments).folder
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from ..runs import list_runs
    from ..sources.artwork import printable

    runs = list_runs(folder)
    if not runs:
        print(f"No runs in {folder}. Start one with: ganvas train digits")
        return
    table = Table(Column("run", overflow="fold"), *COLUMNS, box=None)
    for run in runs:
        previews, latest = run.previews(), run.latest()
        kimg = f"{latest.kimg:.1f}" if latest else "0"
        preview = str(previews[-1].relative_to(run.folder)) if previews else "none yet"
        config = run.config
        cells = (str(run.folder), config.recipe.name, config.data, str(config.budget), kimg, run.state(), preview)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
