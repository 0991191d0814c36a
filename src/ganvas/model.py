"""`Model`, a trained generator, draws `Work`s: pictures that know how they came about."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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
from .explore.directions import METHODS, Direction, Studied, apart, find, steered, taught
from .explore.latent import Latent, centre_of, from_text, generator_of, of_seeds, to_text
from .explore.reading import reader
from .explore.store import load_directions, pick, save_directions
from .nets.generator import Generator
from .pictures import read_text, save_png, to_image
from .runs import Run, RunConfig, read_header, read_tensors
from .training import machine
from .training.state import check_fits, load_net

JUDGED = (
    "There is no test split, so these held-out pictures were also looked at while the run learned (--evaluate-every): "
    "the scores of the best checkpoint flatter a little."
)


@dataclass(frozen=True, eq=False)
class Work:
    """A picture that a model drew, and all that is needed to draw it again."""

    pixels: np.ndarray
    """(H, W, C) uint8."""
    latent: Latent
    """What it was drawn from, and how that was made."""
    model: "Model"

    @property
    def image(self) -> Image.Image:
        """As a Pillow image."""
        return to_image(self.pixels)

    @property
    def seed(self) -> int | None:
        """None for a work that was steered, mixed or otherwise made of others."""
        return None if "of" in self.latent.lineage else self.latent.lineage.get("seed")

    @property
    def label(self) -> str | None:
        """What it was asked to be."""
        return self.latent.label

    def steer(self, direction: Direction | str, amount: float) -> "Work":
        """The work, so much further along a direction: one of `Model.directions`, or its name.

        amount: in deviations among works; -3 to 3 is usual. Raises UnknownName, UsageError.
        """
        if isinstance(direction, str):
            direction = pick(self.model.known_directions(), direction)
        return self.model.draw([steered(self.latent, direction, amount)])[0]

    def text(self) -> dict[str, str]:
        """What the PNG carries as text."""
        lineage, model = self.latent.lineage, self.model
        seed = {} if self.seed is None else {"seed": str(self.seed), "truncation": f"{lineage['truncation']:g}"}
        label = {} if self.label is None else {"label": self.label}
        return {
            "Software": f"ganvas {__version__}",
            "run": model.name,
            "recipe": model.recipe,
            "kimg": f"{model.kimg:.3f}",
            "generator": model.fingerprint,
            **seed,
            **label,
            **to_text(self.latent),
        }

    def save(self, path: str | Path) -> Path:
        """Writes a PNG that carries run, recipe, label and lineage as text, so that it can be drawn again from its
        file alone (`Model.like`). Raises StorageError."""
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
        self._unkept: tuple[Direction, ...] = ()

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
        return self.draw(self.latents(range(seed, seed + count), label=label, truncation=truncation))

    def latents(self, seeds: Sequence[int], *, label: str | int | None = None, truncation: float = 1.0) -> list[Latent]:
        """What the works of `seeds` are drawn from. Arguments and errors as in `sample`."""
        return of_seeds(self.drawer, seeds, label, truncation)

    def draw(self, latents: Sequence[Latent]) -> list[Work]:
        """The works of latents, as `ganvas.explore` makes them."""
        return [Work(pixels, one, self) for pixels, one in zip(self.drawn(latents), latents, strict=True)]

    @property
    def steered(self) -> Generator:
        """The generator with its styles. Raises UsageError for nets of another package that have none."""
        return generator_of(self.drawer)

    @property
    def maps(self) -> bool:
        """Whether it has a mapping network, so that styles need not be as normals are."""
        return self.config.recipe.net.maps

    def centres(self, latents: Sequence[Latent]) -> list[np.ndarray]:
        """Of each the most typical styles of its label."""
        return [centre_of(self.drawer, one) for one in latents]

    def drawn(self, latents: Sequence[Latent]) -> np.ndarray:
        """(n, H, W, C) uint8 pictures of latents."""
        parts = [latents[start : start + BATCH] for start in range(0, len(latents), BATCH)]
        return np.concatenate(
            [self.drawer.drawn(torch.from_numpy(np.stack([one.styles for one in part]))) for part in parts]
        )

    def directions(self, count: int = 8, methods: Sequence[str] = METHODS[:3]) -> list[Direction]:
        """Directions in which its works change, found now and kept in the run's folder: `count` by each method.

        methods: "sefa" (in closed form), "pca" (what varies most), "label" (from other labels to one).
        Takes some seconds. Raises UsageError, StorageError.
        """
        found = find(self.studied, count, methods)
        kept = [one for one in self.known_directions(of_any=True) if one.method == "taught"]
        self._keep(apart([*found, *kept]))
        return found

    def known_directions(self, of_any: bool = False) -> list[Direction]:
        """Those found or taught before. of_any: none, instead of an error, where they are an earlier generator's.

        Raises DataError, UsageError.
        """
        if self.folder is None:
            return list(self._unkept)
        shape = self.drawer.styles([0]).shape[1:]
        try:
            return load_directions(self.folder / "directions", tuple(shape), self.fingerprint)
        except UsageError:
            if of_any:
                return []
            raise

    def teach(self, more: Sequence[Latent], less: Sequence[Latent], name: str) -> Direction:
        """A direction from what somebody likes less to what they like more, kept under `name`. Raises UsageError."""
        check(0 < len(name) <= 60 and name.isprintable(), "name", name, "1 to 60 letters")
        direction = taught(self.studied, more, less, name)
        known = self.known_directions(of_any=True)
        lessons = {one.name: one.number for one in known if one.method == "taught"}
        direction = replace(direction, number=lessons.get(name, 1 + max(lessons.values(), default=0)))
        self._keep([*(one for one in known if one.name != name), direction])
        return direction

    def _keep(self, directions: list[Direction]) -> None:
        self._unkept = tuple(directions)
        if self.folder is not None:
            save_directions(self.folder / "directions", directions, self.fingerprint)

    @cached_property
    def studied(self) -> Studied:
        """Its works, drawn and measured once, for finding directions."""
        return Studied(self.drawer, reader(self.drawer))

    def like(self, path: str | Path) -> Latent:
        """What the work in a PNG file was drawn from, by what the file says. Raises DataError.

        Drawn again by the same generator (`explore.points.same_model` tells) it is the same picture.
        """
        return from_text(read_text(Path(path)), self.drawer, str(path))

    @cached_property
    def fingerprint(self) -> str:
        """Of the generator's weights: 16 hexadecimal digits."""
        digest = hashlib.sha256()
        for name, value in sorted(self.generator.state_dict().items()):
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

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
