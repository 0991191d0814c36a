"""How few works there are to learn from, and what can be expected of so few: said before a run begins.

Works that are pixel for pixel the same when prepared count once, however many files they came in.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from ..config import Recipe
from ..dataset import FEWEST_TO_SPLIT, Dataset
from ..errors import UsageError
from .sides import mirror_warnings

TOO_FEW = 10
"""So many different works, or fewer, are only learned from when that is asked for."""
FEW = 30
MOST_LOOKED_AT = 2000
MOSTLY_THE_SAME = 0.5
"""Share of the works that are different, below which it is said."""


@dataclass(frozen=True)
class Count:
    """Works, at most MOST_LOOKED_AT, and how many different pictures they are."""

    works: int
    different: int

    def sentence(self) -> str:
        if self.works == 1:
            return "There is 1 work to learn from."
        if self.different == 1:
            return f"All {self.works:,} works to learn from are the same picture: they count as 1."
        if self.different <= MOSTLY_THE_SAME * self.works:
            return f"Of {self.works:,} works to learn from, only {self.different:,} are different pictures."
        return f"There are {self.different} different works to learn from."


def count(dataset: Dataset, works: np.ndarray) -> Count:
    """works: indices of the pictures to learn from; of more than MOST_LOOKED_AT, some that are evenly spread."""
    chosen = works[np.linspace(0, len(works) - 1, min(len(works), MOST_LOOKED_AT)).astype(int)]
    return Count(len(chosen), len({hashlib.sha256(dataset.pictures[work].tobytes()).digest() for work in chosen}))


def check_enough(dataset: Dataset, works: np.ndarray) -> None:
    """Raises UsageError for so few works that nobody should start without knowing what to expect."""
    found = count(dataset, works)
    if found.different <= TOO_FEW:
        raise UsageError(
            f"{found.sentence()} From up to {TOO_FEW}, expect copies and blends of these very pictures; do not expect "
            "new motifs, nor a score of quality or of copying. What helps: more works, from 30, better some hundreds. "
            "To try anyway: --few (in Python few=True), best with --from RUN, a run of similar pictures, and "
            "--augment shift tint cutout."
        )


def few_warnings(dataset: Dataset, works: np.ndarray | None = None) -> list[str]:
    """What there is to say of so few works, or so few different ones; nothing of enough.

    works: indices of the pictures to learn from; by default all but the source's own test pictures.
    """
    found = count(dataset, np.flatnonzero(~dataset.is_test) if works is None else works)
    if 0 < found.different <= FEW:
        return [
            f"{found.sentence()} Expect variations of these very works; with so few, copying cannot be told from "
            "learning. What helps: more works, --from RUN (another run), --augment shift tint cutout."
        ]
    return [found.sentence()] if found.different <= MOSTLY_THE_SAME * found.works else []


def warnings_before(recipe: Recipe, dataset: Dataset, works: np.ndarray, held_out: np.ndarray) -> list[str]:
    """All that a run of these pictures should be told before its first step."""
    warnings = few_warnings(dataset, works) + mirror_warnings(recipe, dataset, works)
    if recipe.evaluate_each_epoch and not len(held_out):
        warnings.append(
            "No evaluation after each epoch, as no picture is held out. Give --holdout 0.1, and at least "
            f"{FEWEST_TO_SPLIT} different pictures."
        )
    return warnings
