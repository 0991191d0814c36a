"""Which real pictures an evaluation looks at: those to compare with, others for the floor, those learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..config import check
from ..dataset import Dataset
from ..errors import DataError, UsageError
from ..run_config import RunConfig

LEAST = 100
"""Fewer works than this tell nothing."""
ENOUGH = 500
"""With fewer held-out pictures the training pictures are compared with, unless told otherwise."""
MOST_HELD_OUT = 5000
"""That the copying rate is calibrated with."""

UNKNOWN_TRAINING = (
    "The pictures that the model learned from are not at hand: some of those compared with may be among them."
)
RANDOM_CROP = "Real pictures are cut at their centre here, while the model learned from cuts at random places."

Against = Literal["held-out", "training"]


@dataclass(frozen=True)
class Part:
    """Some pictures of a prepared dataset; `indices` (n,) in an order of their own."""

    dataset: Dataset
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def pictures(self, chosen: np.ndarray) -> np.ndarray:
        """uint8 (k, H, W, C) of the part's pictures `chosen`, (k,)."""
        return self.dataset.batch(self.indices[chosen])

    def labels(self, names: Sequence[str]) -> np.ndarray:
        """(n,) int64: each picture's label as a place in `names`, -1 for none or one that is not there."""
        places = {name: place for place, name in enumerate(names)}
        table = np.array([places.get(name, -1) for name in self.dataset.label_names] + [-1], np.int64)
        return table[self.dataset.labels[self.indices]]  # -1, no label, is the table's last entry

    def first(self, count: int) -> "Part":
        return Part(self.dataset, self.indices[:count])


@dataclass(frozen=True)
class Choice:
    """The real pictures of an evaluation. `reference` and `stand_ins` are of equal number and share no picture."""

    reference: Part
    stand_ins: Part
    training: Part | None
    """All that the model learned from, where they are at hand."""
    held_out: Part | None
    """Of the same collection, but not learned from; up to `MOST_HELD_OUT`."""
    compared_with: str
    warnings: tuple[str, ...]


def without_doubles(dataset: Dataset, indices: np.ndarray) -> np.ndarray:
    """Identical pictures once; the order stays."""
    _, first = np.unique(dataset.content[indices], return_index=True)
    return indices[np.sort(first)]


def shuffled(indices: np.ndarray) -> np.ndarray:
    """In an order that is the same each time: scores that go by blocks need each block to hold everything."""
    return np.random.default_rng(0).permutation(indices)


def choose(
    config: RunConfig, own: Dataset | None, other: Dataset | None, count: int, against: Against | None = None
) -> Choice:
    """The pictures for `count` works, or for as many as there are real ones to compare with.

    own: what the run learned from, if it is at hand.   other: the pictures to compare with instead, if given.
    against: compare with pictures kept from training, or with those learned from; None takes the former where there are
    at least `ENOUGH` of them, or `count`.   Raises UsageError, DataError when there are too few.
    """
    check(type(count) is int and count >= LEAST, "count", count, f"a whole number of at least {LEAST}")
    train, held = (np.empty(0, int), np.empty(0, int)) if own is None else own.split(config.recipe.holdout, config.seed)
    if other is not None and against is not None:
        raise UsageError(
            "Other pictures were given to compare with, so `against` has no meaning. Leave out one of them."
        )
    if other is not None:
        pool = of_other(other, own, train)
    else:
        assert own is not None
        pool = of_own(own, train, held, min(count, ENOUGH), against)
    compared, what = without_doubles(pool.dataset, shuffled(pool.compared)), pool.what
    rest = shuffled(pool.rest)
    rest = rest[~np.isin(pool.dataset.content[rest], pool.dataset.content[compared])]
    most = min(len(compared), (len(compared) + len(rest)) // 2)
    if most < LEAST:
        raise DataError(
            f"{pool.dataset.source}: too few real pictures to compare with: {len(compared):,} {what}, and "
            f"{len(rest):,} others for the floor. At least {LEAST} of both are needed; give more with --data."
        )
    n = min(count, most)
    warnings = pool.warnings + (RANDOM_CROP,) * (pool.dataset.settings.get("crop") == "random")
    if n < count:
        warnings = (*warnings, f"{n:,} works were compared, not {count:,}: there are no more {what} to compare with.")
    return Choice(
        reference=Part(pool.dataset, compared[:n]),
        stand_ins=Part(pool.dataset, np.concatenate([rest, compared[n:]])[:n]),
        training=None if own is None else Part(own, train),
        held_out=None if own is None or not len(held) else Part(own, shuffled(held)[:MOST_HELD_OUT]),
        compared_with=f"{n:,} {what}" + (f" of {pool.dataset.source}" if other is not None else ""),
        warnings=warnings,
    )


@dataclass(frozen=True)
class Pool:
    """Where real pictures are taken from: indices to compare with, and further ones for the floor."""

    dataset: Dataset
    compared: np.ndarray
    rest: np.ndarray
    what: str
    warnings: tuple[str, ...] = ()


def of_own(own: Dataset, train: np.ndarray, held: np.ndarray, enough: int, against: Against | None) -> Pool:
    """Its own test pictures, or else those held out; the ones learned from where these are too few."""
    test = held[own.is_test[held]]
    by_test = len(test) >= enough or len(test) == len(held) > 0
    kept, what = (test, "test pictures") if by_test else (held, "held-out pictures")
    if against == "held-out" or (against is None and len(kept) >= enough):
        return Pool(own, kept, train, what)
    few = "" if against else f"There are only {len(kept):,} {what}. "
    warning = f"{few}The works are compared with pictures that the model learned from, which forgives copying."
    return Pool(own, train, held, "training pictures", (warning,))


def of_other(other: Dataset, own: Dataset | None, train: np.ndarray) -> Pool:
    """Its test pictures, or all if it has no test split; never one that the model learned from."""
    learned = np.zeros(len(other), bool) if own is None else np.isin(other.content, own.content[train])
    test = other.is_test & ~learned
    warnings = (UNKNOWN_TRAINING,) if own is None else ()
    if test.any():
        return Pool(other, np.flatnonzero(test), np.flatnonzero(~other.is_test & ~learned), "test pictures", warnings)
    return Pool(other, np.flatnonzero(~learned), np.empty(0, int), "pictures", warnings)
