"""Pictures and captions as vectors that point the same way where they belong together: two small towers.

Radford et al. 2021 (CLIP), fig. 3, at desk size and from nothing. It learns beside G and D from real pictures and their
captions alone, tells G which way a work moves nearer to its caption (Xu et al. 2018, eq. 11, there learned beforehand),
and chooses the best of several works. No evaluation uses it: a judge must not have had a part in training.
"""

import itertools
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions
from .layers import he, leaky, unshuffle
from .sentence import reader_of

SIDE_PX = 32
WIDTHS = (32, 64, 96)
SHARPEST = math.log(100.0)


class Dual(nn.Module):
    """see: (n, C, H, W) -> (n, text_dim); read: (n, READ, IDS) -> (n, text_dim); both of length 1."""

    def __init__(self, channels: int, asked: Conditions) -> None:
        super().__init__()
        text_dim = asked.text_dim
        pairs = itertools.pairwise((4 * channels, *WIDTHS))
        self.convolutions = nn.ModuleList(he(nn.Conv2d(a, b, 3, padding=1)) for a, b in pairs)
        self.gather = he(nn.Linear(WIDTHS[-1] * (SIDE_PX // 8) ** 2, 2 * text_dim))
        self.seen = nn.Linear(2 * text_dim, text_dim)
        self.reader: Any = reader_of(asked)
        self.said = nn.Linear(text_dim, text_dim)
        self.sharpness = nn.Parameter(torch.tensor(math.log(10.0)))

    def see(self, pictures: Tensor) -> Tensor:
        """Of any size; they are looked at in 32 px a side."""
        x = pictures
        if x.shape[2:] != (SIDE_PX, SIDE_PX):
            x = F.interpolate(x, (SIDE_PX, SIDE_PX), mode="bilinear", antialias=True, align_corners=False)
        x = unshuffle(x)
        for number, convolve in enumerate(self.convolutions):
            x = leaky(convolve(F.avg_pool2d(x, 2) if number else x))
        return F.normalize(self.seen(leaky(self.gather(x.flatten(1)))).float(), dim=1)

    def read(self, words: Tensor) -> Tensor:
        return F.normalize(self.said(self.reader(words)).float(), dim=1)

    def apart(self, pictures: Tensor, own: Tensor, others: Tensor) -> Tensor:
        """() how badly pictures and captions find each other, in nats. van den Oord et al. 2018, eq. 4, both ways.

        own, others: (n, READ, IDS) captions that belong to the pictures, and more that do not. A picture's own words
        are no mistake where they come again; captions without words do not count.
        """
        said = torch.cat([own, others])
        match = self.see(pictures) @ self.read(said).T * self.sharpness.clamp(max=SHARPEST).exp()
        same = (own[:, None] == said[None]).all(dim=3).all(dim=2)
        right = torch.arange(len(own), device=own.device)
        doubles = same.clone()
        doubles[right, right] = False
        match = match.masked_fill(doubles | (said[:, 0, 0] == 0), -1e4)
        told = (own[:, 0, 0] > 0).float()
        by_picture = F.cross_entropy(match, right, reduction="none")
        by_caption = F.cross_entropy(match[:, : len(own)].T, right, reduction="none")
        return ((by_picture + by_caption) * told).sum() / told.sum().clamp(min=1)
