"""Vendi score: how many entirely different works a set amounts to."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..registry import scores
from .rows import Rows
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
        centre = mean_of(pair.reference.features, pair.device)
        alike = torch.zeros(len(centre), len(centre), dtype=torch.float64, device=pair.device)
        for x, _ in directions(pair.works.features, centre):
            alike += x.T @ x / len(pair.works)
        values, vectors = torch.linalg.eigh(alike)
        logs = values.clamp_min(1e-15).log()
        score = (-(values.clamp_min(0) * logs).sum()).exp()
        found = (influences(x, lengths, vectors, logs) for x, lengths in directions(pair.works.features, centre))
        of_works, pulls = zip(*found, strict=True)
        pull = torch.stack(pulls).sum(dim=0) / len(pair.works)
        of_real = [
            (torch.from_numpy(block).to(pair.device).double() @ pull) * score
            for _, block in pair.reference.features.blocks()
        ]
        moved = (score * torch.cat(of_works)).cpu().numpy(), torch.cat(of_real).cpu().numpy()
        return Estimate.of(score.item(), linear_bootstrap(score.item(), *moved), self.limits)


def mean_of(rows: Rows, device: torch.device) -> Tensor:
    """(d,) float64."""
    total = torch.zeros(rows.shape[1], dtype=torch.float64, device=device)
    for _, block in rows.blocks():
        total += torch.from_numpy(block).to(device).double().sum(dim=0)
    return total / len(rows)


def directions(rows: Rows, centre: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Each row seen from the centre, a block at a time: unit vectors (b, d), lengths (b, 1), float64."""
    for _, block in rows.blocks():
        x = torch.from_numpy(block).to(centre.device).double() - centre
        lengths = x.norm(dim=1, keepdim=True).clamp_min(1e-12)
        yield x / lengths, lengths


def influences(x: Tensor, lengths: Tensor, vectors: Tensor, logs: Tensor) -> tuple[Tensor, Tensor]:
    """Of rows with unit vectors x (b, d): (b,) how much each row's weight moves the entropy, up to a constant.

    And (d,) how much a step of the centre does, summed over the rows. With L the logarithm of the mean of x x', the
    entropy moves by -x' L x for a row's weight, and by -2 x' L dx for a step dx = -(1 - x x') dc / length of its x.
    """
    seen = x @ vectors
    along = seen.square() @ logs
    turned = (seen * logs) @ vectors.T
    return -along, (2 * (turned - along[:, None] * x) / lengths).sum(dim=0)
