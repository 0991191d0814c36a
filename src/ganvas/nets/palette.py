"""Flat colours: G chooses a few for each work, and fills areas with them.

A net that paints every pixel freely never leaves an area quite flat, nor an edge quite sharp, and what gives works of a
few minutes away is that (docs/experiments.md). Drawings, emoji and pixel art are areas of one colour.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Blur, bounded, shuffle

FREE = 3.0
"""Logit of painting freely at first, where those of colours are about 0. Without it works may stay of one colour."""
SURE = 8.0
"""Logits go no further from 0, so that every choice can be taken back."""


class Palette(nn.Module):
    """(n, C, 2H, 2W) pictures, painted freely, and (n, width, H, W) features -> pictures that may be flat in places.

    Each pixel is a mixture of the free picture's and the work's colours, in shares that add up to 1, a softmax of
    logits: an image as a sum of layers of one colour each, as in Aksoy et al. 2017, eq. 1-2. Where one logit is far
    above the others, the area is flat; where they cross, an edge is as sharp as they are steep.
    """

    def __init__(self, colours: int, width: int, channels: int, latent_dim: int) -> None:
        super().__init__()
        self.count, self.channels = colours, channels
        self.colours = nn.Linear(latent_dim, colours * channels)
        nn.init.normal_(self.colours.weight, std=0.3 / latent_dim**0.5)
        nn.init.uniform_(self.colours.bias, -1, 1)
        self.choose = nn.Conv2d(width, 4 * (colours + 1), 3, padding=1)
        nn.init.normal_(self.choose.weight, std=0.5 / (9 * width) ** 0.5)
        self.choose.bias = nn.Parameter(F.pad(torch.full((4,), FREE), (0, 4 * colours)))
        self.blur = Blur(colours + 1)  # without it edges are dithered

    def forward(self, free: Tensor, x: Tensor, latent: Tensor) -> Tensor:
        colours = self.colours(latent).float().view(-1, self.channels, self.count)
        colours = F.pad(colours, (1, 0))  # black for the first share, which is the free picture's
        logits = SURE * bounded(self.blur(shuffle(self.choose(x))).float() / SURE)
        share = logits.softmax(dim=1)
        with torch.autocast(x.device.type, enabled=False):
            flat = torch.bmm(colours, share.flatten(2)).view(free.shape)
        return flat + share[:, :1] * free
