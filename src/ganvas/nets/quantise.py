"""Numbers to codes and back: each of a few numbers is rounded to one of a few levels."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Quantiser(nn.Module):
    """Finite scalar quantisation: Mentzer et al. 2023, sect. 3.1.

    A code stands for one combination of levels. The codebook is implied, so no part of it can go unused for want of a
    gradient, and it takes no loss of its own. levels: of each number, at least 2.
    """

    steps: Tensor
    places: Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self.codes = math.prod(levels)
        places = [math.prod(levels[:number]) for number in range(len(levels))]
        self.register_buffer("steps", torch.tensor([count - 1.0 for count in levels]), persistent=False)
        self.register_buffer("places", torch.tensor(places), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., numbers) any -> (..., numbers) levels, evenly spaced in [-1, 1]. The gradient passes as if unrounded.

        Straight through: Bengio et al. 2013, sect. 4. In float32, so that codes are the same wherever they are read.
        """
        bounded = torch.tanh(x.float())
        rounded = 2 * torch.round((bounded + 1) / 2 * self.steps) / self.steps - 1
        return bounded + (rounded - bounded).detach()

    def numbers(self, levels: Tensor) -> Tensor:
        """(..., numbers) of `forward` -> (...) codes in [0, codes)."""
        return (torch.round((levels + 1) / 2 * self.steps).long() * self.places).sum(dim=-1)

    def digits(self, codes: Tensor) -> Tensor:
        """(...) codes -> (..., numbers) whole numbers: which level each is at, from 0."""
        return codes[..., None] // self.places % (self.steps.long() + 1)

    def values(self, codes: Tensor) -> Tensor:
        """(...) codes -> (..., numbers) levels: `numbers` backwards."""
        return 2 * self.digits(codes) / self.steps - 1
