"""`Model`, a trained generator, draws `Work`s: pictures that know how they came about."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from . import __version__
from .config import check
from .dataset import Dataset
from .drawing import BATCH, Drawer
from .errors import CheckpointError, RunNotFound, UsageError
from .evaluation.choice import Against, choose
from .evaluation.collect import Progress, quietly
from .evaluation.data import real_pictures
from .evaluation.evaluate import all_scores, evaluate, extractor_for
from .evaluation.report import Report
from .evaluation.team import Team
from .pictures import save_png, to_image
from .runs import Run, RunConfig, read_header, read_tensors
from .training import machine
from .training.state import check_fits, load_net

JUDGED = (
    "There is no test split, so these held-out pictures were also looked at while the run learned (--evaluate-every): "
    "the scores of the best checkpoint flatter a little."
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
    """A trained generator. Get one with `ganvas.open`. `folder` is its run's; None for a single file."""

    def __init__(
        self,
        generator: nn.Module,
        config: RunConfig,
        name: str,
        kimg: float,
        device: torch.device,
        folder: Path | None = None,
    ) -> None:
        self.generator = generator.eval().requires_grad_(False).to(device)
        self.config, self.name, self.kimg, self.device, self.folder = config, name, kimg, device, folder
        self.drawer = Drawer(self.generator, config, name, device)

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
        numbers = self.drawer.label_numbers(seeds, label)
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
        return self.drawer.pixels(seeds, label=label, truncation=truncation, batch_size=batch_size)

    def latent(self, seed: int) -> torch.Tensor:
        """z of a seed: (latent_dim,) normals that depend on the seed alone."""
        return self.drawer.latent(seed)

    def evaluate(
        self,
        data: Dataset | str | Path | None = None,
        scores: Sequence[str] | None = None,
        *,
        count: int = 10_000,
        seed: int = 0,
        features: str | nn.Module | None = None,
        weights: str | Path | None = None,
        against: Against | None = None,
        progress: Progress = quietly,
    ) -> Report:
        """How good, how varied and how original its works are, each number beside that of real pictures.

        data: real pictures to compare with, as `ganvas.prepare` takes them; None for those that it learned from, of
            which those kept from training are taken: the test split, if there is one.
        scores: names, such as "frechet", "kernel", "coverage", "copying"; None for all. A score that would be noise or
            has no meaning here is in the report's `left_out`, with the reason.
        count: works, at least 100; fewer where there are fewer real pictures. Drawn without truncation, from `seed` on.
        features: what the scores see through: "digits", "effnet", "random", "inception", or a module that maps
            (n, C, H, W) pictures in [-1, 1] to (n, dim) numbers; None for what suits the pictures. Never those that
            the recipe learned from.
        weights: a file for those features that take one.
        against: "held-out" or "training": compare with pictures kept from training, or with those learned from; None
            takes the former where there are enough.
        progress: called with what is being done, how much is done, and of how much.
        Raises UsageError, UnknownName, DataError, StorageError.
        """
        wanted = all_scores(scores)
        accelerator = machine.accelerator()
        with accelerator.main_process_first():  # one process prepares, the others find it done
            own, other = real_pictures(data, self.config, self.folder, self.name)
        choice = choose(self.config, own, other, count, against)
        path = None if weights is None else Path(weights)
        extractor, warnings = extractor_for(choice, features, path, self.config.recipe)
        if self.folder is not None and "held-out" in choice.compared_with and was_judged(self.folder, self.config):
            warnings = (*warnings, JUDGED)
        return evaluate(
            self.drawer,
            choice,
            wanted,
            extractor,
            kimg=self.kimg,
            seed=seed,
            team=Team(accelerator),
            warnings=warnings,
            progress=progress,
        )


def was_judged(folder: Path, config: RunConfig) -> bool:
    """Whether scores on held-out pictures were taken while the run learned."""
    return any("scores" in record for record in Run(folder, config).read("metrics.jsonl"))


def build_generator(config: RunConfig, device: str) -> nn.Module:
    """An untrained G; on the device "meta" it has shapes and takes no memory."""
    with torch.device(device):
        return config.recipe.net.generator(config.shape, config.recipe.latent_dim, len(config.label_names))


def open_model(path: str | Path, best: bool = False) -> Model:
    """The model of a run folder (its newest checkpoint), or of an ema.safetensors file that somebody sent you.

    best: of a run folder the generator that scored best while it learned (train's `evaluate_every`, `best_by`).
    Safe with files from strangers: nothing in them is executed. Raises RunNotFound, CheckpointError, UsageError.
    """
    path = Path(path)
    machine.keep_freed_memory()
    if path.is_file():
        if best:
            raise UsageError(f"{path} is one generator, and which is best is known in a run folder. Leave out best.")
        (config, name, kimg), tensors = read_header(path), read_tensors(path)
    else:
        run = Run.find(path)
        readable = run.best() if best else run.latest()
        if readable is None and best:
            raise RunNotFound(f"{path} has no best checkpoint; train with --evaluate-every.")
        if readable is None:
            raise RunNotFound(f"{path} has no checkpoint yet. Train it first: ganvas train DATA --out {path}")
        config, tensors, name, kimg = run.config, readable.ema(), path.resolve().name, readable.kimg
    try:
        check_fits(build_generator(config, "meta"), tensors)  # a stranger's file may ask for a net of any size
        generator = build_generator(config, "cpu")
        load_net(generator, tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    place = int(os.environ.get("LOCAL_RANK", "0"))  # of several processes each has a GPU of its own
    device = torch.device("cuda", place) if torch.cuda.is_available() else torch.device("cpu")
    return Model(generator, config, name, kimg, device, folder=None if path.is_file() else path)
