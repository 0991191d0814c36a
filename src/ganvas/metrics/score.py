"""What a score is, what it is given, and how its interval comes about."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import torch

from .rows import Rows

T = TypeVar("T")

REPLICATES = 1000
"""Bootstrap samples."""
MOST_UNITS = 10_000
"""Drawn in a bootstrap sample."""
LEVEL = 0.95
"""Of all intervals."""

DRAWN_AT_ONCE = 2**18
"""Pictures of all bootstrap samples together that are held in memory."""
PIXELS_AT_ONCE = 2**22
"""That a score holds as float32, 16 MiB; what it computes with them takes several times as much."""

Question = Literal["How good?", "How varied?", "How original?", "Does it obey?"]


@dataclass(frozen=True, eq=False)
class Side:
    """A set of pictures, works or real ones, as the scores see it. It is equal to itself alone, so it can be a key."""

    features: Rows
    """(n, dim) float32."""
    labels: np.ndarray
    """(n,) int64, -1 for none: of a work, the label it was asked for."""
    pictures: Callable[[np.ndarray], np.ndarray]
    """Indices (k,) to uint8 (k, H, W, C)."""

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True, eq=False)
class Pair:
    """Works beside real pictures. `works` and `reference` are of equal number."""

    works: Side
    reference: Side
    shape: tuple[int, int, int]
    """(C, H, W) of the pictures."""
    label_names: tuple[str, ...]
    device: torch.device
    training: Rows | None = None
    """Features of all pictures that the model learned from; None where that is not known."""
    held_out: Rows | None = None
    """Features of real pictures that it did not learn from; None when there are too few."""
    stand_ins: Side | None = None
    """Other real pictures, as many, that play the works when the floor is measured."""
    memo: dict[Hashable, Any] = field(default_factory=dict)
    """What scores share: see `once`. Pairs that have a side in common may have it in common, too."""

    def once(self, key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
        """make(), or what it returned before under this key: what is made, and each Side or Rows that it is made of."""
        if key not in self.memo:
            self.memo[key] = make()
        return self.memo[key]


@dataclass(frozen=True)
class Estimate:
    """A number and where it would lie, with 95% confidence, were other works and other pictures drawn."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, replicates: np.ndarray, limits: tuple[float, float]) -> "Estimate":
        """replicates: (b,) the statistic on bootstrap samples; moved so that their mean is the value.

        A statistic of resampled pictures is biased, as resamples hold ties (a Frechet distance grows); the spread is
        what they tell.
        """
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(replicates - replicates.mean(), [tail, 1 - tail]) + value
        # The value lies inside whatever rounding does to an interval without width.
        return cls(*np.clip([value, min(low, value), max(high, value)], *limits).tolist())


def at_once(shape: tuple[int, int, int], most: int = 500) -> int:
    """How many pictures of this shape, (C, H, W), to look at together: memory does not grow with their size either."""
    return min(most, max(1, PIXELS_AT_ONCE // math.prod(shape)))


class Score(ABC):
    """One number about works. A subclass is a file here, registered by name in `ganvas.registry.scores`."""

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[Question]
    sentence: ClassVar[str]
    """What it says, to somebody who never heard of it."""
    source: ClassVar[str]
    """The paper."""
    better: ClassVar[Literal["lower", "higher"]]
    limits: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    """The values that are possible."""
    as_percent: ClassVar[bool] = False
    """Whether it is a share."""
    uses_features: ClassVar[bool] = True
    """False for scores that look at pixels alone."""
    uses_training: ClassVar[bool] = False
    """Whether it compares with the pictures that the model learned from."""
    least: ClassVar[int] = 100
    """Fewer works than this give noise."""

    def missing(self, pair: Pair) -> str | None:
        """Why it cannot be told here, in a few words; None when it can."""
        if len(pair.works) < self.least:
            return f"needs {self.least:,} works and as many real pictures, has {len(pair.works):,}"
        return None

    @abstractmethod
    def measure(self, pair: Pair) -> Estimate:
        """Of the works."""

    def floor(self, pair: Pair, stand_ins: Pair) -> Estimate:
        """Of real pictures in the works' place: what nothing can beat but by chance. `stand_ins` holds them."""
        return self.measure(stand_ins)


def of_share(inside: np.ndarray) -> np.ndarray:
    """The influences on a share: (n,) 0 or 1 -> (n + 4,) with two more of each.

    Without them nobody would doubt a share of 0 or 1. So it ends about 3 / n away, as the "rule of three" has it.
    Agresti & Coull 1998, "add two successes and two failures".
    """
    return np.append(inside, [0.0, 0.0, 1.0, 1.0])


def beyond_chance(counts: np.ndarray) -> np.ndarray:
    """(n,) counts, drawn towards their mean until they vary as what they count would without the chance of counting.

    Influences of both sides that come from the same pairs would count the chance in each pair twice. Counts of
    independent events have it as a variance equal to their mean (Poisson), which is taken off.
    """
    mean, variance = counts.mean(), counts.var()
    kept = max(0.0, 1 - mean / variance) if variance > 0 else 0.0
    return mean + (counts - mean) * np.sqrt(kept)


def linear_bootstrap(value: float, *influences: np.ndarray, replicates: int = REPLICATES) -> np.ndarray:
    """(replicates,) values on resampled sides, to first order: value + the mean of each side's resampled influences.

    influences: for each side (n,), how much a picture's weight moves the value (Efron & Tibshirani 1993, ch. 21); only
    differences within a side count. Of more than MOST_UNITS pictures, chance groups of them are drawn together, which
    has the same spread and costs no more. The same numbers each time.
    """
    rng = np.random.default_rng(0)
    result = np.full(replicates, value, dtype=np.float64)
    for influence in influences:
        centred, n = influence - influence.mean(), min(len(influence), MOST_UNITS)
        if n < len(influence):
            group = rng.permutation(len(influence)) % n
            centred = np.bincount(group, weights=centred, minlength=n) * (n / len(influence))
        step = max(1, DRAWN_AT_ONCE // n)
        for start in range(0, replicates, step):
            drawn = rng.integers(0, n, (min(step, replicates - start), n))
            result[start : start + step] += centred[drawn].mean(axis=1)
    return result
