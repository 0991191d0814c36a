"""`Model`, a trained generator, draws `Work`s: pictures that know how they came about."""

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
from .config import check
from .errors import CheckpointError, RunNotFound, UnknownName, UsageError
from .pictures import save_png, to_image
from .registry import nearest
from .runs import Run, RunConfig, read_header, read_tensors
from .tensors import seeded, to_uint8
from .training import machine
from .training.state import check_fits, load_net

BATCH = 100
"""Works drawn at once."""


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


def build_generator(config: RunConfig, device: str) -> nn.Module:
    """An untrained G; on the device "meta" it has shapes and takes no memory."""
    with torch.device(device):
        return config.recipe.net.generator(config.shape, config.recipe.latent_dim, len(config.label_names))


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
