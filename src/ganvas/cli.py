"""The command line: one thin function per verb. `ganvas --help` imports neither torch nor tyro."""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from .errors import GanvasError, UnknownName, UsageError
from .registry import nearest, recipes

if TYPE_CHECKING:
    from .dataset import Dataset

COLUMNS = ("recipe", "pictures", "length", "kimg", "state", "newest preview")
"""Of the list of runs, after the run's folder."""
SHOWN = 100
"""Most skipped pictures named on the terminal; all are in dataset.json."""

HELP = """\
ganvas: teach a machine to make pictures like yours.

  ganvas train digits --minutes 5 --out runs/digits     learn from the digits that come with ganvas
  ganvas sample runs/digits --count 64 --out works      draw 64 new ones

verbs:
  prepare   decode, crop and check pictures once, into one array
  train     learn from pictures; the same command goes on where it stopped
  sample    draw new works
  runs      list the runs, how far they are and where to look at them

ganvas VERB --help explains a verb. Recipes, from quick start to history: canvas (default), dcgan, classic.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a verb. Errors of ganvas become one line and exit status 1, 2 for a wrong command line."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    verb = arguments[0] if arguments else "--help"
    if verb in ("--help", "-h", "help"):
        print(HELP, end="")
        return
    try:
        if verb == "--version":
            from . import __version__

            print(f"ganvas {__version__}")
            return
        if verb not in VERBS:
            raise UnknownName(f"No verb {verb!r}.{nearest(verb, VERBS)} See: ganvas --help")
        VERBS[verb](arguments[1:])
    except GanvasError as error:
        print(f"ganvas: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except (MemoryError, RuntimeError) as error:  # torch says of memory in a RuntimeError
        if "memory" not in str(error).lower() and not isinstance(error, MemoryError):
            raise
        print("ganvas: Not enough memory. Try a smaller --batch-size, --net.width or --size.", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # as in `ganvas runs | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        print(f"ganvas: {error.filename or 'output'}: {error.strerror or error}.", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("ganvas: stopped.", file=sys.stderr)
        sys.exit(130)


def parse(cls: Any, verb: str, arguments: list[str], default: Any = None) -> Any:
    """The verb's arguments as its dataclass; tyro writes the help out of the docstrings."""
    import tyro

    return tyro.cli(cls, args=arguments, prog=f"ganvas {verb}", default=default)


# ---------------------------------------------------------------------------------------------- prepare


def prepare_verb(arguments: list[str]) -> None:
    import tyro

    from .dataset import CROPS

    @dataclass(frozen=True)
    class Prepare:
        """Decode, crop and check pictures once, into one memory-mapped array.

        Pictures that cannot be used are skipped, with the reason on the terminal and in dataset.json. The same call
        again is instant.
        """

        data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
        """A source's name (digits) or a path: a folder of pictures, or of MNIST's idx files."""
        out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Folder for the array; by default ganvas's cache."""
        size: Annotated[str | None, tyro.conf.arg(metavar="SIZE")] = None
        """Pixels: 64, or 96x64 (width x height). By default 64; the pictures' own size for digits and idx files."""
        crop: Literal[CROPS] = "centre"  # type: ignore[valid-type]
        """centre: fill the size and cut; fit: show all, padded; random: cut anew at each look. Never squashed."""
        alpha: bool = False
        """Keep transparency as a fourth channel."""
        background: str = "white"
        """Colour under transparent pictures and around fitted ones: a name or #rrggbb."""
        channels: Literal[1, 3] | None = None
        """Force grey (1) or colour (3); by default grey only when all pictures are grey."""
        workers: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
        """Threads that decode; by default one for each core."""

    asked = parse(Prepare, "prepare", arguments)
    from .dataset import prepare

    options = {name: getattr(asked, name) for name in ("crop", "alpha", "background", "channels", "out", "workers")}
    dataset = with_bar(
        "Preparing pictures", lambda progress: prepare(asked.data, asked.size, progress=progress, **options)
    )
    report(dataset)
    print(f"Ready in {dataset.folder}\nLearn from it with: ganvas train {shlex.quote(str(dataset.folder))}")


def with_bar(doing: str, work: Any) -> Any:
    """Runs `work(progress)` under a progress bar on a terminal; progress(done, total or None)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=None)
        return work(lambda done, total: bar.update(task, completed=done, total=total))


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


# ---------------------------------------------------------------------------------------------- train


def train_verb(arguments: list[str]) -> None:
    import tyro

    from .config import Recipe

    @dataclass(frozen=True)
    class Train:
        """Learn from pictures. Ctrl-C saves; the same command goes on where it stopped.

        Several processes: python -m torch.distributed.run --nproc-per-node 2 -m ganvas train ...
        """

        data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
        """A source's name (digits) or a path: pictures, MNIST's idx files, or what `ganvas prepare` made."""
        settings: Annotated[Recipe, tyro.conf.arg(name="")]
        """The recipe's settings; each can be changed."""
        recipe: str = "canvas"
        """canvas, dcgan or classic. The settings below are this recipe's."""
        out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Run folder; by default runs/DATA-RECIPE."""
        minutes: Annotated[float | None, tyro.conf.arg(metavar="NUMBER")] = None
        """Length of the run in minutes of training; 5 when no length is given."""
        kimg: Annotated[float | None, tyro.conf.arg(metavar="NUMBER")] = None
        """Length of the run in thousands of pictures."""
        epochs: Annotated[float | None, tyro.conf.arg(metavar="NUMBER")] = None
        """Length of the run in rounds through the pictures."""
        seed: int = 0
        """The same seed, pictures and settings give the same run, to the bit, on a CPU (not with --minutes)."""
        labels: bool = True
        """Learn the pictures' labels, where there are any."""
        size: Annotated[str | None, tyro.conf.arg(metavar="SIZE")] = None
        """Pixels: 64, or 96x64. As in ganvas prepare, which has more choices."""
        checkpoint_seconds: float = 60.0
        """Between two checkpoints: the most that a kill can cost."""
        json: bool = False
        """One JSON object a line instead of the progress bar."""

    name = recipe_named_in(arguments)
    default = Train(data=tyro.MISSING, settings=recipes.get(name)(), recipe=name)
    asked = parse(Train, "train", arguments, default)
    from .dataset import prepare
    from .training.machine import accelerator

    with accelerator().main_process_first():
        dataset = with_bar("Preparing pictures", lambda progress: prepare(asked.data, asked.size, progress=progress))
    train(dataset, asked)


def recipe_named_in(arguments: list[str]) -> str:
    """The recipe asked for: the other options' defaults, and the nets' options, depend on it."""
    name = "canvas"
    for number, argument in enumerate(arguments):  # the last one counts, as it does for tyro
        if argument.startswith("--recipe="):
            name = argument.removeprefix("--recipe=")
        if argument == "--recipe" and number + 1 < len(arguments):
            name = arguments[number + 1]
    return name


def train(dataset: "Dataset", asked: Any) -> None:
    import signal

    from .api import make_trainer
    from .terminal import consume, show
    from .training.interrupt import on_interrupt

    trainer = make_trainer(
        dataset,
        asked.settings,
        asked.minutes,
        asked.kimg,
        asked.epochs,
        asked.out,
        asked.seed,
        asked.labels,
        asked.checkpoint_seconds,
    )
    main_process = trainer.accelerator.is_main_process
    if main_process:
        (report_json if asked.json else report)(dataset)
    events = trainer.fit()
    with on_interrupt(trainer.stop) as came:
        try:
            finished = show(events, "none" if not main_process else "json" if asked.json else "auto")
        except OSError:  # nobody reads what we print any more: save, then say so
            trainer.stop()
            consume(events)
            raise
    if not finished.done:
        sys.exit(128 + (came[0] if came else signal.SIGINT))


# ---------------------------------------------------------------------------------------------- sample


def sample_verb(arguments: list[str]) -> None:
    import tyro

    @dataclass(frozen=True)
    class Sample:
        """Draw new works: PNG files named by their seeds, a grid, or one array of many.

        The same seed gives the same work, however many are drawn. Each PNG carries run, recipe, seed, label and
        truncation as text.
        """

        run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
        """A run folder, or an ema.safetensors file."""
        count: int = 16
        """How many."""
        out: Path = field(default=Path("works"))
        """Folder for the PNG files and the grid."""
        seed: int = 0
        """The first work's seed; the next ones count up."""
        label: Annotated[str | None, tyro.conf.arg(metavar="LABEL")] = None
        """Draw only this label ("none": without one). By default each work's seed chooses."""
        truncation: float = 1.0
        """1: full variety; towards 0: more typical, more alike."""
        grid: bool = False
        """All works on one sheet, grid.png, instead of a file each."""
        columns: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
        """Works in a row of the grid; by default about as many as rows."""
        npz: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Instead of PNG files one .npz with arr_0, uint8 N x H x W x C; for 10,000 works and more."""
        batch_size: int = 100
        """Works drawn at once."""

    asked = parse(Sample, "sample", arguments)
    if asked.grid and asked.npz:
        raise UsageError("--grid and --npz are two kinds of output; ask for one.")
    from .api import open_model
    from .works import save_files, save_grid, save_npz

    model, choice = open_model(asked.run), (asked.count, asked.seed, asked.label, asked.truncation)
    if asked.npz:
        made = with_bar("Drawing", lambda bar: save_npz(model, asked.npz, *choice, asked.batch_size, bar))
    elif asked.grid:
        made = save_grid(model, asked.out / "grid.png", *choice, asked.columns)
    else:
        with_bar("Drawing", lambda bar: save_files(model, asked.out, *choice, bar))
        made = asked.out
    print(f"{asked.count:,} works by {model.name}: {made}")


# ---------------------------------------------------------------------------------------------- runs


def runs_verb(arguments: list[str]) -> None:
    import tyro

    @dataclass(frozen=True)
    class Runs:
        """List the runs below a folder, with recipe, progress, state and newest preview."""

        folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")] = field(default=Path("runs"))
        """Where to look."""

    folder = parse(Runs, "runs", arguments).folder
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from .runs import list_runs
    from .sources.artwork import printable

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


VERBS = {"prepare": prepare_verb, "train": train_verb, "sample": sample_verb, "runs": runs_verb}
