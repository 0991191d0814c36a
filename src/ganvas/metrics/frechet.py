"""Frechet distance: between two sets as if each were one bell-shaped cloud of features."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..registry import scores
from .rows import BLOCK, Rows
from .score import Estimate, Pair, Score, linear_bootstrap

LEAST = 2000
TINY = 1e-12
"""Variances below this share of the largest are rounding."""


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


def root(matrix: Tensor, power: float = 0.5) -> Tensor:
    """A symmetric matrix >= 0 to a power; directions without variance stay without, also for a negative power."""
    values, vectors = torch.linalg.eigh(matrix)
    kept = values > TINY * values[-1]
    powers = torch.where(kept, values.clamp_min(TINY * values[-1].clamp_min(1e-300)).pow(power), 0.0)
    return (vectors * powers) @ vectors.T


def distance(a: Moments, b: Moments) -> float:
    """|mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)). Heusel et al. 2017, eq. 6; Dowson & Landau 1982."""
    half = root(b.covariance)
    cross = torch.linalg.eigvalsh(half @ a.covariance @ half).clamp_min(0).sqrt().sum()
    apart = (a.mean - b.mean).square().sum()
    return float(apart + a.covariance.trace() + b.covariance.trace() - 2 * cross)


def influence(rows: Rows, own: Moments, other: Moments) -> np.ndarray:
    """(n,) how much each row's weight moves the distance, up to a constant.

    The derivative of the distance by the own mean is 2 (mean - other mean), and by the own covariance 1 - T, where T is
    the symmetric map that takes the own cloud to the other: T A T = B.
    """
    half, inverse = root(own.covariance), root(own.covariance, -0.5)
    T = inverse @ root(half @ other.covariance @ half) @ inverse
    slope = 2 * (own.mean - other.mean)
    bend = (torch.eye(len(T), dtype=T.dtype, device=T.device) - T).float()
    parts = []
    for _, block in rows.blocks():
        x = torch.from_numpy(block).to(T.device).double() - own.mean
        parts.append((x @ slope + ((x.float() @ bend) * x.float()).sum(dim=1)).cpu().numpy())
    return np.concatenate(parts)


@scores.register("frechet")
class Frechet(Score):
    """Its interval is a bootstrap of its first-order expansion: on plain resamples it would be biased upwards."""

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
        value = distance(works, real)
        moved = influence(pair.works.features, works, real), influence(pair.reference.features, real, works)
        return Estimate.of(value, linear_bootstrap(value, *moved), self.limits)
