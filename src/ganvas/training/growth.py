"""Which size of pictures a growing net is at: small ones first, each twice the one before.

Karras et al. 2018, sect. 2. A level's share of the run follows from what a picture costs there: at an even split large
pictures would be seen too rarely, at a split by cost small ones would not be learned before they are over.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import CheckpointError
from ..runs import is_number

EVENNESS = 0.5
"""Shares go with the cost of a picture to this power: 0 is as much time for each level, 1 as many pictures."""
COST_OF_LEVEL = 4.0
"""A picture of twice the side has four times the pixels: how its cost grows where it was not measured."""


def shares_of(costs: Sequence[float]) -> list[float]:
    """Of the run, for each level, from the cost of a picture there, in any unit. They add up to 1."""
    weights = [cost**EVENNESS for cost in costs]
    return [weight / sum(weights) for weight in weights]


class Growth:
    """The levels of a run. levels: how many the nets have; 1 for nets that do not grow.

    shares: of the run, for each level; by default from the number of pixels.
    """

    def __init__(self, levels: int, shares: Sequence[float] | None = None) -> None:
        self.levels = levels
        self.shares = list(shares or shares_of([COST_OF_LEVEL**level for level in range(levels)]))

    def measured(self, rates: Sequence[float]) -> float:
        """From here on the levels' shares go by the pictures a second that this machine sees at each level.

        returns: pictures a second over the whole run.
        """
        self.shares = shares_of([1 / rate for rate in rates])
        return sum(share * rate for share, rate in zip(self.shares, rates, strict=True))

    def recall(self, stored: Any) -> None:
        """The shares as state.json has them; None, of a run from before they were measured, changes nothing.

        Raises CheckpointError.
        """
        if stored is None:
            return
        numbers = isinstance(stored, list) and len(stored) == self.levels and all(map(is_number, stored))
        if not numbers or min(stored) < 0 or abs(sum(stored) - 1) > 1e-6:
            raise CheckpointError("state.json: 'growth' is damaged.")
        self.shares = [float(share) for share in stored]

    def level(self, progress: float) -> int:
        """The level, from 0, at this share of the run behind us."""
        return sum(progress >= end for end in list(accumulate(self.shares))[:-1])

    def set(self, nets: Iterable[nn.Module], progress: float) -> None:
        """Tells the nets."""
        self.set_level(nets, self.level(progress))

    def set_level(self, nets: Iterable[nn.Module], level: int) -> None:
        if self.levels > 1:
            for net in nets:
                net.get_buffer("level").fill_(level)

    def shown(self, pictures: Tensor, progress: float) -> Tensor:
        """(n, C, H, W) pictures as coarse as those of the level, at their full size: means over squares."""
        side = 2 ** (self.levels - 1 - self.level(progress))
        if side == 1:
            return pictures
        small = F.avg_pool2d(pictures, side, ceil_mode=True, count_include_pad=False)
        height, width = pictures.shape[2:]
        return F.interpolate(small, scale_factor=side, mode="nearest")[:, :, :height, :width]
