"""Squares of pictures to codes and back: each square is the one of a few that is most like it."""

import torch
from torch import Tensor, nn

EMPHASIS = 1.5
"""How much more than details the mean of a square counts, in each channel, when one is looked for: with 1 a sliver of
black may come back green, and a judge of colours was right on 96% of what came back, with 2 on 99%."""
KEPT = 0.99
"""What an average keeps of itself from step to step."""
RARE = 0.03
"""Times a step; a code that is used less often is given up for a square that is badly represented."""


class Codebook(nn.Module):
    """Vector quantisation (van den Oord et al. 2017, sect. 3.1), in the space of pixels.

    squares: (codes, numbers), each the mean of the squares that it stands for: k-means, learned batch by batch from
    moving averages (ibid., appendix A.1).
    """

    squares: Tensor
    uses: Tensor

    def __init__(self, codes: int, numbers: int, channels: int) -> None:
        """numbers: of a square, channel by channel."""
        super().__init__()
        self.channels = channels
        self.register_buffer("squares", torch.rand(codes, numbers) * 2 - 1)
        self.register_buffer("uses", torch.zeros(codes))

    def forward(self, squares: Tensor) -> Tensor:
        """(..., numbers) squares -> (...) codes of the nearest ones."""
        mine, flat = self._stressed(self.squares), self._stressed(squares.float().flatten(0, -2))
        apart = mine.square().sum(dim=1) - 2 * flat @ mine.T
        return apart.argmin(dim=1).view(squares.shape[:-1])

    def _stressed(self, squares: Tensor) -> Tensor:
        cells = squares.unflatten(1, (self.channels, -1))
        return (cells + (EMPHASIS - 1) * cells.mean(dim=2, keepdim=True)).flatten(1)

    @torch.no_grad()
    def learn(self, squares: Tensor) -> Tensor:
        """Moves codes to the means of the squares, (n, numbers), that they stand for. returns: () mean squared error.

        Codes that are hardly used take the place of those squares that are represented worst: Dhariwal et al. 2020
        (Jukebox), sect. 3.1, there of squares by chance.
        """
        codes = self(squares)
        counts = torch.bincount(codes, minlength=len(self.uses)).float()
        sums = torch.zeros_like(self.squares).index_add_(0, codes, squares)
        # Each code moves by its share of new squares among all that it was moved by.
        self.uses.mul_(KEPT).add_(counts, alpha=1 - KEPT)
        share = ((1 - KEPT) * counts / self.uses.clamp(min=1e-9)).clamp(max=1)[:, None]
        self.squares.lerp_(torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], self.squares), share)
        errors = (squares - self.squares[codes]).square().mean(dim=1)
        rare = (self.uses < RARE).nonzero()[:, 0]
        worst = errors.argsort(descending=True, stable=True)[: len(rare)]
        worst = worst[errors[worst] > 0]
        rare = rare[: len(worst)]
        self.squares[rare] = squares[worst]
        self.uses[rare] = 1.0
        return errors.mean()
