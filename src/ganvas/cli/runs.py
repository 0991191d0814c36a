"""`ganvas runs`."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from . import common

if TYPE_CHECKING:
    from ..runs import Checkpoint

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
        state = run.state() + said_of(latest)
        cells = (str(run.folder), config.recipe.name, config.data, str(config.budget), kimg, state, preview)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def said_of(checkpoint: "Checkpoint | None") -> str:
    """The doctor's last word on the run (docs/doctor.md), such as " (stalled)"; empty when there is none."""
    from ..errors import CheckpointError

    try:
        doctor = {} if checkpoint is None else checkpoint.scalars().get("doctor")
    except CheckpointError:
        return ""
    verdict = doctor.get("verdict") if isinstance(doctor, dict) else None
    return f" ({verdict})" if verdict in ("copying", "stalled") else ""
