"""Which pictures, labels and latents a step uses: functions of the seed and of how many came before.

So a resumed run matches. Every process draws the whole batch and keeps its own slice, so that the number of processes
changes nothing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..config import Conditions, Recipe
from ..dataset import Dataset
from ..nets.generator import Between
from ..tensors import as_floats, seeded
from .augment import Dice
from .captions import Captions, Said

BY_CAPTION_ALONE = 0.5
"""Share of the pictures without their label where there are captions: whoever asks in words gives no label."""


@dataclass(frozen=True)
class Batch:
    """A process's share of a step's pictures, on its device."""

    number: int
    """Goes up by one from step to step, as long as the batch's size stays."""
    real: Tensor
    """(n, C, H, W) float32 in [-1, 1]."""
    label: Tensor
    """(n,) in [0, labels], the last is the null label; with captions (n, ROW), as in `ganvas.config.Conditions`."""
    other_label: Tensor
    """For each picture a label, or a label and a caption, that are not its own; the same as `label` where it has none.
    """
    z_d: Tensor
    """(n, latent_dim) latents for D's step."""
    z_g: Tensor
    """(n, latent_dim) latents for G's step."""
    mix: Tensor
    """(n,) uniform in [0, 1], for WGAN-GP."""
    between: Between | None
    """Which works are to be drawn between two captions; None: none."""
    dice: Dice | None
    """For the changes that D's pictures undergo; None: they stay as they are."""


class Batches:
    """The run's batches. `rank` of `processes` says which slice is ours."""

    def __init__(
        self,
        dataset: Dataset,
        indices: np.ndarray,
        recipe: Recipe,
        asked: Conditions,
        seed: int,
        rank: int,
        processes: int,
    ) -> None:
        self.dataset = dataset
        self.indices = indices
        self.recipe = recipe
        self.labels = asked.labels
        self.captions = Captions(dataset, indices, asked.encoder) if asked.text_dim else None
        self.seed = seed
        self.rank, self.processes = rank, processes
        self._order: tuple[int, np.ndarray] = (-1, indices)

    def batch(self, seen: int, size: int, device: torch.device, augment_p: float = 0.0) -> Batch:
        """Our share of `size` pictures that come after `seen` ones. augment_p: how likely each change of them is."""
        rng = seeded(self.seed, "step", seen)
        share = size // self.processes
        ours = slice(self.rank * share, (self.rank + 1) * share)
        chosen = np.array([self._work(position) for position in range(seen, seen + size)])
        label = torch.from_numpy(self.dataset.labels[chosen]) if self.labels else torch.zeros(size, dtype=torch.long)
        label = torch.where(label < 0, self.labels, label)
        if self.labels:
            null = self.recipe.null_label if self.captions is None else BY_CAPTION_ALONE
            label = torch.where(torch.rand(size, generator=rng) < null, self.labels, label)
        z_d, z_g = torch.randn(2, size, self.recipe.latent_dim, generator=rng)
        mix = torch.rand(size, generator=rng)
        places = torch.rand(size, 2, generator=rng).numpy()
        other = torch.where(label < self.labels, (label + self._steps_aside(size, rng)) % max(self.labels, 1), label)
        said = None
        if self.captions is not None:
            said = self.captions.said_of(chosen, label, self.recipe.null_label, rng)
            label, other = said.own, said.other
        real = as_floats(self.dataset.batch(chosen[ours], places[ours]), device, self.recipe.tones)
        if self.recipe.mirror:
            mirrored = torch.rand(size, generator=rng)[ours].to(device) < 0.5
            real = torch.where(mirrored[:, None, None, None], real.flip(3), real)
        dice = Dice(seeded(self.seed, "augment", seen), size, ours, augment_p, device) if augment_p else None
        drawn = (x[ours].to(device, non_blocking=True) for x in (label, other, z_d, z_g, mix))
        return Batch(
            seen // size, real, *drawn, between=None if said is None else between(said, ours, device), dice=dice
        )

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


def between(said: Said, ours: slice, device: torch.device) -> Between | None:
    """Which of our works are to be drawn between two captions."""
    share = said.share[ours]
    places = share.nonzero()[:, 0]
    if not len(places):
        return None
    one, other = (end[ours][places].to(device) for end in said.ends)
    return Between(places.to(device), one, other, share[places].to(device))
