"""The library's front door: prepare, train, open; a `Model` draws `Work`s."""

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import __version__
from .advice import AUTO, NO_BASE, Advice, decide, look
from .config import Budget, Recipe, TextEncoder, check, parse_every
from .dataset import Dataset, prepare
from .errors import UsageError
from .model import Model
from .opening import open_model, untrained
from .registry import recipes
from .run_config import MOST_CAPTIONS, MOST_WORDS, RunConfig
from .runs import Run
from .sentences import Progress, described, quietly
from .sources.walk import is_prepared
from .terminal import show, show_reading
from .training import machine
from .training.events import Event
from .training.few import check_enough
from .training.inherit import Heritage
from .training.interrupt import on_interrupt
from .training.judging import Judging
from .training.probe import rate_of
from .training.reading import read_ahead
from .training.trainer import Trainer
from .words import LEARNABLE, Tally, words_of
from .work import Work

__all__ = ["Model", "Work", "fit", "open_model", "prepare", "recipe", "train"]


def recipe(name: str) -> Recipe:
    """The recipe of that name, to look at or to change: `dataclasses.replace(gv.recipe("canvas"), batch_size=8)`.

    Raises UnknownName.
    """
    return recipes.get(name)()


def train(
    data: Dataset | str | Path,
    recipe: str | Recipe = AUTO,
    *,
    minutes: float | None = None,
    kimg: float | None = None,
    epochs: float | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    labels: bool = True,
    captions: str = "auto",
    checkpoint_seconds: float = 60.0,
    evaluate_every: str | float | None = None,
    best_by: str = "kernel",
    doctor: str = "warn",
    start_from: str | Path | None = None,
    text_encoder: str | Path | None = None,
    few: bool = False,
    display: str = "auto",
) -> Run:
    """Learns from pictures until the length given is reached, showing progress. The same call resumes.

    data: a prepared `Dataset`, a source's name ("digits") or a path, which is then prepared first.
    recipe: a name, or a Recipe of your own; "auto" looks at the pictures and the machine, decides, and says why.
    minutes, kimg, epochs: the run's length, one of them; 5 minutes when none is given. kimg: thousands of pictures.
    out: the run folder; by default runs/DATA-RECIPE.
    labels: False ignores the pictures' labels.
    captions: "on" or "off"; "auto" learns from captions where most of their words are seen often enough.
    checkpoint_seconds: the most that a kill can cost.
    evaluate_every: score the averaged generator this often, and at the end, on pictures kept from training; "2m",
        "2 minutes" (of training) or "20 kimg", a number is minutes. Into metrics.jsonl; not counted as training.
    best_by: the score by which the best generator is kept, for `ganvas.open(out, best=True)`.
    doctor: "warn" says what goes wrong while it learns; "auto" also goes back to the last healthy checkpoint and
        changes the settings, within limits (docs/doctor.md); "off" does not look.
    start_from: a run, a base model's name (`ganvas.bases.names()`) or a file of either, whose weights a new run begins
        with, as far as they fit.
    text_encoder: a folder with a sentence model (docs/words.md), which then reads the captions.
    few: True tries with 10 different works or fewer, too, of which no more than copies and blends can be expected.
    display: "rich", "plain", "json", "none", or "auto": rich on a terminal, else plain.
    Raises KeyboardInterrupt after Ctrl-C or SIGTERM, when all is saved, and
    GanvasError (errors.py): for pictures, settings, a folder with another run, a full disk, a broken game.
    """
    trainer = make_trainer(
        data,
        recipe,
        minutes=minutes,
        kimg=kimg,
        epochs=epochs,
        out=out,
        seed=seed,
        labels=labels,
        captions=captions,
        checkpoint_seconds=checkpoint_seconds,
        evaluate_every=evaluate_every,
        best_by=best_by,
        doctor=doctor,
        start_from=start_from,
        text_encoder=text_encoder,
        few=few,
        progress=show_reading(display),
    )
    if display not in ("none", "json") and trainer.accelerator.is_main_process:
        print(*trainer.advice, sep="\n")
    with on_interrupt(trainer.stop) as came:
        finished = show(trainer.fit(), display if trainer.accelerator.is_main_process else "none")
    if came and not finished.done:
        raise KeyboardInterrupt  # saved; but a script that goes on would take half a run for a whole one
    return trainer.run


def fit(
    data: Dataset | str | Path,
    recipe: str | Recipe = AUTO,
    *,
    minutes: float | None = None,
    kimg: float | None = None,
    epochs: float | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    labels: bool = True,
    captions: str = "auto",
    checkpoint_seconds: float = 60.0,
    evaluate_every: str | float | None = None,
    best_by: str = "kernel",
    doctor: str = "warn",
    start_from: str | Path | None = None,
    text_encoder: str | Path | None = None,
    few: bool = False,
) -> Iterator[Event]:
    """`train` as a generator of events (training/events.py), for programs that draw their own progress."""
    return make_trainer(
        data,
        recipe,
        minutes=minutes,
        kimg=kimg,
        epochs=epochs,
        out=out,
        seed=seed,
        labels=labels,
        captions=captions,
        checkpoint_seconds=checkpoint_seconds,
        evaluate_every=evaluate_every,
        best_by=best_by,
        doctor=doctor,
        start_from=start_from,
        text_encoder=text_encoder,
        few=few,
    ).fit()


def make_trainer(
    data: Dataset | str | Path,
    recipe: str | Recipe = AUTO,
    *,
    minutes: float | None = None,
    kimg: float | None = None,
    epochs: float | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    labels: bool = True,
    captions: str = "auto",
    checkpoint_seconds: float = 60.0,
    evaluate_every: str | float | None = None,
    best_by: str = "kernel",
    doctor: str = "warn",
    start_from: str | Path | None = None,
    text_encoder: str | Path | None = None,
    few: bool = False,
    clock: Callable[[], float] = time.monotonic,
    progress: Progress = quietly,
) -> Trainer:
    """The trainer of a new run, or of the run in `out` when its settings are the same. Arguments as in `train`.

    progress: called with how many captions a sentence model has read, and of how many.
    clock: by which minutes are counted; `time.process_time` makes them minutes of CPU.
    """
    budget = budget_of(minutes, kimg, epochs)
    check(type(seed) is int, "seed", seed, "a whole number")
    check(checkpoint_seconds > 0, "checkpoint_seconds", checkpoint_seconds, "above 0")
    every = None if evaluate_every is None else parse_every(evaluate_every)
    with machine.accelerator().main_process_first():  # one process prepares and makes the folder, the others find them
        alpha = None if recipe == AUTO else False  # None: kept where the works use it
        dataset = data if isinstance(data, Dataset) else prepare(data, alpha=alpha)
        advice = None
        if recipe == AUTO:
            dataset, advice = advised(dataset, budget, out, seed, labels, again_at(data, alpha))
            recipe, start_from = advice.recipe, advice.base if start_from is None else start_from
        resolved = recipe if isinstance(recipe, Recipe) else recipes.get(recipe)()
        folder = folder_of(dataset, resolved.name, out)
        began = Run.find(folder).config if (folder / "run.json").is_file() else None
        if began is not None and began.text_encoder is not None and text_encoder is None:
            text_encoder = began.text_encoder.path
        if captions == "auto" and began is not None:  # it goes on as it began
            captions = "on" if began.words else "off"
        encoder = None if text_encoder is None else encoder_of(text_encoder, captions)
        config = run_config(dataset, resolved, budget, seed, labels, captions, encoder)
        check_trainable(config)  # before anything is written
        if not few and began is None:  # a run that has begun may go on
            check_enough(dataset, dataset.split(resolved.holdout, seed)[0])
        heritage = None if start_from in (None, NO_BASE) else Heritage.of(start_from, config.shape)
        if heritage is not None:
            heritage.check(config)
            config = replace(config, parent=heritage.name)
        judging = judging_of(config, dataset, every, best_by)
        run = Run.create(folder, config)
        if encoder is not None:
            read_ahead(dataset, encoder, progress)
    trainer = Trainer(run, dataset, checkpoint_seconds, judging, clock, doctor, heritage)
    trainer.advice = () if advice is None else advice.lines
    return trainer


def budget_of(minutes: float | None, kimg: float | None, epochs: float | None) -> Budget:
    """A run's length, given once; 5 minutes by default. Raises UsageError."""
    given = [(unit, n) for unit, n in (("minutes", minutes), ("kimg", kimg), ("epochs", epochs)) if n is not None]
    if len(given) > 1:
        raise UsageError(f"Give the run's length once, not by {' and '.join(unit for unit, _ in given)}.")
    unit, amount = given[0] if given else ("minutes", 5.0)
    return Budget(unit, amount)  # type: ignore[arg-type]


def encoder_of(path: str | Path, captions: str) -> TextEncoder:
    """The sentence model in a folder. Raises UsageError where there is none, or captions are not to be read."""
    check(captions != "off", "captions", captions, "on or auto with a sentence model to read them")
    return described(path)


def folder_of(dataset: Dataset, recipe_name: str, out: str | Path | None) -> Path:
    """The run's folder."""
    return Path(out) if out else Path("runs") / f"{dataset.source}-{recipe_name}"


def again_at(data: Dataset | str | Path, alpha: bool | None) -> Callable[[str], Dataset] | None:
    """What prepares the same pictures at another size; None where they are prepared already."""
    return None if isinstance(data, Dataset) or is_prepared(Path(data)) else partial(prepare, data, alpha=alpha)


def advised(
    dataset: Dataset,
    budget: Budget,
    out: str | Path | None,
    seed: int,
    labels: bool,
    again: Callable[[str], Dataset] | None,
) -> tuple[Dataset, Advice]:
    """What `recipe="auto"` does with these pictures, and the pictures themselves, which may be of another size then.

    again: prepares them at another size; None to leave the size as it is.
    """
    found = look(dataset)

    def images_per_second() -> float:
        return rate_of(run_config(dataset, recipes.get(found.best)(), budget, seed, labels), dataset)

    alone = machine.accelerator().num_processes == 1  # several would measure, and decide, differently
    folder = folder_of(dataset, found.best, out)
    return decide(dataset, found, budget, folder, again, images_per_second if alone else None)


def judging_of(config: RunConfig, dataset: Dataset, every: Budget | None, best_by: str) -> Judging | None:
    """Who scores the run while it learns, and how often. Raises UsageError when that cannot work."""
    if every is None:
        check(best_by == "kernel", "best_by", best_by, "left out unless evaluate_every says how often to score")
        return None
    from .evaluation.judge import make_judge  # the scores take a moment to import

    return Judging(every, make_judge(config, dataset, best_by, machine.accelerator().device))


def check_trainable(config: RunConfig) -> None:
    """Raises UsageError when the nets cannot be built for these pictures, or the batch not be shared."""
    untrained(config, "meta")
    with torch.device("meta"):
        config.recipe.net.discriminator(config.shape, config.asked)
    machine.check_shares(config.recipe, machine.accelerator().num_processes)


def what_is_said(dataset: Dataset, works: np.ndarray, recipe: Recipe, captions: str) -> dict[str, Any]:
    """The fields `words` and `captions` of a run that learns from captions; {} where it does without.

    Raises UsageError for captions asked for that are not there, or that the recipe does not read.
    """
    check(captions in ("auto", "on", "off"), "captions", captions, "auto, on or off")
    if captions == "off" or (captions == "auto" and not recipe.text_dim):
        return {}
    said, tally = dataset.captions(), Tally()
    for work in works:
        tally.add(said[work])
    if captions == "on":
        check(recipe.text_dim > 0, "text_dim", recipe.text_dim, "above 0 with captions on")
        check(bool(tally.words), "captions", captions, "off or auto for pictures without captions, as these are")
    elif tally.learnable() < LEARNABLE:
        return {}
    words = tuple(word for word, _ in tally.words.most_common(MOST_WORDS))
    told: list[tuple[str, int]] = []
    for work in np.random.default_rng(0).permutation(works):
        if len(told) == MOST_CAPTIONS:
            break
        known = [text for text in said[work] if not set(words).isdisjoint(words_of(text))]
        told += [(known[len(told) % len(known)], int(dataset.labels[work]))] if known else []
    return {"words": words, "captions": tuple(told)}


def run_config(
    dataset: Dataset,
    recipe: Recipe,
    budget: Budget,
    seed: int,
    labels: bool,
    captions: str = "off",
    encoder: TextEncoder | None = None,
) -> RunConfig:
    """What `run.json` will say. encoder: a sentence model to read the captions, which are then learned from."""
    train_works, _ = dataset.split(recipe.holdout, seed)
    trained = dataset.labels[train_works]
    names = dataset.label_names if labels and (trained >= 0).any() else ()
    said = what_is_said(dataset, train_works, recipe, "on" if encoder else captions)
    if said:  # without a label, or in a run without labels: the number after the last one
        told = ((text, label if names and label >= 0 else len(names)) for text, label in said["captions"])
        said["captions"] = tuple(told)
    return RunConfig(
        recipe=recipe,
        budget=budget,
        seed=seed,
        shape=dataset.shape,
        label_names=tuple(names),
        label_counts=tuple(np.bincount(trained[trained >= 0], minlength=len(names)).tolist()) if names else (),
        data=dataset.source,
        data_digest=dataset.digest,
        **said,
        text_encoder=encoder,
        versions=(f"ganvas {__version__}", f"Python {platform.python_version()}", f"torch {torch.__version__}"),
    )
