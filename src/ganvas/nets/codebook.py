"""Squares of pictures to codes and back: each square is the one of a few that is most like it, and a correction."""

import torch
from torch import Tensor, nn

EMPHASIS = 1.5
"""How much more than details the mean of a square counts, in each channel, when one is looked for: with 1 a sliver of
black may come back green, and a judge of colours was right on 96% of what came back, with 2 on 99%."""
KEPT = 0.99
"""What an average keeps of itself from step to step."""
RARE = 0.03
"""Times a step; a kind that is used less often is given up for a square that is badly represented."""
UNSEEN = 1e-5
"""Mean squared error that nobody sees: half a level of 256."""


class Kinds(nn.Module):
    """Vector quantisation (van den Oord et al. 2017, sect. 3.1), in the space of pixels.

    squares: (kinds, numbers), each the mean of the squares that it stands for: k-means, learned batch by batch from
    moving averages (ibid., appendix A.1).
    """

    squares: Tensor
    uses: Tensor

    def __init__(self, kinds: int, numbers: int, channels: int) -> None:
        """numbers: of a square, channel by channel."""
        super().__init__()
        self.channels = channels
        self.register_buffer("squares", torch.rand(kinds, numbers) * 2 - 1)
        self.register_buffer("uses", torch.zeros(kinds))

    def forward(self, squares: Tensor) -> Tensor:
        """(m, numbers) squares -> (m,) numbers of the nearest kinds."""
        mine, theirs = self._stressed(self.squares), self._stressed(squares)
        return (mine.square().sum(dim=1) - 2 * theirs @ mine.T).argmin(dim=1)

    def _stressed(self, squares: Tensor) -> Tensor:
        cells = squares.unflatten(1, (self.channels, -1))
        return (cells + (EMPHASIS - 1) * cells.mean(dim=2, keepdim=True)).flatten(1)

    def learn(self, squares: Tensor) -> Tensor:
        """Moves kinds to the means of the squares, (m, numbers), that they stand for. returns: (m,) which these were.

        Kinds that are hardly used take the place of those squares that are represented worst: Dhariwal et al. 2020
        (Jukebox), sect. 3.1, there of squares by chance.
        """
        which = self(squares)
        counts = torch.bincount(which, minlength=len(self.uses)).float()
        sums = torch.zeros_like(self.squares).index_add_(0, which, squares)
        # Each kind moves by its share of new squares among all that it was moved by.
        self.uses.mul_(KEPT).add_(counts, alpha=1 - KEPT)
        share = ((1 - KEPT) * counts / self.uses.clamp(min=1e-9)).clamp(max=1)[:, None]
        self.squares.lerp_(torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], self.squares), share)
        often = counts.argmax()
        twins = (self.squares - self.squares[often]).square().mean(dim=1) < UNSEEN
        twins[often] = False  # others that are all but the same would have it by turns, as rounding falls
        self.uses.masked_fill_(twins, 0)
        different, one_of = squares.unique(dim=0, return_inverse=True)  # else most of them would be plain paper
        errors = (squares - self.squares[which]).square().mean(dim=1)
        off = torch.zeros(len(different), device=squares.device).index_copy_(0, one_of, errors)
        rare = (self.uses < RARE).nonzero()[:, 0]
        worst = off.argsort(descending=True, stable=True)[: len(rare)]
        worst = worst[off[worst] > UNSEEN]
        rare = rare[: len(worst)]
        self.squares[rare] = different[worst]
        self.uses[rare] = 1.0
        return which


class Codebook(nn.Module):
    """A square is one of a few kinds, and what is left is one of a few details: Lee et al. 2022 (RQ-VAE), sect. 3.1.

    Its code is kind * details + detail.   paper: () the commonest kind; its squares are all the same.
    """

    paper: Tensor

    def __init__(self, kinds: int, details: int, numbers: int, channels: int) -> None:
        super().__init__()
        self.kinds, self.details = Kinds(kinds, numbers, channels), Kinds(details, numbers, channels)
        self.register_buffer("paper", torch.tensor(0))

    def __len__(self) -> int:
        return len(self.kinds.uses) * len(self.details.uses)

    @property
    def paper_code(self) -> Tensor:
        return self.paper * len(self.details.uses)

    def forward(self, squares: Tensor) -> Tensor:
        """(..., numbers) squares -> (...) codes."""
        flat = squares.float().flatten(0, -2)
        kind = self.kinds(flat)
        detail = self.details(flat - self.kinds.squares[kind])
        return self.joined(kind, detail).view(squares.shape[:-1])

    def joined(self, kind: Tensor, detail: Tensor) -> Tensor:
        return kind * len(self.details.uses) + torch.where(kind == self.paper, 0, detail)

    def parts(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """(...) codes -> their kinds and details."""
        details = len(self.details.uses)
        return codes.div(details, rounding_mode="floor"), codes % details

    def squares(self, codes: Tensor) -> Tensor:
        """(...) codes -> (..., numbers)."""
        kind, detail = self.parts(codes)
        ink = (kind != self.paper)[..., None]
        return self.kinds.squares[kind] + torch.where(ink, self.details.squares[detail], 0)

    @torch.no_grad()
    def learn(self, squares: Tensor) -> Tensor:
        """A step of both, by squares, (m, numbers). returns: () mean squared error."""
        which = self.kinds.learn(squares)
        # While kinds move, the one that is nearest to paper changes from step to step, and counts lag behind.
        commonest = squares[which == which.mode()[0]].median(dim=0)[0]
        self.paper.copy_(self.kinds(commonest[None])[0])
        left = (squares - self.kinds.squares[which])[which != self.paper]
        if len(left):
            self.details.learn(left)
        return (squares - self.squares(self(squares))).square().mean()
