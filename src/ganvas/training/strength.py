"""How likely D's pictures are changed (training/augment.py), from step to step.

By `overfitting`: Karras et al. 2020 (ADA, sect. 3.1) raise the probability p while D knows its pictures by heart, and
lower it while it does not. They measure that by r_t, the share of pictures that D calls real, which says nothing in
games that leave the level of D's logits free; so here it is r_v, their other one (eq. 1), with held-out pictures. Where
too few are held out to tell, p follows the ramp.
"""

from collections.abc import Callable, Sequence
from math import isnan
from typing import Any

import numpy as np
import torch

from ..config import Recipe
from ..dataset import Dataset
from ..errors import CheckpointError
from ..run_config import RunConfig
from ..tensors import as_floats, seeded
from . import ema
from .augment import Dice, augmented
from .players import Players
from .vitals import levelled, overfitting

EVERY = 2560
"""Pictures between two looks."""
TARGET = 0.2
"""r_v at which p stays as it is."""
RISE = 0.2
"""Share of a run in which p goes from 0 to 1, or back, when r_v lies on one side all the time."""
RAMP = 0.5
"""Share of a run in which the ramp reaches its height."""
ASKED = 256
"""Most pictures of each kind that D is asked about, and works."""


class Strength:
    """The probability `p` of each change, and what it is set by.

    meter: makes what measures how far D knows its pictures by heart, at the first look.
    """

    def __init__(self, recipe: Recipe, meter: "Callable[[], Overfitting]") -> None:
        self.go_by(recipe)
        self._make_meter = meter
        self._meter: Overfitting | None = None
        self.forget()

    def go_by(self, recipe: Recipe) -> None:
        """From here on by the settings of this recipe; p stays where it is."""
        self.groups = recipe.augment
        self.by, self.most = recipe.augment_by, recipe.augment_p if recipe.augment else 0.0

    def forget(self) -> None:
        """Back to the start of the run."""
        self.p = self.most if self.by == "fixed" else 0.0
        self.looked, self.progress = 0, 0.0
        """Pictures seen, and the share of the run behind, at the last look."""

    def follow(self, players: Players, images: int, progress: float) -> None:
        """Sets p for the step that comes after `images` pictures."""
        if self.most == 0 or self.by == "fixed":
            self.looked, self.progress = images, progress  # so that p rises from here, if the doctor turns it on
            return
        ramp = self.most * min(1.0, progress / RAMP)
        if self.by == "ramp":
            self.p = ramp
        elif images - self.looked >= EVERY:
            if self._meter is None:
                self._meter = self._make_meter()
            r_v = self._meter.measure(players, self.groups, self.p)
            change = (progress - self.progress) / RISE
            self.p = ramp if isnan(r_v) else min(self.most, max(0.0, self.p + (change if r_v > TARGET else -change)))
            self.looked, self.progress = images, progress

    def to_json(self) -> dict[str, Any]:
        """For state.json; `recall` reads it."""
        return {"p": self.p, "looked": self.looked, "progress": self.progress}

    def recall(self, stored: Any) -> None:
        """`to_json` backwards; None, of a run without it, begins anew. Raises CheckpointError."""
        self.forget()
        if stored is None:
            return
        try:
            p, looked, progress = float(stored["p"]), int(stored["looked"]), float(stored["progress"])
        except (TypeError, ValueError, KeyError) as error:
            raise CheckpointError(f"state.json: 'augment' is damaged ({error!r}).") from None
        if not (0 <= p <= 1 and looked >= 0 and 0 <= progress <= 1):
            raise CheckpointError(f"state.json: 'augment' is damaged: {stored}.")
        self.p, self.looked, self.progress = min(p, self.most), looked, progress


class Overfitting:
    """Measures r_v on always the same pictures, changed as those are that D learns from.

    train, held_out: indices of works of `dataset`.
    """

    def __init__(
        self, config: RunConfig, dataset: Dataset, train: np.ndarray, held_out: np.ndarray, device: torch.device
    ) -> None:
        self.config, self.device, self.labels = config, device, len(config.label_names)
        self.tones = config.recipe.tones
        rng = seeded(config.seed, "overfitting")
        self.asked = [
            self._of(dataset, works[torch.randperm(len(works), generator=rng)[:ASKED].numpy()])
            for works in (train, held_out)
        ]
        self.z = torch.randn(len(self.asked[0][1]), config.recipe.latent_dim, generator=rng).to(device)

    def _of(self, dataset: Dataset, chosen: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        label = torch.from_numpy(dataset.labels[chosen]) if self.labels else torch.zeros(len(chosen), dtype=torch.long)
        label = torch.where(label < 0, self.labels, label)
        return as_floats(dataset.batch(chosen), self.device, self.tones), label.to(self.device)

    @torch.no_grad()
    def measure(self, players: Players, groups: Sequence[str], p: float) -> float:
        """r_v of D as it is; NaN where too few pictures are held out, or D does not tell real from generated."""
        (train, label), (held_out, held_out_label) = self.asked
        if len(held_out) == 0:
            return float("nan")
        G = ema.frozen_copy(players.bare_G).train(players.bare_G.training)  # a batch's statistics move on a copy
        fake = G(self.z, label).float()
        rng = seeded(self.config.seed, "overfitting, changes")
        logits = []
        for pictures, of in ((train, label), (held_out, held_out_label), (fake, label)):
            dice = Dice(rng, len(pictures), slice(None), p, self.device)
            seen = augmented(pictures, groups, dice)
            logits.append((players.bare_D(seen, of).float(), of))
        r_v, _ = overfitting(*(levelled(*one, logits[0][0], label) for one in logits))
        return r_v
