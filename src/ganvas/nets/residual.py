"""`residual`: the net made for CPUs. Works at half resolution behind a pixel (un)shuffle; any size from 16 to 256 px.

No normalisation, no attention, no grouped convolutions: each costs a CPU more than it brings. Bottleneck blocks in
the manner of R3GAN (Huang et al. 2024, sect. 3): 1x1, 3x3, 1x1, the last starting at zero. The latent enters G at
every block, as a scale and a shift of each channel, which brought more than any width or depth (docs/experiments.md).
G fills areas with a few flat colours (palette.py), D judges a picture as a whole and piece by piece.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions, NetConfig, check, check_counts
from ..registry import nets
from .generator import Generator
from .layers import (
    Blur,
    LabelledLatent,
    Modulation,
    Pointwise,
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
from .palette import Palette
from .text import parted


@nets.register("residual")
@dataclass(frozen=True)
class Residual(NetConfig):
    """Widths double with each halving of the resolution, up to a maximum."""

    family: ClassVar[str] = "residual"
    width: int = 32
    """Channels at half the pictures' resolution, in both nets."""
    max_width: int = 128
    """Most channels of a level."""
    generator_depth: int = 2
    """Residual blocks a level of G, which costs a step far less than D."""
    depth: int = 1
    """Residual blocks a level of D."""
    glance: int = 256
    """Units of the two layers by which D also sees a picture as a whole, shrunk to 32 px a side; 0 leaves them out."""
    palette: int = 0
    """Flat colours that G has for each work, besides painting freely; 0 leaves them out."""
    patches: int = 0
    """The level, from 1 at half the resolution, whose features D also judges piece by piece; 0 leaves that out."""

    def __post_init__(self) -> None:
        check_counts(self, ("width", "max_width"), 8192)
        check_counts(self, ("generator_depth", "depth"), 100)
        check(0 <= self.glance <= 8192, "glance", self.glance, "from 0 to 8192")
        check(0 <= self.palette <= 256, "palette", self.palette, "from 0 to 256")
        check(0 <= self.patches <= 2, "patches", self.patches, "0, 1 or 2, as pictures of 16 px have no more levels")
        check(self.width <= self.max_width, "width", self.width, f"at most max_width, {self.max_width}")

    def widths(self, height: int, width: int) -> list[int]:
        """Channels of each level, from half resolution down to about 4 to 7 px."""
        sizes_ok = min(height, width) >= 16 and max(height, width) <= 256
        what = f"the picture size for the net '{self.family}'"
        check(sizes_ok, what, f"{width}x{height}", "from 16 to 256 px a side")
        return [min(self.width * 2**level, self.max_width) for level in range(halvings(height, width))]

    def finest(self, discriminator: nn.Module, levels: int) -> Sequence[nn.Module]:
        assert isinstance(discriminator, ResidualDiscriminator)
        return [discriminator.read, *discriminator.levels[: levels * (self.depth + 1)]]

    def generator(self, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> nn.Module:
        return ResidualGenerator(self, shape, latent_dim, asked)

    def discriminator(self, shape: tuple[int, int, int], asked: int | Conditions) -> nn.Module:
        return ResidualDiscriminator(self, shape, asked)


class Block(nn.Module):
    """x + 1x1(leaky(3x3(leaky(1x1(leaky(x)))))): adds nothing at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = Pointwise(width, width)
        self.mix = he(nn.Conv2d(width, width, 3, padding=1))
        self.leave = zeros(Pointwise(width, width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.enter(leaky(x))
        y = self.mix(leaky(y))
        return x + self.leave(leaky(y))


class ModulatedBlock(nn.Module):
    """A `Block` whose input the latent scales and shifts, channel by channel."""

    def __init__(self, width: int, latent_dim: int) -> None:
        super().__init__()
        self.modulate = Modulation(latent_dim, width)
        self.enter = Pointwise(width, width)
        self.mix = he(nn.Conv2d(width, width, 3, padding=1))
        self.leave = zeros(Pointwise(width, width))

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        y = self.enter(self.modulate(leaky(x), latent))
        y = self.mix(leaky(y))
        return x + self.leave(leaky(y))


class Up(nn.Module):
    """Twice the resolution: 1x1 convolution to the new width, then bilinear."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.project = Pointwise(width_in, width_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.project(x), scale_factor=2, mode="bilinear", align_corners=False)


class Down(nn.Module):
    """Half the resolution: the mean of 2x2 pixels, then a 1x1 convolution to the new width."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.project = Pointwise(width_in, width_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(F.avg_pool2d(x, 2))


class Glance(nn.Module):
    """The whole picture at once, as the first GANs' D saw it: two fully connected layers. (n, C, H, W) -> (n, width).

    Cheap beside convolutions, and it holds together what they see in pieces (docs/experiments.md). Larger pictures are
    first averaged over squares of a whole number of pixels, until no side is longer than `SIDE_PX`.
    """

    SIDE_PX = 32

    def __init__(self, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        channels, *sides = shape
        self.shrunk = -(-max(sides) // self.SIDE_PX)
        pixels = [max(1, side // self.shrunk) for side in sides]
        self.first = he(nn.Linear(channels * pixels[0] * pixels[1], width))
        self.second = he(nn.Linear(width, width))

    def forward(self, pictures: Tensor) -> Tensor:
        small = F.avg_pool2d(pictures, self.shrunk) if self.shrunk > 1 else pictures
        return leaky(self.second(leaky(self.first(small.flatten(1)))))


class ResidualGenerator(Generator):
    def __init__(self, config: Residual, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        widths = config.widths(self.height, self.width)[::-1]
        self.base = (grid(self.height, len(widths)), grid(self.width, len(widths)), widths[0])
        self.latent, self.free_dims = LabelledLatent(latent_dim, asked), latent_dim
        self.start = he(nn.Linear(self.latent.out_dim, self.base[0] * self.base[1] * self.base[2]))
        self.depth = config.generator_depth
        self.blocks = nn.ModuleList(
            ModulatedBlock(width, self.latent.out_dim) for width in widths for _ in range(config.generator_depth)
        )
        self.ups = nn.ModuleList(Up(wide, narrow) for wide, narrow in itertools.pairwise(widths))
        self.paint = he(nn.Conv2d(widths[-1], 4 * channels, 3, padding=1))
        self.blur = Blur(channels)
        self.palette = Palette(config.palette, widths[-1], channels, self.latent.out_dim) if config.palette else None
        heights = [self.base[0] * 2**level for level in range(len(widths)) for _ in range(self.depth)]
        self.resolutions = (self.base[0], *heights, *([heights[-1]] if self.palette else []))

    def styles(self, z: Tensor, label: Tensor) -> Tensor:
        """All are the same: the latent and its label."""
        return self.latent(z, label)[:, None].expand(-1, len(self.resolutions), -1)

    def draw(self, styles: Tensor) -> Tensor:
        first, *rest = styles.unbind(1)
        x = self.start(first).view(-1, *self.base).permute(0, 3, 1, 2)
        for number, block in enumerate(self.blocks):
            level, place = divmod(number, self.depth)
            if level > 0 and place == 0:
                x = self.ups[level - 1](x)
            x = block(x, rest[number])
        x = leaky(x)
        picture = self.blur(shuffle(self.paint(x)))
        if self.palette is not None:
            picture = self.palette(picture, x, rest[-1])
        return bounded(centre_crop(picture, self.height, self.width))

    def entrances(self) -> list[tuple[int, Tensor]]:
        linears = [self.start, *(part.linear for part in self.blocks.modules() if isinstance(part, Modulation))]
        if self.palette is not None:
            linears.append(self.palette.colours)
        return [(number, linear.weight) for number, linear in enumerate(linears)]


class Patches(nn.Module):
    """The mean over all places of what a level's features say of each, whatever the whole is like. -> (n,) logits.

    Isola et al. 2017, sect. 3.2 (PatchGAN). Pieces are many when pictures are few, and whole ones known by heart.
    width: channels of the level.
    """

    def __init__(self, width: int, asked: int | Conditions) -> None:
        super().__init__()
        self.look = Pointwise(width, width)
        self.logit = ProjectionLogit(width, Conditions.of(asked).labels)  # no piece shows what a caption says
        self.has_text = Conditions.of(asked).text_dim > 0

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """x: (n, width, H, W); label: (n,) or (k, n), with captions (n, ROW) or (k, n, ROW)."""
        label = parted(label)[0] if self.has_text else label
        return self.logit(leaky(self.look(leaky(x))).mean(dim=(2, 3)), label)


class ResidualDiscriminator(nn.Module):
    def __init__(self, config: Residual, shape: tuple[int, int, int], asked: int | Conditions) -> None:
        super().__init__()
        channels, height, width = shape
        widths = config.widths(height, width)
        base_height, base_width = grid(height, len(widths)), grid(width, len(widths))
        self.padded = (base_height * 2 ** len(widths), base_width * 2 ** len(widths))
        self.read = he(nn.Conv2d(4 * channels, widths[0], 3, padding=1))
        self.levels = nn.ModuleList()
        for narrow, wide in zip(widths, [*widths[1:], None], strict=True):
            self.levels.extend(Block(narrow) for _ in range(config.depth))
            if wide is not None:
                self.levels.append(Down(narrow, wide))
        features = widths[-1]
        self.gather = he(nn.Linear(features * base_height * base_width, features))
        self.glance = Glance(shape, config.glance) if config.glance else None
        self.logit = ProjectionLogit(features + config.glance, asked)
        self.below = (max(config.patches, 1) - 1) * (config.depth + 1) + config.depth
        self.patches = Patches(widths[config.patches - 1], asked) if config.patches else None

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        x = self.read(unshuffle(pad_to(pictures, *self.padded).contiguous()))
        for level in self.levels[: self.below]:
            x = level(x)
        pieces = x
        for level in self.levels[self.below :]:
            x = level(x)
        x = self.gather(leaky(x).permute(0, 2, 3, 1).flatten(1))  # as it lies in memory: nothing is copied
        x = leaky(x)
        if self.glance is not None:
            x = torch.cat([x, self.glance(pictures)], dim=1)
        logit = self.logit(x, label)
        return logit if self.patches is None else logit + self.patches(pieces, label)
