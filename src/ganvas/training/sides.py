"""Whether pictures have a left and a right: letters, signatures, light that comes from one side.

Then mirrored ones (`mirror`) are pictures of another kind, and works will be of both.
"""

from dataclasses import dataclass

import numpy as np

from ..config import Recipe
from ..dataset import Dataset
from ..pictures import on_white

MOST_PICTURES = 2000
FEWEST_PICTURES = 60
CELLS = 16
"""Pictures are shrunk to about so many cells a side."""
RIDGE = 0.1
LEARNED_FROM = 2 / 3
"""Share of the pictures that the rule is learned from; it is tried on the rest."""
ERRORS = 3.0
"""Standard errors above chance from which on a picture's side counts as known."""


@dataclass(frozen=True)
class Sides:
    """How well a simple rule tells pictures from their mirror images."""

    told: float
    """Share of the pictures, of those that it was not learned from, in [0, 1]; 0.5 is chance."""
    known: bool
    """Whether that is more than chance."""
    captioned: bool = False
    """Whether the pictures have captions, which may say left and right."""

    def sentence(self) -> str:
        """For people who think of `--mirror`."""
        if self.known:
            return (
                f"A simple rule tells {self.told:.0%} of these pictures from their mirror images (letters, signatures, "
                "light from one side?). Leave --mirror off, or works will be mirrored, too."
            )
        if self.captioned:
            return "Leave --mirror off: captions that say left or right would be wrong of mirrored pictures."
        return "Nothing tells these pictures from their mirror images: --mirror makes twice as many of them."


def sides(dataset: Dataset, works: np.ndarray | None = None) -> Sides | None:
    """works: indices of the pictures to look at; all by default. returns: None for too few to tell.

    A picture less its mirror image changes its sign in the mirror. The rule is a sum of such differences, weighed by
    ridge regression towards 1 (Hoerl & Kennard 1970, eq. 2.1), and its sign tells the side.
    """
    works = np.arange(len(dataset)) if works is None else works
    if len(works) < FEWEST_PICTURES:
        return None
    chosen = np.random.default_rng(0).permutation(works)[:MOST_PICTURES]
    uneven = differences(dataset, chosen)
    learned = int(LEARNED_FROM * len(uneven))
    known, asked = uneven[:learned], uneven[learned:]
    ridge = RIDGE * np.square(known).mean() * len(known) + np.finfo(np.float32).eps
    weights = np.linalg.solve(known.T @ known + ridge * np.eye(known.shape[1]), known.sum(axis=0))
    told = float((asked @ weights > 0).mean())
    captioned = any("text" in work for work in dataset.works())
    return Sides(told, told - 0.5 > ERRORS * 0.5 / len(asked) ** 0.5, captioned)


def mirror_warnings(recipe: Recipe, dataset: Dataset, works: np.ndarray) -> list[str]:
    """What a run of these pictures should be told about its `mirror`."""
    found = sides(dataset, works) if recipe.mirror else None
    return [found.sentence()] if found is not None and (found.known or found.captioned) else []


def differences(dataset: Dataset, chosen: np.ndarray) -> np.ndarray:
    """(n, features): pictures of about CELLS a side, the left half less the mirrored right one; in [-2, 2]."""
    pictures = on_white(dataset.batch(chosen)).astype(np.float64) / 127.5 - 1
    count, height, width, channels = pictures.shape
    side = max(1, min(height, width) // CELLS)
    rows, columns = height // side, width // side
    top, left = (height - rows * side) // 2, (width - columns * side) // 2
    cut = pictures[:, top : top + rows * side, left : left + columns * side]
    cells = cut.reshape(count, rows, side, columns, side, channels).mean(axis=(2, 4))
    return (cells - cells[:, :, ::-1])[:, :, : columns // 2].reshape(count, -1)
