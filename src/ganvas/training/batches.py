"""Which pictures, labels and latents a step uses: functions of (seed, step) alone, so that a resumed run matches.

Every process draws the whole batch and keeps its own slice, so that the number of processes changes nothing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..config import Recipe
from ..dataset import Dataset
from ..tensors import as_floats, seeded


@dataclass(frozen=True)
class Batch:
    """A process's share of a step's pictures, on its device."""

    number: int
    """Of the step, counted from 0."""
    real: Tensor
    """(n, C, H, W) float32 in [-1, 1]."""
    label: Tensor
    """(n,) in [0, labels]; the last is the null label."""
    other_label: Tensor
    """(n,) for each picture a label that is not its own; the same as `label` where it has none."""
    z_d: Tensor
    """(n, latent_dim) latents for D's step."""
    z_g: Tensor
    """(n, latent_dim) latents for G's step."""
    mix: Tensor
    """(n,) uniform in [0, 1], for WGAN-GP."""


class Batches:
    """The run's batches by step. `rank` of `processes` says which slice is ours."""

    def __init__(
        self, dataset: Dataset, indices: np.ndarray, recipe: Recipe, labels: int, seed: int, rank: int, processes: int
    ) -> None:
        self.dataset = dataset
        self.indices = indices
        self.recipe = recipe
        self.labels = labels
        self.seed = seed
        share = recipe.batch_size // processes
        self.ours = slice(rank * share, (rank + 1) * share)
        self._order: tuple[int, np.ndarray] = (-1, indices)

    def batch(self, step: int, device: torch.device) -> Batch:
        """The batch of `step`, counted from 0."""
        size, rng = self.recipe.batch_size, seeded(self.seed, "step", step)
        chosen = np.array([self._work(position) for position in range(step * size, (step + 1) * size)])
        label = torch.from_numpy(self.dataset.labels[chosen]) if self.labels else torch.zeros(size, dtype=torch.long)
        label = torch.where(label < 0, self.labels, label)
        if self.labels:
            label = torch.where(torch.rand(size, generator=rng) < self.recipe.null_label, self.labels, label)
        z_d, z_g = torch.randn(2, size, self.recipe.latent_dim, generator=rng)
        mix = torch.rand(size, generator=rng)
        places = torch.rand(size, 2, generator=rng).numpy()
        other = torch.where(label < self.labels, (label + self._steps_aside(size, rng)) % max(self.labels, 1), label)
        real = as_floats(self.dataset.batch(chosen[self.ours], places[self.ours]), device)
        drawn = (x[self.ours].to(device, non_blocking=True) for x in (label, other, z_d, z_g, mix))
        return Batch(step, real, *drawn)

    def _steps_aside(self, size: int, rng: torch.Generator) -> Tensor:
        """(size,) whole numbers from 1 to labels - 1: how far the other label lies from a picture's own."""
        return torch.randint(1, self.labels, (size,), generator=rng) if self.labels > 1 else torch.zeros(size).long()

    def _work(self, position: int) -> int:
        """The work at a position in the endless row of shuffled epochs."""
        epoch, place = divmod(position, len(self.indices))
        if self._order[0] != epoch:
            order = torch.randperm(len(self.indices), generator=seeded(self.seed, "epoch", epoch))
            self._order = (epoch, self.indices[order.numpy()])
        return int(self._order[1][place])
