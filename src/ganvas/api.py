"""The library's front door: prepare, train, open; a `Model` draws `Work`s."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from . import __version__
from .config import Budget, Recipe, check
from .dataset import Dataset, prepare
from .errors import CheckpointError, RunNotFound, UnknownName, UsageError
from .pictures import save_png, to_image
from .registry import nearest, recipes
from .runs import Run, RunConfig, read_header, read_tensors
from .tensors import seeded, to_uint8
from .terminal import show
from .training import machine
from .training.events import Event
from .training.interrupt import on_interrupt
from .training.state import check_fits, load_net
from .training.trainer import Trainer, check_shares

__all__ = ["Model", "Work", "fit", "open_model", "prepare", "recipe", "train"]

BATCH = 100
"""Works drawn at once."""


def recipe(name: str) -> Recipe:
    """The recipe of that name, to look at or to change: `dataclasses.replace(gv.recipe("canvas"), batch_size=8)`.

    Raises UnknownName.
    """
    return recipes.get(name)()


def train(
    data: Dataset | str | Path,
    recipe: str | Recipe = "canvas",
    *,
    minutes: float | None = None,
    kimg: float | None = None,
    epochs: float | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    labels: bool = True,
    checkpoint_seconds: float = 60.0,
    display: str = "auto",
) -> Run:
    """Learns from pictures until the length given is reached, showing progress. The same call resumes.

    data: a prepared `Dataset`, a source's name ("digits") or a path, which is then prepared first.
    recipe: a name, or a Recipe of your own.
    minutes, kimg, epochs: the run's length, one of them; 5 minutes when none is given. kimg: thousands of pictures.
    out: the run folder; by default runs/DATA-RECIPE.
    labels: False ignores the pictures' labels.
    checkpoint_seconds: the most that a kill can cost.
    display: "rich", "plain", "json", "none", or "auto": rich on a terminal, else plain.
    Raises KeyboardInterrupt after Ctrl-C or SIGTERM, when all is saved, and
    GanvasError (errors.py): for pictures, settings, a folder with another run, a full disk, a broken game.
    """
    trainer = make_trainer(data, recipe, minutes, kimg, epochs, out, seed, labels, checkpoint_seconds)
    with on_interrupt(trainer.stop) as came:
        finished = show(trainer.fit(), display if trainer.accelerator.is_main_process else "none")
    if came and not finished.done:
        raise KeyboardInterrupt  # saved; but a script that goes on would take half a run for a whole one
    return trainer.run


def fit(
    data: Dataset | str | Path,
    recipe: str | Recipe = "canvas",
    *,
    minutes: float | None = None,
    kimg: float | None = None,
    epochs: float | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    labels: bool = True,
    checkpoint_seconds: float = 60.0,
) -> Iterator[Event]:
    """`train` as a generator of events (training/events.py), for programs that draw their own progress."""
    return make_trainer(data, recipe, minutes, kimg, epochs, out, seed, labels, checkpoint_seconds).fit()


def make_trainer(
    data: Dataset | str | Path,
    recipe: str | Recipe,
    minutes: float | None,
    kimg: float | None,
    epochs: float | None,
    out: str | Path | None,
    seed: int,
    labels: bool,
    checkpoint_seconds: float,
) -> Trainer:
    """The trainer of a new run, or of the run in `out` when its settings are the same. Arguments as in `train`."""
    resolved = recipe if isinstance(recipe, Recipe) else recipes.get(recipe)()
    given = [(unit, n) for unit, n in (("minutes", minutes), ("kimg", kimg), ("epochs", epochs)) if n is not None]
    if len(given) > 1:
        raise UsageError(f"Give the run's length once, not by {' and '.join(unit for unit, _ in given)}.")
    unit, amount = given[0] if given else ("minutes", 5.0)
    budget = Budget(unit, amount)  # type: ignore[arg-type]
    check(type(seed) is int, "seed", seed, "a whole number")
    check(checkpoint_seconds > 0, "checkpoint_seconds", checkpoint_seconds, "above 0")
    with machine.accelerator().main_process_first():  # one process prepares and makes the folder, the others find them
        dataset = data if isinstance(data, Dataset) else prepare(data)
        config = run_config(dataset, resolved, budget, seed, labels)
        check_trainable(config)  # before anything is written
        run = Run.create(Path(out) if out else Path("runs") / f"{dataset.source}-{resolved.name}", config)
    return Trainer(run, dataset, checkpoint_seconds)


def check_trainable(config: RunConfig) -> None:
    """Raises UsageError when the nets cannot be built for these pictures, or the batch not be shared."""
    build_generator(config, "meta")
    with torch.device("meta"):
        config.recipe.net.discriminator(config.shape, len(config.label_names))
    check_shares(config.recipe.batch_size, machine.accelerator().num_processes)


def build_generator(config: RunConfig, device: str) -> nn.Module:
    """An untrained G; on the device "meta" it has shapes and takes no memory."""
    with torch.device(device):
        return config.recipe.net.generator(config.shape, config.recipe.latent_dim, len(config.label_names))


def run_config(dataset: Dataset, recipe: Recipe, budget: Budget, seed: int, labels: bool) -> RunConfig:
    """What `run.json` will say."""
    train_works, _ = dataset.split(recipe.holdout, seed)
    trained = dataset.labels[train_works]
    names = dataset.label_names if labels and (trained >= 0).any() else ()
    return RunConfig(
        recipe=recipe,
        budget=budget,
        seed=seed,
        shape=dataset.shape,
        label_names=tuple(names),
        label_counts=tuple(np.bincount(trained[trained >= 0], minlength=len(names)).tolist()) if names else (),
        data=dataset.source,
        data_digest=dataset.digest,
        versions=(f"ganvas {__version__}", f"Python {platform.python_version()}", f"torch {torch.__version__}"),
    )


@dataclass(frozen=True)
class Work:
    """A picture that a model drew, and all that is needed to draw it again."""

    pixels: np.ndarray
    """(H, W, C) uint8."""
    seed: int
    label: str | None
    truncation: float
    run: str
    recipe: str
    kimg: float

    @property
    def image(self) -> Image.Image:
        """As a Pillow image."""
        return to_image(self.pixels)

    def text(self) -> dict[str, str]:
        """What the PNG carries as text."""
        label = {} if self.label is None else {"label": self.label}
        return {
            "Software": f"ganvas {__version__}",
            "run": self.run,
            "recipe": self.recipe,
            "kimg": f"{self.kimg:.3f}",
            "seed": str(self.seed),
            "truncation": f"{self.truncation:g}",
            **label,
        }

    def save(self, path: str | Path) -> Path:
        """Writes a PNG that carries run, recipe, seed, label and truncation as text. Raises StorageError."""
        save_png(self.image, Path(path), self.text())
        return Path(path)

    def _repr_png_(self) -> bytes:
        """Shown by notebooks."""
        buffer = BytesIO()
        self.image.save(buffer, "PNG")
        return buffer.getvalue()


class Model:
    """A trained generator. Get one with `ganvas.open`."""

    def __init__(self, generator: nn.Module, config: RunConfig, name: str, kimg: float, device: torch.device) -> None:
        self.generator = generator.eval().requires_grad_(False).to(device)
        self.config, self.name, self.kimg, self.device = config, name, kimg, device

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of its works."""
        return self.config.shape

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels it can be asked for; empty when it learned without."""
        return self.config.label_names

    def sample(
        self, count: int = 16, seed: int = 0, *, label: str | int | None = None, truncation: float = 1.0
    ) -> list[Work]:
        """New works with seeds `seed` to `seed + count - 1`.

        label: one of `labels`; "none" draws without a label; None lets each work's seed choose among the labels in
        the proportion in which they were learned.   truncation: 1 is full variety, 0 the one most typical picture.
        The same seed gives the same work, whatever the count. Raises UnknownName, UsageError.
        """
        check(type(count) is int and count >= 1, "count", count, "a whole number of at least 1")
        seeds = range(seed, seed + count)
        pixels = (picture for batch in self.pixels(seeds, label=label, truncation=truncation) for picture in batch)
        numbers = self._label_numbers(seeds, label)
        return [
            Work(p, s, self.labels[y] if y < len(self.labels) else None, truncation, self.name, self.recipe, self.kimg)
            for p, s, y in zip(pixels, seeds, numbers, strict=True)
        ]

    @property
    def recipe(self) -> str:
        """The name of the recipe it learned by."""
        return self.config.recipe.name

    def pixels(
        self, seeds: Sequence[int], *, label: str | int | None = None, truncation: float = 1.0, batch_size: int = BATCH
    ) -> Iterator[np.ndarray]:
        """The works of `seeds` as (n, H, W, C) uint8 arrays of up to `batch_size`; for many, in flat memory.

        Other arguments and errors as in `sample`.
        """
        check(0 <= truncation <= 1, "truncation", truncation, "between 0 and 1")
        for start in range(0, len(seeds), batch_size):
            part = seeds[start : start + batch_size]
            # A normal latent's mean is 0, so truncation towards the mean is a factor. Karras et al. 2019, sect. B.
            z = torch.stack([self.latent(s) for s in part]).mul(truncation)
            y = torch.tensor(self._label_numbers(part, label))
            with torch.inference_mode():
                yield to_uint8(self.generator(z.to(self.device), y.to(self.device)))

    def latent(self, seed: int) -> torch.Tensor:
        """z of a seed: (latent_dim,) normals that depend on the seed alone."""
        return torch.randn(self.config.recipe.latent_dim, generator=seeded(seed, "latent"))

    def _label_numbers(self, seeds: Sequence[int], label: str | int | None) -> list[int]:
        """The number of each work's label; `len(labels)` is the null label."""
        if label is None and self.labels:
            return [self._label_of(seed) for seed in seeds]
        if label is None or (str(label) == "none" and "none" not in self.labels):
            return [len(self.labels)] * len(seeds)
        if not self.labels:
            raise UsageError(f"{self.name} learned without labels; leave out the label {label!r}.")
        if str(label) not in self.labels:
            raise UnknownName(f"No label {str(label)!r} in {self.name}.{nearest(str(label), self.labels)}")
        return [self.labels.index(str(label))] * len(seeds)

    @cached_property
    def _label_weights(self) -> torch.Tensor:
        return torch.tensor(self.config.label_counts, dtype=torch.float64)

    def _label_of(self, seed: int) -> int:
        return int(torch.multinomial(self._label_weights, 1, generator=seeded(seed, "label")))


def open_model(path: str | Path) -> Model:
    """The model of a run folder (its newest checkpoint), or of an ema.safetensors file that somebody sent you.

    Safe with files from strangers: nothing in them is executed. Raises RunNotFound, CheckpointError.
    """
    path = Path(path)
    machine.keep_freed_memory()
    if path.is_file():
        (config, name, kimg), tensors = read_header(path), read_tensors(path)
    else:
        run = Run.find(path)
        readable = run.latest()
        if readable is None:
            raise RunNotFound(f"{path} has no checkpoint yet. Train it first: ganvas train DATA --out {path}")
        config, tensors, name, kimg = run.config, readable.ema(), path.resolve().name, readable.kimg
    try:
        check_fits(build_generator(config, "meta"), tensors)  # a stranger's file may ask for a net of any size
        generator = build_generator(config, "cpu")
        load_net(generator, tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return Model(generator, config, name, kimg, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
