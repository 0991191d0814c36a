"""`ganvas evaluate`."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..errors import UsageError
from . import common

if TYPE_CHECKING:
    from ..evaluation.report import Report
    from ..model import Model


def evaluate_verb(arguments: list[str]) -> None:
    import tyro

    @dataclass(frozen=True)
    class Evaluate:
        """How good, how varied and how original a run's works are: each score beside that of real pictures.

        Prints a table and writes report.html (pictures, curves, every number explained) and report.json. Several
        processes: python -m torch.distributed.run --nproc-per-node 2 -m ganvas evaluate RUN
        """

        run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
        """A run folder, or an ema.safetensors file."""
        data: Annotated[str | None, tyro.conf.arg(metavar="DATA")] = None
        """Real pictures to compare with; by default those that the run learned from, of which it uses the ones kept
        from training: the test split, or the share --holdout."""
        count: int = 10_000
        """Works to draw, and real pictures to compare them with; fewer where there are fewer real pictures."""
        metrics: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="NAME")] = None
        """Only these scores, such as: frechet kernel coverage copying. By default all that can be told."""
        features: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
        """What the scores see through: digits, effnet, random or inception; by default what suits the pictures. Not
        effnet for a run of the recipe projected, which learned from it."""
        weights: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """A file of weights for the features digits or inception."""
        against: Literal["held-out", "training"] | None = None
        """Compare with pictures kept from training, or with those learned from; by default the former where there are
        enough."""
        alignment: bool = False
        """Instead of the scores: how well works suit the words that they were asked for, of a run that learned from
        captions; up to 500 works. Prints a table and writes alignment.json."""
        text_encoder: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Where the sentence model lies now that reads the run's captions, if it was moved."""
        seed: int = 0
        """The first work's seed; the next ones count up."""
        best: bool = False
        """Take the checkpoint that scored best while it learned (train with --evaluate-every), not the newest."""
        out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Folder for the reports; by default the run's, or the current one for a single file."""
        json: bool = False
        """Print the report as JSON instead of a table."""

    asked = common.parse(Evaluate, "evaluate", arguments)
    evaluate(asked)


def evaluate(asked: Any) -> None:
    from rich.console import Console

    from ..evaluation.table import show_report
    from ..files import make_folder, write_file
    from ..opening import open_model
    from ..training.machine import accelerator

    leads = accelerator().is_main_process
    model = open_model(asked.run, asked.best, asked.text_encoder)
    folder = asked.out or model.folder or Path()
    if leads:  # before minutes are spent: can anything be written there?
        write_file(make_folder(folder) / ".report.tmp", "")
        (folder / ".report.tmp").unlink()
    if asked.alignment:
        if leads:
            evaluate_alignment(asked, model, folder)
        return
    options = {name: getattr(asked, name) for name in ("count", "features", "weights", "against", "seed")}
    report = common.with_stages(
        lambda progress: model.evaluate(asked.data, asked.metrics, progress=progress, **options),
        is_quiet=asked.json or not leads,
    )
    if not leads:
        return
    if asked.json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        show_report(report, Console(width=None if sys.stdout.isatty() else 120))
    save(report, folder, model)
    if not asked.json:
        print(f"See it with pictures: {shlex.quote(str(folder / 'report.html'))}")


def evaluate_alignment(asked: Any, model: "Model", folder: Path) -> None:
    from ..evaluation.alignment import measure
    from ..evaluation.data import real_pictures
    from ..files import write_file

    for name in ("metrics", "features", "weights", "against"):
        if getattr(asked, name) is not None:
            raise UsageError(f"--alignment is measured by a judge of its own; leave out --{name}.")
    own, other = real_pictures(asked.data, model.config, model.folder, model.name)
    if own is None or other is not None:
        raise UsageError("Alignment is measured on the pictures that the run learned from; leave out --data.")
    train, held = own.split(model.config.recipe.holdout, model.config.seed)
    found = measure(model.drawer, own, train, held, asked.seed)
    write_file(folder / "alignment.json", json.dumps(found.to_json(), indent=1) + "\n")
    print(json.dumps(found.to_json()) if asked.json else found.table())


def save(report: "Report", folder: Path, model: "Model") -> None:
    """report.json and report.html, the latter with the curves of the run."""
    from ..evaluation.page import save_page
    from ..runs import Run

    report.save(folder / "report.json")
    run = Run(model.folder, model.config) if model.folder else None
    stats, metrics = (run.read("stats.jsonl"), run.read("metrics.jsonl")) if run else ((), ())
    save_page(report, folder / "report.html", stats, metrics)
