"""`--recipe auto`: looks at the pictures and the machine, and decides what a person would have to know GANs to decide.

Each decision comes with its reason, and is only a default: whatever is said outright stays as it was said. The rules
are few and go by figures of docs/experiments.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from . import bases
from .config import Budget, Recipe
from .dataset import Dataset
from .registry import recipes
from .runs import Run
from .training import probe

AUTO = "auto"
USUAL, FOR_FLAT = "canvas", "palette"
"""The recipes that it takes: the best for each kind of picture that was measured."""
BASE = {"canvas": "drawings", "palette": "emblems"}
"""The base model that it takes with each. Works, paintings too, come sooner from it (docs/art.md)."""
NO_BASE = "none"
"""Asked for as a base model: none at all."""
SAMPLE = 500
"""Most pictures that are looked at."""
SMALL_PX = (16, 32)
"""Sides to learn at where the works themselves are no larger than half as much again; others are learned at 64 px."""
FEW = 200
"""Different works. With 350 augmentation brought nothing within half an hour (docs/experiments.md); below, this follows
the papers, not a measurement.
"""
UNLIKE = 0.5
"""Share of `probe.likeness_kimg` below which smaller pictures are learned."""
GENTLE = ("shift", "tint", "cutout")
AUGMENT_P = 0.3
"""The most: 0.8 gives the works more variety, and less of their finer features (docs/experiments.md)."""
FLAT = 0.5
"""Share of pixels that equal the next one, from which on pictures count as flat: drawings and pixel art have 0.6 to
0.75, photographs 0.36, paintings 0.26.
"""
EQUAL = 2
"""Levels by which neighbours may differ and still count as equal."""
CELLS = 8
STEPS = 16
"""Works count as the same where they agree when shrunk to CELLS a side and STEPS levels."""


@dataclass(frozen=True)
class Look:
    """What the pictures are like."""

    count: int
    distinct: int
    """Of them, those that are not nearly the same as another; estimated from a sample."""
    original_px: float
    """The shorter side of the works as they were found, their median."""
    flat: float
    """Share of neighbouring pixels that are equal, in [0, 1]."""
    shape: tuple[int, int, int]

    @property
    def best(self) -> str:
        """Name of the recipe for such pictures."""
        return FOR_FLAT if self.shape[0] > 1 and self.flat >= FLAT else USUAL


def look(dataset: Dataset) -> Look:
    """At up to `SAMPLE` of the pictures."""
    chosen = np.random.default_rng(0).permutation(len(dataset))[:SAMPLE]
    pictures = dataset.batch(np.sort(chosen)).astype(np.float32)
    distinct = len(np.unique(coarse(pictures), axis=0)) / len(pictures)
    sides = [min(work["width"], work["height"]) for work in dataset.works() if "width" in work and "height" in work]
    return Look(
        count=len(dataset),
        distinct=round(distinct * len(dataset)),
        original_px=median(sides) if sides else float(min(dataset.size)),
        flat=flatness(pictures),
        shape=dataset.shape,
    )


def flatness(pictures: np.ndarray) -> float:
    """(n, H, W, C) levels -> share of pixels that equal the next one, to the right or below, in all channels."""
    equal = [(np.abs(np.diff(pictures, axis=axis)).max(axis=3) <= EQUAL).mean() for axis in (1, 2)]
    return float(np.mean(equal))


def coarse(pictures: np.ndarray) -> np.ndarray:
    """(n, H, W, C) levels -> (n, cells) uint8: what is left of a picture from far away."""
    rows, columns = (np.array_split(np.arange(side), min(CELLS, side)) for side in pictures.shape[1:3])
    cells = [pictures[:, r[0] : r[-1] + 1, c[0] : c[-1] + 1].mean(axis=(1, 2)) for r in rows for c in columns]
    return (np.concatenate(cells, axis=1) / (256 / STEPS)).astype(np.uint8)


@dataclass(frozen=True)
class Advice:
    """What to train with, and why."""

    recipe: Recipe
    base: str | None
    """Name of the base model to start from."""
    lines: tuple[str, ...]
    """Three sentences for people."""

    def base_of(self, recipe: Recipe) -> str | None:
        """The base model for this recipe changed by hand: none where nothing of it can be taken over."""
        fits = (recipe.latent_dim, recipe.tones) == (self.recipe.latent_dim, self.recipe.tones)
        return self.base if fits else None


def smaller(found: Look, images_per_second: Callable[[], float] | None, budget: Budget) -> tuple[int, str] | None:
    """Pixels a side to learn these works at, with a reason, where that is less than what they are prepared at.

    images_per_second: measures the machine; None where that is not to be done.
    """
    for side in (side for side in SMALL_PX if side < min(found.shape[1:])):
        if found.original_px <= 1.5 * side:
            return side, f"the works themselves are {found.original_px:.0f} px"
    likeness = probe.likeness_kimg(recipes.get(found.best)(), found.shape)
    if (
        budget.unit != "minutes"
        or images_per_second is None
        or likeness is None
        or min(found.shape[1:]) <= SMALL_PX[-1]
    ):
        return None
    kimg = images_per_second() * 60 * budget.amount / 1000
    if kimg >= UNLIKE * likeness:
        return None
    return SMALL_PX[-1], f"{budget} are {kimg:.0f} kimg here, too few for {found.shape[2]} px"


def advise(found: Look, size_reason: str | None = None) -> Advice:
    """What to do with these pictures.   size_reason: why they are smaller than usual."""
    channels, height, width = found.shape
    name = found.best
    base, base_line = base_for(found)
    recipe, augment_line = augmented(recipes.get(name)(), found)
    kind = {1: "grey", 3: "colour", 4: "colour and transparency"}[channels]
    kind += "" if channels == 1 else f", {found.flat:.0%} of it flat"
    why = size_reason or f"the works themselves are some {found.original_px:.0f} px"
    line = f"Recipe: {name} at {width}x{height} px, {kind}: {why}. Change with --recipe, --size, --width."
    return Advice(recipe, base, (line, base_line, augment_line))


def augmented(recipe: Recipe, found: Look) -> tuple[Recipe, str]:
    """The recipe with augmentation where works are few, and a sentence for it."""
    if found.distinct >= FEW:
        why = f"{found.distinct:,} different works do without it for half an hour"
        return recipe, f"Augmentation: none, {why}. Change with --augment."
    groups = tuple(name for name in GENTLE if name != "tint" or found.shape[0] > 1)
    recipe = replace(recipe, augment=groups, augment_by="overfitting", augment_p=AUGMENT_P)
    why = f"as far as the critic learns the {found.distinct:,} different works by heart"
    return recipe, f"Augmentation: {', '.join(groups)}, {why}. Change with --augment, --augment-p."


def base_for(found: Look) -> tuple[str | None, str]:
    """The base model to start from, and a sentence for it."""
    channels, height, width = found.shape
    if channels == 1:
        return None, "Base model: none, there is none for grey works. Change with --from."
    base = BASE[found.best]
    if (base, height) not in bases.files() or height != width:
        return None, f"Base model: none, there is none of {width}x{height} px. Change with --from."
    why = "which knows lines, areas and colours already"
    return base, f"Base model: {base}, {why}. Change with --from, or begin from nothing with --from {NO_BASE}."


def decide(
    dataset: Dataset,
    found: Look,
    budget: Budget,
    folder: Path,
    again: Callable[[str], Dataset] | None,
    images_per_second: Callable[[], float] | None,
) -> tuple[Dataset, Advice]:
    """The pictures, of another size perhaps, and what to do with them. A run that has begun goes on as it was decided.

    found: in these pictures.   folder: of the run.
    again: prepares the same pictures at another size; None where their size is given.
    images_per_second: measures the machine; None where that is not to be done.
    """
    if (folder / "run.json").is_file():
        run = Run.find(folder)
        _, height, width = run.config.shape
        if again is not None and (height, width) != dataset.size:
            dataset = again(f"{width}x{height}")
        # What it began with is needed again where no checkpoint has been written yet.
        base = next((name for (name, _), path in bases.files().items() if path.stem == run.config.parent), None)
        return dataset, Advice(run.config.recipe, base, ("It goes on as was decided when it began.",))
    why = None
    if again is not None and (less := smaller(found, images_per_second, budget)) is not None:
        side, why = less
        dataset = again(str(side))
        found = replace(found, shape=dataset.shape)
    return dataset, advise(found, why)
