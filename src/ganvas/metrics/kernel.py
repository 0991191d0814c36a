"""Kernel distance: an unbiased distance between sets, right already for few works."""

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


def among(x: Tensor) -> Tensor:
    """(n,) mean kernel of each row with the other rows."""
    table = kernel(x, x)
    return (table.sum(dim=1) - table.diagonal()) / (len(x) - 1)


def unbiased(x: Tensor, y: Tensor) -> tuple[float, Tensor, Tensor]:
    """The squared maximum mean discrepancy, without bias, and each row's influence on it, (n,) and (m,).

    x: (n, d), y: (m, d) float32; sums in float64.   Gretton et al. 2012, eq. 3.
    """
    among_x, among_y, across = among(x), among(y), kernel(x, y)
    x_to_y, y_to_x = across.mean(dim=1), across.mean(dim=0)
    value = among_x.mean() + among_y.mean() - 2 * x_to_y.mean()
    return value.item(), 2 * (among_x - x_to_y), 2 * (among_y - y_to_x)


@scores.register("kernel")
class Kernel(Score):
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
            parts.append(unbiased(x.to(pair.device), y.to(pair.device)))
        values, works, real = zip(*parts, strict=True)
        value = float(np.mean(values))
        influences = (torch.cat(side).cpu().numpy() for side in (works, real))
        return Estimate.of(value, linear_bootstrap(value, *influences), self.limits)
