"""`style`: StyleGAN2's generator, small enough for two cores. Karras et al. 2019 (StyleGAN), 2020 (StyleGAN2).

A mapping network turns latents into styles w; the picture grows out of a learned constant by convolutions whose weights
each style scales; every layer has noise of its own; each level adds to the picture (skips). As in `residual`, levels
work at half resolution behind a pixel shuffle, and D is that net's. Convolutions are modulated by scaling what goes in
and demodulated by scaling what comes out, which is the same and needs no grouped convolution, slow on a CPU.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions, check, check_counts
from ..registry import nets
from .generator import Between, Generator
from .layers import Asking, Blur, bounded, centre_crop, grid, leaky, shuffle
from .residual import Residual

TYPICAL = 1024
"""Latents whose mean style is the typical one."""


@nets.register("style")
@dataclass(frozen=True)
class Style(Residual):
    """D as `residual`; G of modulated convolutions, two a level."""

    family: ClassVar[str] = "style"
    maps: ClassVar[bool] = True
    style_dim: int = 128
    """Numbers in a style w."""
    mapping_depth: int = 2
    """Layers of the mapping network; StyleGAN has 8, for few pictures 2 do (Karras et al. 2020, ADA, sect. D)."""
    mapping_lr: float = 0.3
    """The mapping network learns so many times as fast as the rest of G; StyleGAN's learns a hundredth as fast."""
    mixing: float = 0.5
    """Share of the works in training that take their fine styles from a second latent."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, ("style_dim",), 8192)
        check_counts(self, ("mapping_depth",), 32)
        check(0 < self.mapping_lr <= 100, "mapping_lr", self.mapping_lr, "above 0 and at most 100")
        check(0 <= self.mixing <= 1, "mixing", self.mixing, "from 0 to 1")
        check(self.palette == 0, "palette", self.palette, "0: style nets have none")

    def generator(self, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> nn.Module:
        return StyleGenerator(self, shape, latent_dim, asked)


class EqualLinear(nn.Module):
    """A layer whose weights are stored at one size and scaled as they are used: all layers learn equally fast.

    Karras et al. 2018, sect. 4.1.   lr: learns so many times as fast.   bias: what it starts at.
    """

    def __init__(self, features_in: int, features_out: int, bias: float = 0.0, lr: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features_out, features_in) / lr)
        self.bias = nn.Parameter(torch.full((features_out,), bias / lr))
        self.lr, self.scale = lr, lr / math.sqrt(features_in)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype) * self.scale, self.bias.to(x.dtype) * self.lr)


class Mapping(Asking):
    """z and what is asked for -> w, (n, style_dim): layers of leaky ReLUs on the latent beside the vectors of its label
    and its caption, each normalised.

    lr: learns so many times as fast as its optimiser says (Karras et al. 2019, sect. C).
    Karras et al. 2019, sect. 2; labels as in Karras et al. 2020 (ADA): embedded, normalised, beside z.
    """

    def __init__(self, latent_dim: int, asked: int | Conditions, style_dim: int, depth: int, lr: float) -> None:
        super().__init__(latent_dim, asked, latent_dim)
        sizes = [self.out_dim, *[style_dim] * depth]
        self.layers = nn.ModuleList(EqualLinear(a, b, lr=lr) for a, b in itertools.pairwise(sizes))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        # In use in double precision, so that a seed's style does not depend on how many are asked for at once.
        precise = torch.float32 if self.training else torch.float64
        x = torch.cat([normalised(part.to(precise)) for part in self.beside(z, label)], dim=1)
        for layer in self.layers:
            x = math.sqrt(2) * leaky(layer(x))
        return x.float()


class ModulatedConv(nn.Module):
    """A convolution whose weights the style scales by input channel: w'_ijk = s_i w_ijk. (n, C, H, W) -> (n, C', H, W).

    demodulates: then each filter is divided by its length, sqrt(sum over i, k of w'_ijk^2), so that what comes out has
    unit deviation when what goes in has. Karras et al. 2020 (StyleGAN2), eq. 1-3.
    """

    def __init__(self, channels_in: int, channels_out: int, style_dim: int, kernel: int, demodulates: bool) -> None:
        super().__init__()
        self.affine = EqualLinear(style_dim, channels_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in, kernel, kernel))
        self.scale, self.demodulates = 1 / math.sqrt(channels_in * kernel**2), demodulates

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        s = self.affine(style)
        weight = self.weight * self.scale
        y = F.conv2d(x * s[:, :, None, None], weight, padding=weight.shape[2] // 2)
        if not self.demodulates:
            return y
        squares = s.float().square() @ weight.float().square().sum(dim=(2, 3)).T
        return y * (squares + 1e-8).rsqrt().to(y.dtype)[:, :, None, None]


class StyledLayer(nn.Module):
    """Modulated convolution, noise of a learned strength, bias, leaky ReLU that keeps the deviation.

    Karras et al. 2020 (StyleGAN2), fig. 2d.   twice: at twice the resolution of what goes in.
    """

    noise: Tensor

    def __init__(self, channels_in: int, channels_out: int, style_dim: int, size: tuple[int, int], twice: bool) -> None:
        super().__init__()
        self.twice = twice
        self.convolve = ModulatedConv(channels_in, channels_out, style_dim, kernel=3, demodulates=True)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.register_buffer("noise", torch.randn(size))

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """noise: (n, 1, H, W), or (H, W), the same for all works."""
        if self.twice:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = self.convolve(x, style)
        return math.sqrt(2) * leaky(x + self.strength * noise + self.bias[:, None, None])


class ToPicture(nn.Module):
    """What a level adds to the picture, at twice its resolution; no demodulation. StyleGAN2, sect. 4.1 (tRGB)."""

    def __init__(self, width: int, channels: int, style_dim: int) -> None:
        super().__init__()
        self.convolve = ModulatedConv(width, 4 * channels, style_dim, kernel=1, demodulates=False)
        self.bias = nn.Parameter(torch.zeros(4 * channels))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return shuffle(self.convolve(x, style) + self.bias[:, None, None])


class StyleGenerator(Generator):
    """`path_mean`, a buffer, is the mean length of paths so far (training/paths.py)."""

    path_mean: Tensor

    def __init__(self, config: Style, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        widths, dim = config.widths(self.height, self.width)[::-1], config.style_dim
        levels, self.per_level = len(widths), config.generator_depth
        self.latent_dim, self.free_dims, self.mixing = latent_dim, dim, config.mixing
        sizes = [(grid(self.height, levels) * 2**level, grid(self.width, levels) * 2**level) for level in range(levels)]
        self.mapping = Mapping(latent_dim, asked, dim, config.mapping_depth, config.mapping_lr)
        self.constant = nn.Parameter(torch.randn(widths[0], *sizes[0]))
        self.layers, self.paints = nn.ModuleList(), nn.ModuleList()
        for level, (width, size) in enumerate(zip(widths, sizes, strict=True)):
            for place in range(config.generator_depth):
                grows = level > 0 and place == 0
                self.layers.append(StyledLayer(widths[level - 1] if grows else width, width, dim, size, grows))
            self.paints.append(ToPicture(width, channels, dim))
        self.blur = Blur(channels)
        self.register_buffer("path_mean", torch.zeros(()))
        self.resolutions = tuple(height for height, _ in sizes for _ in range(config.generator_depth + 1))

    def styles(self, z: Tensor, label: Tensor) -> Tensor:
        """w of each latent, the same for every layer."""
        return self.mapping(z, label)[:, None].expand(-1, len(self.resolutions), -1)

    def draw(self, styles: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """noise: of each layer, (n, 1, H, W); None: that which belongs to the net."""
        if noise is None:
            noise = [layer.get_buffer("noise") for layer in self.layers]
        entering = iter(styles.unbind(1))
        x = self.constant.expand(len(styles), -1, -1, -1)
        picture = None
        for level, paint in enumerate(self.paints):
            for number in range(level * self.per_level, (level + 1) * self.per_level):
                x = self.layers[number](x, next(entering), noise[number])
            painted = self.blur(paint(x, next(entering)))
            picture = painted if picture is None else painted + twice(picture)
        assert picture is not None
        return bounded(centre_crop(picture, self.height, self.width))

    def forward(self, z: Tensor, label: Tensor, between: Between | None = None) -> Tensor:
        """In training with mixed styles and new noise, both out of dice that follow from z: a step can be repeated."""
        if not self.training:
            return self.draw(self.styles_between(z, label, between))
        dice = dice_of(z)
        return self.draw(self.mixed(z, label, between, dice), self.new_noise(dice))

    def mixed(self, z: Tensor, label: Tensor, between: Between | None, dice: Sequence[torch.Generator]) -> Tensor:
        """Styles of which a share `mixing` comes, from a layer by chance on, from a second latent.

        Karras et al. 2019, sect. 3.1 (mixing regularisation).
        """
        styles, layers = self.styles_between(z, label, between), len(self.resolutions)
        second = torch.stack([torch.randn(self.latent_dim, generator=die) for die in dice]).to(z.device)
        others = self.styles_between(second, label, between)
        coin = torch.stack([torch.rand((), generator=die) for die in dice])
        first = torch.stack([torch.randint(1, layers, (), generator=die) for die in dice])
        first = torch.where(coin < self.mixing, first, layers).to(z.device)
        return torch.where((torch.arange(layers, device=z.device) >= first[:, None])[:, :, None], others, styles)

    def new_noise(self, dice: Sequence[torch.Generator]) -> list[Tensor]:
        """Of each layer, (n, 1, H, W) normals."""
        sizes = [layer.get_buffer("noise").shape for layer in self.layers]
        counts = [math.prod(size) for size in sizes]
        drawn = torch.stack([torch.randn(sum(counts), generator=die) for die in dice]).to(self.constant.device)
        return [part.view(-1, 1, *size) for part, size in zip(drawn.split(counts, dim=1), sizes, strict=True)]

    def centre(self, z_like: Tensor, label: Tensor) -> Tensor:
        """The mean style of each label, over the same latents always. Karras et al. 2019, sect. B."""
        z = torch.randn(TYPICAL, self.latent_dim, generator=torch.Generator().manual_seed(0)).to(z_like.device)
        asked, which = label.unique(dim=0, return_inverse=True)
        means = torch.stack([self.mapping(z, one[None]).mean(dim=0) for one in asked])
        return means[which][:, None].expand(-1, len(self.resolutions), -1)

    def entrances(self) -> list[tuple[int, Tensor]]:
        found = []
        for level, paint in enumerate(self.paints):
            parts = [*self.layers[level * self.per_level : (level + 1) * self.per_level], paint]
            found += [part.get_submodule("convolve").get_submodule("affine").get_parameter("weight") for part in parts]
        return list(enumerate(found))


def normalised(x: Tensor) -> Tensor:
    """(n, d) vectors of length sqrt(d)."""
    return F.normalize(x, dim=1) * math.sqrt(x.shape[1])


def twice(pictures: Tensor) -> Tensor:
    """(n, C, H, W) -> (n, C, 2H, 2W), smoothly."""
    return F.interpolate(pictures, scale_factor=2, mode="bilinear", align_corners=False)


def dice_of(z: Tensor) -> list[torch.Generator]:
    """For each latent random numbers that follow from it alone, not from how many come at once."""
    bits = z.detach().float().cpu().contiguous().view(torch.int32).to(torch.int64)
    return [torch.Generator().manual_seed(seed) for seed in bits.sum(dim=1).tolist()]
