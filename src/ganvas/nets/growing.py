"""`growing`: a net that learns large pictures by learning small ones first, within one run.

Karras et al. 2018 (progressive growing), in the form that needs no blending of old and new: G's picture is the sum of
what each level paints, enlarged (Karras et al. 2020, StyleGAN2, sect. 4.1); D adds what a finer level sees to what the
coarser one reads from the picture shrunk. A level starts by painting and seeing nothing, so no picture jumps.

Pictures always have their full size. At a lower level G repeats its pixels, and D takes their mean over the same
squares: one undoes the other exactly. The gradient penalty, too, sees full-size pixels; over squares of f x f equal
ones it is 1/f^2 of the small picture's, so a fixed gamma acts as one that grows with the pixels.
"""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions, check, check_counts
from ..registry import nets
from .generator import Generator
from .layers import (
    Blur,
    LabelledLatent,
    Modulation,
    ProjectionLogit,
    bounded,
    centre_crop,
    grid,
    halvings,
    he,
    leaky,
    pad_to,
    shuffle,
    unshuffle,
    zeros,
)
from .residual import Block, Down, Glance, ModulatedBlock, Residual, Up


@nets.register("growing")
@dataclass(frozen=True)
class Growing(Residual):
    """As `residual`, whose levels come one after the other.

    Widths count from the coarsest resolution, so that a net for larger pictures has the same levels and some more.
    """

    family: ClassVar[str] = "growing"
    width: int = 16
    """Fewest channels of a level, in both nets."""
    max_width: int = 128
    """Channels at the coarsest resolution, about 4 px; they halve with each doubling."""
    generator_depth: int = 1
    """Residual blocks a level of G."""
    start_px: int = 16
    """Pictures of the first level have at least so many pixels on their shorter side."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, ("start_px",), 256)
        for name in ("palette", "patches"):
            check(getattr(self, name) == 0, name, getattr(self, name), "0: growing nets have none")

    def widths(self, height: int, width: int) -> list[int]:
        """Channels of each level, from half resolution down to about 4 to 7 px."""
        levels = len(super().widths(height, width))
        return [max(self.width, self.max_width // 2**finer) for finer in reversed(range(levels))]

    def levels(self, shape: tuple[int, int, int]) -> int:
        """How many sizes pictures have, one after the other, each twice the one before."""
        side, resolutions = min(shape[1:]), halvings(*shape[1:])
        return sum(side / 2**halved >= self.start_px for halved in range(resolutions)) or 1

    def generator(self, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> nn.Module:
        return GrowingGenerator(self, shape, latent_dim, asked)

    def discriminator(self, shape: tuple[int, int, int], asked: int | Conditions) -> nn.Module:
        return GrowingDiscriminator(self, shape, asked)


class GrowingGenerator(Generator):
    """`level`, a buffer, says how many levels paint besides the first; it is at the finest unless told otherwise."""

    level: Tensor

    def __init__(self, config: Growing, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        widths, self.levels = config.widths(self.height, self.width)[::-1], config.levels(shape)
        self.below = len(widths) - self.levels
        self.base = (grid(self.height, len(widths)), grid(self.width, len(widths)), widths[0])
        self.latent, self.free_dims = LabelledLatent(latent_dim, asked), latent_dim
        self.start = he(nn.Linear(self.latent.out_dim, self.base[0] * self.base[1] * self.base[2]))
        self.depth = config.generator_depth
        self.blocks = nn.ModuleList(
            ModulatedBlock(width, self.latent.out_dim) for width in widths for _ in range(self.depth)
        )
        self.ups = nn.ModuleList(Up(wide, narrow) for wide, narrow in itertools.pairwise(widths))
        self.paints = nn.ModuleList(
            (zeros if finer else he)(nn.Conv2d(width, 4 * channels, 3, padding=1))
            for finer, width in enumerate(widths[self.below :])
        )
        self.blur = Blur(channels)
        self.register_buffer("level", torch.tensor(self.levels - 1))
        heights = [self.base[0] * 2**level for level in range(len(widths)) for _ in range(self.depth)]
        self.resolutions = (self.base[0], *heights)

    def styles(self, z: Tensor, label: Tensor) -> Tensor:
        """All are the same: the latent and its label."""
        return self.latent(z, label)[:, None].expand(-1, len(self.resolutions), -1)

    def draw(self, styles: Tensor) -> Tensor:
        level = int(self.level)
        first, *rest = styles.unbind(1)
        x = self.start(first).view(-1, *self.base).permute(0, 3, 1, 2)
        picture = x.new_zeros(())
        for number in range(self.below + level + 1):
            if number > 0:
                x = self.ups[number - 1](x)
            for place in range(number * self.depth, (number + 1) * self.depth):
                x = self.blocks[place](x, rest[place])
            if number > self.below:
                picture = twice(picture)
            if number >= self.below:
                picture = picture + self.blur(shuffle(self.paints[number - self.below](leaky(x))))
        picture = bounded(repeated(picture, 2 ** (self.levels - 1 - level)))
        return centre_crop(picture, self.height, self.width)

    def entrances(self) -> list[tuple[int, Tensor]]:
        linears = [self.start, *(part.linear for part in self.blocks.modules() if isinstance(part, Modulation))]
        return [(number, linear.weight) for number, linear in enumerate(linears)]


class GrowingDiscriminator(nn.Module):
    """`level`, a buffer, as in the generator."""

    level: Tensor

    def __init__(self, config: Growing, shape: tuple[int, int, int], asked: int | Conditions) -> None:
        super().__init__()
        channels, height, width = shape
        widths, self.levels = config.widths(height, width)[::-1], config.levels(shape)
        self.below = len(widths) - self.levels
        base_height, base_width = grid(height, len(widths)), grid(width, len(widths))
        self.padded = (base_height * 2 ** len(widths), base_width * 2 ** len(widths))
        self.reads = nn.ModuleList(he(nn.Conv2d(4 * channels, width, 3, padding=1)) for width in widths[self.below :])
        self.depth = config.depth
        self.blocks = nn.ModuleList(Block(width) for width in widths for _ in range(self.depth))
        self.downs = nn.ModuleList(Down(narrow, wide) for wide, narrow in itertools.pairwise(widths))
        for down in self.downs[self.below :]:
            zeros(down)  # what leads from a level that is yet to come
        features = widths[0]
        self.gather = he(nn.Linear(features * base_height * base_width, features))
        self.glance = Glance((channels, *self.padded), config.glance) if config.glance else None
        self.logit = ProjectionLogit(features + config.glance, asked)
        self.register_buffer("level", torch.tensor(self.levels - 1))

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        level = int(self.level)
        squares = 2 ** (self.levels - 1 - level)
        seen = whole = shrunk(pad_to(pictures, *self.padded), squares)
        x = seen.new_zeros(())
        for number in reversed(range(self.below + level + 1)):
            if number >= self.below:
                x = x + self.reads[number - self.below](unshuffle(seen.contiguous()))
                seen = shrunk(seen, 2)
            for block in self.blocks[number * self.depth : (number + 1) * self.depth]:
                x = block(x)
            if number > 0:
                x = self.downs[number - 1](x)
        x = leaky(self.gather(leaky(x).permute(0, 2, 3, 1).flatten(1)))
        if self.glance is not None:
            x = torch.cat([x, self.glance(repeated(whole, squares))], dim=1)
        return self.logit(x, label)


def twice(pictures: Tensor) -> Tensor:
    """(n, C, H, W) -> (n, C, 2H, 2W), smoothly."""
    return F.interpolate(pictures, scale_factor=2, mode="bilinear", align_corners=False)


def repeated(pictures: Tensor, times: int) -> Tensor:
    """(n, C, H, W) -> (n, C, times H, times W): each pixel a square of equal ones."""
    return pictures if times == 1 else F.interpolate(pictures, scale_factor=times, mode="nearest")


def shrunk(pictures: Tensor, times: int) -> Tensor:
    """(n, C, H, W) -> (n, C, H / times, W / times): the mean over squares, `repeated` backwards."""
    return pictures if times == 1 else F.avg_pool2d(pictures, times)
