"""Kernel distance: an unbiased distance between sets, right already for few works."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..registry import scores
from .score import Estimate, Pair, Score, linear_bootstrap

CHUNK = 2500
"""Pictures compared each with each; more are cut into equal chunks, whose distances are averaged."""


def kernel(x: Tensor, y: Tensor) -> Tensor:
    """(n, d), (m, d) float32 -> (n, m) float64: (x . y / d + 1)^3. Bińkowski et al. 2018, sect. 4."""
    return (x @ y.T).div_(x.shape[1]).add_(1).pow_(3).double()


@dataclass(frozen=True)
class Discrepancy:
    """The squared maximum mean discrepancy between two sets, without bias. Gretton et al. 2012, eq. 3."""

    value: float
    of_x: Tensor
    """(n,) how much each row's weight moves it."""
    of_y: Tensor
    """(m,)"""
    chance: float
    """Variance of the value that is no row's own but that of pairs of rows: all there is where both sets are alike."""

    @classmethod
    def of(cls, x: Tensor, y: Tensor) -> "Discrepancy":
        """x: (n, d), y: (m, d) float32; sums in float64."""
        n, m = len(x), len(y)
        among_x, square_x = among(x)
        among_y, square_y = among(y)
        across = kernel(x, y)
        x_to_y, y_to_x = across.mean(dim=1), across.mean(dim=0)
        mean = x_to_y.mean()
        square = across.sub_(x_to_y[:, None]).sub_(y_to_x - mean).square_().mean()
        chance = 2 * square_x / (n * (n - 1)) + 2 * square_y / (m * (m - 1)) + 4 * square / (n * m)
        value = among_x.mean() + among_y.mean() - 2 * mean
        return cls(value.item(), 2 * (among_x - x_to_y), 2 * (among_y - y_to_x), chance.item())


def among(x: Tensor) -> tuple[Tensor, Tensor]:
    """(n,) mean kernel of each row with the other rows; and () the mean square of what both rows do not explain."""
    n, table = len(x), kernel(x, x)
    rows = (table.sum(dim=1) - table.diagonal()) / (n - 1)
    rest = table.sub_(rows[:, None]).sub_(rows - rows.mean()).fill_diagonal_(0)
    return rows, rest.square_().sum() / (n * (n - 1))


@scores.register("kernel")
class Kernel(Score):
    """Its interval counts the chance in each pair of pictures once, as `pairs.pair_influences` does.

    Summed over the influences of both it would be there twice; and where hardly anything else is, it would be large or
    small with the value itself.
    """

    name = "kernel"
    title = "Kernel distance"
    question = "How good?"
    sentence = "The same question asked in another way that stays fair for few works; 0 means no difference was found."
    source = "Bińkowski et al. 2018"
    better = "lower"
    limits = (-float("inf"), float("inf"))

    def measure(self, pair: Pair) -> Estimate:
        n = len(pair.works)
        edges = np.linspace(0, n, -(-n // CHUNK) + 1).astype(int)
        parts = []
        for start, stop in pairwise(edges):
            x, y = (torch.from_numpy(side.features.read(start, stop)) for side in (pair.works, pair.reference))
            parts.append(Discrepancy.of(x.to(pair.device), y.to(pair.device)))
        value = float(np.mean([part.value for part in parts]))
        of_works = torch.cat([part.of_x for part in parts]).cpu().numpy()
        of_real = torch.cat([part.of_y for part in parts]).cpu().numpy()
        chance = float(np.mean([part.chance for part in parts])) / len(parts)
        spread = (of_works.var() + of_real.var()) / n
        kept = np.sqrt(max(spread - chance, chance) / spread) if spread > 0 else 1.0
        return Estimate.of(value, linear_bootstrap(value, kept * of_works, kept * of_real), self.limits)
