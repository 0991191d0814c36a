"""Vendi score: how many entirely different works a set amounts to."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ..registry import scores
from .score import Estimate, Pair, Score, linear_bootstrap


@scores.register("vendi")
class Vendi(Score):
    """exp(entropy of the eigenvalues of K / n), K the works' cosine similarities. Friedman & Dieng 2023, def. 3.1.

    Computed from the (dim, dim) matrix that has the same eigenvalues. Features are taken relative to the mean of the
    real pictures, else all would look alike.
    """

    name = "vendi"
    title = "Vendi diversity"
    question = "How varied?"
    sentence = "How many entirely different pictures the works amount to; a model that repeats itself scores near 1."
    source = "Friedman & Dieng 2023"
    better = "higher"
    limits = (1.0, float("inf"))

    def measure(self, pair: Pair) -> Estimate:
        rows, device = pair.works.features, pair.device
        centre = torch.zeros(rows.shape[1], dtype=torch.float64, device=device)
        for _, block in pair.reference.features.blocks():
            centre += torch.from_numpy(block).to(device).double().sum(dim=0) / len(pair.reference)
        alike = torch.zeros(len(centre), len(centre), dtype=torch.float64, device=device)
        for x in self._directions(pair, centre):
            alike += x.T @ x / len(rows)
        values, vectors = torch.linalg.eigh(alike)
        logs = values.clamp_min(1e-15).log()
        entropy = -(values.clamp_min(0) * logs).sum()
        score = entropy.exp()
        # d entropy / d weight of x = -x' log(A) x - entropy - 1 + ..., of which only differences count.
        moved = [-((x @ vectors).square() @ logs) * score for x in self._directions(pair, centre)]
        return Estimate.of(score.item(), linear_bootstrap(score.item(), torch.cat(moved).cpu().numpy()), self.limits)

    def _directions(self, pair: Pair, centre: Tensor) -> Iterator[Tensor]:
        """The works' features as unit vectors, a block at a time."""
        for _, block in pair.works.features.blocks():
            yield F.normalize(torch.from_numpy(block).to(pair.device).double() - centre, dim=1)
