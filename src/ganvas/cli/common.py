"""What the verbs share: reading their arguments, a bar, what came of the pictures."""

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..dataset import Dataset

SHOWN = 100
"""Most skipped pictures named on the terminal; all are in dataset.json."""


def parse(cls: Any, verb: str, arguments: list[str], default: Any = None) -> Any:
    """The verb's arguments as its dataclass; tyro writes the help out of the docstrings."""
    import tyro

    return tyro.cli(cls, args=arguments, prog=f"ganvas {verb}", default=default)


def with_bar(doing: str, work: Any) -> Any:
    """Runs `work(progress)` under a progress bar on a terminal; progress(done, total or None)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=None)
        return work(lambda done, total: bar.update(task, completed=done, total=total))


def with_stages(work: Any, is_quiet: bool) -> Any:
    """Runs `work(progress)` under a bar for what is being done at the moment; progress(doing, done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=is_quiet or not sys.stdout.isatty()) as bar:
        task = bar.add_task("Opening", total=None)

        def shown(doing: str, done: int, total: int) -> None:
            if bar.tasks[0].description != doing:
                bar.reset(task)  # another stage has another pace
            bar.update(task, description=doing, completed=done, total=total)

        return work(shown)


def report(dataset: "Dataset") -> None:
    """What came of the pictures: how many, how large, and a line for each that was skipped."""
    channels, height, width = dataset.shape
    kind = {1: "grey", 3: "colour", 4: "colour with alpha"}[channels]
    labels = f", {len(dataset.label_names)} labels" if dataset.has_labels else ""
    count = "1 picture" if len(dataset) == 1 else f"{len(dataset):,} pictures"
    print(f"{count}, {width}x{height} px, {kind}{labels}.")
    for line in dataset.notes:
        print(line)
    for line in dataset.warnings:
        print(f"Warning: {line}")
    for skipped in dataset.skipped[:SHOWN]:
        print(f"Skipped {skipped.name}: {skipped.reason}")
    if len(dataset.skipped) > SHOWN:
        print(f"... and {len(dataset.skipped) - SHOWN} more, all in {dataset.folder / 'dataset.json'}")


def report_json(dataset: "Dataset") -> None:
    """The same for machines: an object for each warning and each skipped picture."""
    for line in dataset.warnings:
        print(json.dumps({"event": "warned", "message": line}))
    for skipped in dataset.skipped:
        print(json.dumps({"event": "skipped", "name": skipped.name, "reason": skipped.reason}))
