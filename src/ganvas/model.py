"""`Model`, a trained generator, draws `Work`s."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .config import check
from .dataset import Dataset
from .drawing import BATCH, Drawer
from .errors import UsageError
from .evaluation.choice import Against, choose
from .evaluation.collect import Progress, quietly
from .evaluation.data import own_dataset, real_pictures
from .evaluation.evaluate import all_scores, evaluate, extractor_for
from .evaluation.report import Report
from .evaluation.team import Team
from .explore.complete import Keep, completions
from .explore.directions import METHODS, Direction, Studied, apart, find, taught
from .explore.invert import check_picture, spread
from .explore.inverter import Inverter, load_inverter, make_inverter, save_inverter
from .explore.latent import Latent, centre_of, from_text, of_seeds, steerable
from .explore.near import Away, Nearest, away, variations
from .explore.originality import make_nearest
from .explore.own_pictures import as_works_are
from .explore.reading import reader
from .explore.store import load_directions, save_directions
from .explore.tile import tiles
from .nets.generator import Generator
from .pictures import read_text
from .prompts import Prompt
from .run_config import RunConfig
from .runs import Run
from .training import machine
from .work import Inverted, Work

JUDGED = (
    "There is no test split, so these held-out pictures were also looked at while the run learned (--evaluate-every): "
    "the scores of the best checkpoint flatter a little."
)


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
        self._inverter: Inverter | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of its works."""
        return self.config.shape

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels it can be asked for; empty when it learned without."""
        return self.config.label_names

    def sample(
        self,
        count: int = 16,
        seed: int = 0,
        *,
        label: str | int | None = None,
        truncation: float = 1.0,
        text: str | Prompt | None = None,
    ) -> list[Work]:
        """New works with seeds `seed` to `seed + count - 1`.

        label: one of `labels`; "none" draws without a label; None lets each work's seed choose among the labels in
        the proportion in which they were learned.   truncation: 1 is full variety, 0 the one most typical picture.
        text: what they are to show, for a model that learned from captions; a `ganvas.Prompt` can weigh words and mix
        texts. `Work.warnings` says what was not understood.
        The same seed gives the same work, whatever the count. Raises UnknownName, UsageError.
        """
        check(type(count) is int and count >= 1, "count", count, "a whole number of at least 1")
        return self.draw(self.latents(range(seed, seed + count), label=label, truncation=truncation, text=text))

    def complete(
        self,
        picture: str | Path | np.ndarray,
        keep: Keep = "top",
        count: int = 4,
        seed: int = 0,
        *,
        label: str | int | None = "none",
        truncation: float = 1.0,
        text: str | Prompt | None = None,
    ) -> list[Work]:
        """New works that begin as a picture of one's own: its upper or left half is given. For recipe `tokens`.

        picture: a file, which is brought to the works' size and colours, or an (H, W, C) uint8 array that has them.
        Other arguments and errors as in `sample`; raises DataError for a file that is no picture.
        """
        check(type(count) is int and count >= 1, "count", count, "a whole number of at least 1")
        named = "an array" if isinstance(picture, np.ndarray) else Path(picture).name
        pixels = picture if isinstance(picture, np.ndarray) else as_works_are(Path(picture), self.config, self.folder)
        check_picture(self.drawer, pixels)
        if text is not None and label == "none":
            label = None
        latents = self.latents(range(seed, seed + count), label=label, truncation=truncation, text=text)
        return self.draw(completions(self.drawer, pixels, named, keep, latents))

    def latents(
        self,
        seeds: Sequence[int],
        *,
        label: str | int | None = None,
        truncation: float = 1.0,
        text: str | Prompt | None = None,
    ) -> list[Latent]:
        """What the works of `seeds` are drawn from. Arguments and errors as in `sample`."""
        prompt = Prompt((text,)) if isinstance(text, str) else text
        if prompt is not None:
            prompt.warnings(
                self.config.words, self.config.text_encoder is not None
            )  # raises where not a word of it was learned
        return of_seeds(self.drawer, seeds, label, truncation, prompt)

    def draw(self, latents: Sequence[Latent]) -> list[Work]:
        """The works of latents, as `ganvas.explore` makes them."""
        return [Work(pixels, one, self) for pixels, one in zip(self.drawn(latents), latents, strict=True)]

    def match(self, works: Sequence[Work], text: str | Prompt) -> list[float]:
        """How well works suit a text, from -1 to 1, by the two towers that learned beside it: what `best_of` goes by.

        To choose among its works, not to judge it by. Raises UsageError where it learned without captions or towers.
        """
        prompt = Prompt((text,)) if isinstance(text, str) else text
        return self.drawer.match(np.stack([work.pixels for work in works]), prompt).tolist()

    @property
    def steered(self) -> Generator:
        """The generator with its styles. Raises UsageError for nets that have none, or none in between."""
        return steerable(self.drawer)

    @property
    def maps(self) -> bool:
        """Whether it has a mapping network, so that styles need not be as normals are."""
        return self.config.recipe.net.maps

    def centres(self, latents: Sequence[Latent]) -> list[np.ndarray]:
        """Of each the most typical styles of its label."""
        return [centre_of(self.drawer, one) for one in latents]

    def drawn(self, latents: Sequence[Latent]) -> np.ndarray:
        """(n, H, W, C) uint8 pictures of latents; without a seam where their lineage says so."""
        kinds = [
            (bool(one.lineage.get("tile")), len(one.styles)) for one in latents
        ]  # of some nets styles are few or many
        pictures = np.empty((len(latents), *self.shape[1:], self.shape[0]), np.uint8)
        for kind in dict.fromkeys(kinds):
            draw = partial(tiles, self.drawer) if kind[0] else self.drawer.drawn
            chosen = [number for number, one in enumerate(kinds) if one == kind]
            for start in range(0, len(chosen), BATCH):
                part = chosen[start : start + BATCH]
                pictures[part] = draw(torch.from_numpy(np.stack([latents[k].styles for k in part])))
        return pictures

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

    def invert(self, pictures: Sequence[str | Path | np.ndarray], progress: Progress = quietly) -> list[Inverted]:
        """Pictures of one's own as this model draws them: works like any other, to be steered, mixed and walked among.

        pictures: files, which are brought to the works' size and colours, or (H, W, C) uint8 arrays that have them.
        The first call learns to see, which takes a minute and a half at 64 px, and keeps that in the run's folder.
        Raises UsageError, DataError, StorageError.
        """
        names = [str(one) if isinstance(one, str | Path) else "an array" for one in pictures]
        read = [
            one if isinstance(one, np.ndarray) else as_works_are(Path(one), self.config, self.folder)
            for one in pictures
        ]
        check(len(read) > 0, "pictures", "none", "at least one")
        for one in read:
            check_picture(self.drawer, one)
        inverter = self.inverter(progress)
        found = inverter.enter(np.stack(read), [Path(name).name for name in names], progress)
        works = self.draw([one.latent for one in found])
        return [
            Inverted(work, one.error, inverter.known.warning(name, one.error), pixels)
            for work, one, name, pixels in zip(works, found, names, read, strict=True)
        ]

    def inverter(self, progress: Progress = quietly) -> Inverter:
        """What enters pictures: the one in the run's folder, or one made now and kept there."""
        if self._inverter is None:
            folder = None if self.folder is None else self.folder / "encoder"
            kept = None if folder is None else load_inverter(self.drawer, folder, self.fingerprint)
            self._inverter = kept or make_inverter(self.drawer, own_dataset(self.config, self.folder), progress)
            if folder is not None and kept is None:
                save_inverter(self._inverter, folder, self.fingerprint)
        return self._inverter

    def neighbours(self, latent: Latent, amount: float = 0.3, count: int = 16, seed: int = 0) -> list[Latent]:
        """Variations near a work. amount: in deviations among works; 1 is another of the kind. Raises UsageError."""
        return variations(latent, self._deviation, amount, count, seed)

    def away(self, latent: Latent, seed: int = 0) -> Away | None:
        """The work, moved as little as it takes until it is no near-copy of a training picture; None if nothing helps.

        What a near-copy is, is that of the score `copying`. Raises UsageError when the pictures are not at hand.
        """
        return away(latent, self._deviation, self.drawn, self._nearest, seed)

    @cached_property
    def _nearest(self) -> Nearest:
        return make_nearest(self.drawer, own_dataset(self.config, self.folder))

    @cached_property
    def _deviation(self) -> np.ndarray:
        """(style_dim,) of styles among works; 0 where they say the label."""
        deviation = spread(self.drawer).deviation.cpu().numpy().copy()
        deviation[self.steered.free_dims :] = 0
        return deviation

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
        self,
        seeds: Sequence[int],
        *,
        label: str | int | None = None,
        truncation: float = 1.0,
        prompt: Prompt | None = None,
        batch_size: int = BATCH,
    ) -> Iterator[np.ndarray]:
        """The works of `seeds` as (n, H, W, C) uint8 arrays of up to `batch_size`; for many, in flat memory.

        Other arguments and errors as in `sample`.
        """
        return self.drawer.pixels(seeds, label=label, truncation=truncation, prompt=prompt, batch_size=batch_size)

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
