"""Frechet distance: between two sets as if each were one bell-shaped cloud of features."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..registry import scores
from .rows import BLOCK, Rows
from .score import MOST_UNITS, Estimate, Pair, Score, linear_bootstrap

LEAST = 2000
TINY = 1e-6
"""Deviations below this share of the largest are rounding."""


@dataclass(frozen=True)
class Moments:
    """mean (d,), covariance (d, d), float64, with the unbiased divisor n - 1."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, rows: Rows, device: torch.device) -> "Moments":
        """In one pass, sums in float64 about the first block's mean, which keeps them exact."""
        dim = rows.shape[1]
        total, products = (torch.zeros(*shape, dtype=torch.float64, device=device) for shape in ((dim,), (dim, dim)))
        pivot = torch.from_numpy(rows.read(0, BLOCK)).to(device).double().mean(dim=0)
        for _, block in rows.blocks():
            x = torch.from_numpy(block).to(device).double() - pivot
            total += x.sum(dim=0)
            products += x.T @ x
        n, offset = len(rows), total / len(rows)
        return cls(pivot + offset, (products - n * torch.outer(offset, offset)) / (n - 1))


def spectrum(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Roots (d,) of the eigenvalues of a symmetric matrix >= 0, and its eigenvectors (d, d)."""
    values, vectors = torch.linalg.eigh(matrix)
    return values.clamp_min(0).sqrt(), vectors


def inverse(roots: Tensor, tiny: float) -> Tensor:
    """1 / each; 0 for those below `tiny` of the largest, which are rounding."""
    return torch.where(roots > tiny * roots[-1], 1 / roots.clamp_min(1e-300), 0.0)


@dataclass(frozen=True)
class Between:
    """The distance between two clouds, and the symmetric maps (d, d) that take each covariance to the other's."""

    distance: float
    to_b: Tensor
    to_a: Tensor

    @classmethod
    def of(cls, a: Moments, b: Moments) -> "Between":
        """|mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)). Heusel et al. 2017, eq. 6; Dowson & Landau 1982.

        With C = A^(1/2) B A^(1/2), the trace of (A B)^(1/2) is that of C^(1/2), and the maps are
        A^(-1/2) C^(1/2) A^(-1/2) and A^(1/2) C^(-1/2) A^(1/2): two decompositions for all.
        """
        roots_a, vectors_a = spectrum(a.covariance)
        half, half_inverse = ((vectors_a * powers) @ vectors_a.T for powers in (roots_a, inverse(roots_a, TINY)))
        roots, vectors = spectrum(half @ b.covariance @ half)
        apart = (a.mean - b.mean).square().sum()
        distance = apart + a.covariance.trace() + b.covariance.trace() - 2 * roots.sum()
        forth, back = half_inverse @ vectors, half @ vectors
        return cls(float(distance), (forth * roots) @ forth.T, (back * inverse(roots, TINY**2)) @ back.T)


def influence(rows: Rows, own: Moments, other: Moments, to_other: Tensor) -> np.ndarray:
    """(min(n, MOST_UNITS),) how much each row's weight moves the distance, up to a constant.

    Of many rows the first MOST_UNITS, which are as good as drawn at random, stand for all: they tell the spread, and
    are made smaller as if there were n of them.   The derivative of the distance by the own mean is
    2 (mean - other mean), and by the own covariance 1 - T, where T takes the own covariance to the other's: T A T = B.
    """
    slope = 2 * (own.mean - other.mean)
    bend = (torch.eye(len(to_other), dtype=to_other.dtype, device=to_other.device) - to_other).float()
    parts, seen = [], min(len(rows), MOST_UNITS)
    for start in range(0, seen, BLOCK):
        x = torch.from_numpy(rows.read(start, min(start + BLOCK, seen))).to(bend.device).double() - own.mean
        parts.append((x @ slope + ((x.float() @ bend) * x.float()).sum(dim=1)).cpu().numpy())
    return np.concatenate(parts) * np.sqrt(seen / len(rows))


@scores.register("frechet")
class Frechet(Score):
    """Its interval is a bootstrap of its first-order expansion: on plain resamples it would be biased upwards.

    In simulations it covered the expected value for as many works in 90 to 95% of all cases. That expectation is above
    the distance of the whole distributions, the more the fewer works: compare with the floor.
    """

    name = "frechet"
    title = "Fréchet distance"
    question = "How good?"
    sentence = "How far the works as a whole are from real pictures, in what they show and in how they vary."
    source = "Heusel et al. 2017"
    better = "lower"
    least = LEAST

    def missing(self, pair: Pair) -> str | None:
        needed = max(LEAST, round(1.5 * pair.works.features.shape[1]))  # else the covariance is (nearly) singular
        if len(pair.works) < needed:
            return f"needs {needed:,} works and as many real pictures, has {len(pair.works):,}; see the kernel distance"
        return None

    def measure(self, pair: Pair) -> Estimate:
        works, real = (Moments.of(side.features, pair.device) for side in (pair.works, pair.reference))
        found = Between.of(works, real)
        of_works = influence(pair.works.features, works, real, found.to_b)
        of_real = influence(pair.reference.features, real, works, found.to_a)
        return Estimate.of(found.distance, linear_bootstrap(found.distance, of_works, of_real), self.limits)
