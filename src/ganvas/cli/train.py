"""`ganvas train`."""

import dataclasses
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..registry import recipes
from . import common

if TYPE_CHECKING:
    from ..config import Recipe
    from ..dataset import Dataset


def train_verb(arguments: list[str]) -> None:
    import tyro

    from ..advice import AUTO, USUAL
    from ..config import Recipe

    @dataclass(frozen=True)
    class Train:
        """Learn from pictures. Ctrl-C saves; the same command goes on where it stopped.

        Several processes: python -m torch.distributed.run --nproc-per-node 2 -m ganvas train ...
        """

        data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
        """A source's name (digits, shapes, openmoji) or a path: pictures, idx files, or what `ganvas prepare` made."""
        settings: Annotated[Recipe, tyro.conf.arg(name="")]
        """The recipe's settings; each can be changed."""
        recipe: str = "auto"
        """auto looks at the pictures and the machine, decides, and says why; canvas, grow, projected, dcgan or classic
        are taken as they are. The settings below are this recipe's."""
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
        size: Annotated[str | None, tyro.conf.arg(metavar="SIZE", aliases=["--size-px"])] = None
        """Pixels: 64, or 96x64. As in ganvas prepare, which has more choices."""
        alpha: bool | None = None
        """Learn transparency, too; None: with auto, where at least half of the works use it, else not."""
        width: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
        """Channels of the nets where they are narrowest; the wider levels follow. More learn more, and more slowly."""
        checkpoint_seconds: float = 60.0
        """Between two checkpoints: the most that a kill can cost."""
        evaluate_every: Annotated[str | None, tyro.conf.arg(metavar="PERIOD")] = None
        """Score the averaged generator this often, and at the end, on pictures kept from training: 2m (minutes of
        training) or 20kimg. The scores go into metrics.jsonl; the best generator is kept."""
        best_by: str = "kernel"
        """The score by which the best generator is kept, for ganvas sample --best."""
        captions: Literal["auto", "on", "off"] = "auto"
        """Learn from the pictures' captions, so that works can be made to order; auto: where most of their words are
        seen often enough."""
        text_encoder: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """A folder with a sentence model of transformers, which then reads the captions (docs/words.md)."""
        start_from: Annotated[str | None, tyro.conf.arg(name="from", metavar="RUN")] = None
        """Begin with what was learned before: a base model's name (drawings, emblems), a run folder, or an
        ema.safetensors (which has no D). none: begin from nothing."""
        few: bool = False
        """Try with 10 different works or fewer, too: expect copies and blends of them, no more."""
        doctor: Literal["warn", "auto", "off"] = "warn"
        """When learning goes wrong: warn says so; auto also goes back to the last healthy checkpoint and changes the
        settings, within limits; off does not look."""
        json: bool = False
        """One JSON object a line instead of the progress bar."""

    name = recipe_named_in(arguments)
    settings = recipes.get(USUAL if name == AUTO else name)()
    asked = common.parse(Train, "train", arguments, Train(data=tyro.MISSING, settings=settings, recipe=name))
    from ..api import advised, again_at, budget_of
    from ..dataset import prepare
    from ..training.machine import accelerator

    lines: tuple[str, ...] = ()
    alpha = asked.alpha if name == AUTO else bool(asked.alpha)
    with accelerator().main_process_first():
        dataset = common.with_bar(
            "Preparing pictures", lambda progress: prepare(asked.data, asked.size, alpha=alpha, progress=progress)
        )
        if name == AUTO:
            budget = budget_of(asked.minutes, asked.kimg, asked.epochs)
            again = again_at(asked.data, alpha) if asked.size is None else None
            dataset, advice = advised(dataset, budget, asked.out, asked.seed, asked.labels, again)
            lines = tuple(as_said(line, arguments) for line in advice.lines)
            decided = Train(data=tyro.MISSING, settings=advice.recipe, recipe=name)
            asked = common.parse(Train, "train", arguments, decided)  # what was said outright counts for more
            if asked.start_from is None:
                asked = dataclasses.replace(asked, start_from=advice.base_of(asked.settings))
                if asked.start_from != advice.base:
                    no_base = "Base model: none, it has other latents or tones than you asked for."
                    lines = (lines[0], no_base, *lines[2:])
    train(dataset, asked, lines)


def recipe_named_in(arguments: list[str]) -> str:
    """The recipe asked for: the other options' defaults, and the nets' options, depend on it."""
    from ..advice import AUTO

    name = AUTO
    for number, argument in enumerate(arguments):  # the last one counts, as it does for tyro
        if argument.startswith("--recipe="):
            name = argument.removeprefix("--recipe=")
        if argument == "--recipe" and number + 1 < len(arguments):
            name = arguments[number + 1]
    return name


def as_said(line: str, arguments: list[str]) -> str:
    """The line of advice; where an option that it names was given, that this counts instead."""
    given = {argument.split("=")[0] for argument in arguments}
    return f"{line.split(':')[0]}: as you said." if given & set(re.findall("--[a-z-]+", line)) else line


def with_width(settings: "Recipe", width: int) -> "Recipe":
    """The recipe with nets of another width, and no narrower where they are widest. Raises UsageError."""
    from ..config import check

    net: Any = settings.net
    fields = {field.name for field in dataclasses.fields(net)}
    check("width" in fields, "--width", width, f"left out with --recipe {settings.name}, whose nets have no one width")
    changes = {"width": width}
    if "max_width" in fields:
        changes["max_width"] = max(width, round(net.max_width * width / net.width))
    return dataclasses.replace(settings, net=dataclasses.replace(net, **changes))


def train(dataset: "Dataset", asked: Any, advice: tuple[str, ...]) -> None:
    import signal

    from ..api import make_trainer
    from ..terminal import consume, show, show_reading
    from ..training.interrupt import on_interrupt

    trainer = make_trainer(
        dataset,
        asked.settings if asked.width is None else with_width(asked.settings, asked.width),
        minutes=asked.minutes,
        kimg=asked.kimg,
        epochs=asked.epochs,
        out=asked.out,
        seed=asked.seed,
        labels=asked.labels,
        captions=asked.captions,
        checkpoint_seconds=asked.checkpoint_seconds,
        evaluate_every=asked.evaluate_every,
        best_by=asked.best_by,
        doctor=asked.doctor,
        start_from=asked.start_from,
        text_encoder=asked.text_encoder,
        few=asked.few,
        progress=show_reading("json" if asked.json else "auto"),
    )
    main_process = trainer.accelerator.is_main_process
    if main_process:
        (common.report_json if asked.json else common.report)(dataset)
        if advice:
            print(json.dumps({"event": "advised", "lines": advice}) if asked.json else "\n".join(advice))
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
