"""`projected`: a critic that looks through a net which has seen a million photographs. Sauer et al. 2021.

G is that of `residual`. D does not see pixels but what a frozen EfficientNet-Lite0 makes of them at four scales
(nets/frozen.py), mixed by fixed random weights: across channels, so that no head can lean on few of them (sect. 3.2.1,
CCM), then across scales from coarse to fine, as in a feature pyramid (sect. 3.2.2, CSM). A small head for each scale
judges, and their logits are summed (eq. 3).

D has two parts: `project`, from pictures to the mixed features, has nothing to learn, and the heads go on from there.
So training may take R1 and R2 at the features, whose slopes of slopes pass through the heads alone.
"""

import math
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions, NetConfig, check, check_counts
from ..registry import nets
from . import frozen
from .layers import ProjectionLogit, he, leaky
from .residual import Residual

WHO = "The nets 'projected'"
INSTALL = "pip install 'ganvas[projected]'"
ENERGY = 108.0
"""Of a scale's features, its squared deviation summed: that of the pictures that a gamma of 0.5 is meant for."""
PLAIN = 2.0
"""By which pixels in [-1, 1], with a deviation of about a half, are as large as features."""
BATCH = 16
"""Pictures that pass at once; more are slower on a CPU: their layers do not fit into its cache."""


@nets.register("projected")
@dataclass(frozen=True)
class Projected(NetConfig):
    """G as `residual`; D on the features of a frozen net, for pictures from 16 to 256 px a side."""

    family: ClassVar[str] = "projected"
    learned_from: ClassVar[tuple[str, ...]] = ("effnet",)
    projects: ClassVar[bool] = True
    width: int = 32
    """Channels of G at half the pictures' resolution."""
    max_width: int = 128
    """Most channels of a level of G."""
    generator_depth: int = 2
    """Residual blocks a level of G."""
    scales: int = 4
    """How many scales of the frozen net D looks at, from the finest one on: 1 to 4. A step with 3 is a
    sixth to a fifth faster."""
    head_width: int = 64
    """Channels of D's heads."""
    see_px: int = 64
    """Pixels of the longer side as the frozen net sees it: smaller pictures are enlarged, larger ones seen as they are.
    It learned at 224, which is for GPUs: on a CPU 128 already takes twice as long as 64."""

    def __post_init__(self) -> None:
        check_counts(self, ("head_width",), 8192)
        check(type(self.scales) is int and 1 <= self.scales <= 4, "scales", self.scales, "a whole number from 1 to 4")
        check(type(self.see_px) is int and 32 <= self.see_px <= 512, "see_px", self.see_px, "from 32 to 512")
        self.of_generator()

    def of_generator(self) -> Residual:
        return Residual(width=self.width, max_width=self.max_width, generator_depth=self.generator_depth)

    def generator(self, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> nn.Module:
        return self.of_generator().generator(shape, latent_dim, asked)

    def discriminator(self, shape: tuple[int, int, int], asked: int | Conditions) -> nn.Module:
        return ProjectedDiscriminator(self, shape, asked)


def seen_size(height: int, width: int, see_px: int) -> tuple[int, int]:
    """Pixels of a picture as the frozen net sees it: in its own proportions, but no side below 32."""
    larger = max(1.0, see_px / max(height, width))
    return max(32, round(height * larger)), max(32, round(width * larger))


class Mixing(nn.Module):
    """Fixed random weights between features, that neither lose nor single out any. Features keep their deviation.

    Buffers of the state, so that a run goes on with its own. Kaiming: He et al. 2015, eq. 10, without a rectifier.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.scales = len(channels)
        for scale, (fine, coarse) in enumerate(zip(channels, [*channels[1:], 0], strict=True)):
            self.register_buffer(f"channels{scale}", torch.randn(fine, fine, 1, 1) / fine**0.5)
            if coarse:
                self.register_buffer(f"scales{scale}", torch.randn(fine, coarse, 3, 3) / (9 * coarse) ** 0.5)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        mixed: list[Tensor] = []
        for scale in reversed(range(self.scales)):
            x = F.conv2d(features[scale], self.fixed(f"channels{scale}"))
            if mixed:
                coarse = F.conv2d(mixed[-1], self.fixed(f"scales{scale}"), padding=1)
                larger = F.interpolate(coarse, x.shape[2:], mode="bilinear", align_corners=False)
                x = (x + larger) * 0.5**0.5
            mixed.append(x)
        return mixed[::-1]

    def fixed(self, name: str) -> Tensor:
        """A copy, as other processes write into buffers at each pass, and backward would refuse what has changed."""
        return self.get_buffer(name).clone()


class Head(nn.Module):
    """Features of one scale, (n, channels, *size) -> (n, width): halved by convolutions down to 4 to 7 px a side."""

    def __init__(self, channels: int, size: tuple[int, int], width: int) -> None:
        super().__init__()
        height, wide = size
        halved = max(0, int(math.log2(max(1, min(size)) / 4)))
        kernel, stride = (4, 2) if halved else (3, 1)
        self.enter = he(nn.Conv2d(channels, width, kernel, stride, padding=1))
        self.halve = nn.ModuleList(he(nn.Conv2d(width, width, 4, 2, padding=1)) for _ in range(halved - 1))
        self.gather = he(nn.Linear(width * (height >> halved) * (wide >> halved), width))

    def forward(self, x: Tensor) -> Tensor:
        x = leaky(self.enter(x))
        for layer in self.halve:
            x = leaky(layer(x))
        return leaky(self.gather(x.permute(0, 2, 3, 1).flatten(1)))


class ProjectedDiscriminator(nn.Module):
    """Heads over fixed features. Raises UsageError when the packages of the frozen net are missing.

    Beside its features each head sees the mean colour there, which the frozen net has learned to overlook: with
    features alone no background turned white (docs/recipes/projected.md). With alpha, colours are as they look on white
    (`ganvas.tensors.on_white`), and the heads see how opaque they are, too.
    """

    def __init__(self, config: Projected, shape: tuple[int, int, int], asked: int | Conditions) -> None:
        super().__init__()
        frozen.loaded(WHO, INSTALL)
        channels, height, width = shape
        self.size = seen_size(height, width, config.see_px)
        self.scales = config.scales
        own = list(frozen.TAPS.values())[: config.scales]
        self.mixing = Mixing(own)
        self.shapes = [
            (wide + channels, *(-(-side // stride) for side in self.size))
            for wide, stride in zip(own, frozen.STRIDES, strict=False)
        ]
        """(channels, height, width) of the features at each scale."""
        self.heads = nn.ModuleList(Head(c, (h, w), config.head_width) for c, h, w in self.shapes)
        self.logit = ProjectionLogit(config.scales * config.head_width, asked)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        """pictures: (n, C, H, W), or what `project` made of them."""
        features = pictures if pictures.ndim == 2 else self.project(pictures)
        # One product of all heads' features is the sum of the logits that each head would give.
        judged = [head(x) for head, x in zip(self.heads, self.apart(features), strict=True)]
        return self.logit(torch.cat(judged, dim=1), label)

    def project(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) pictures in [-1, 1] -> (n, all numbers of all scales) float32, differentiable in pictures."""
        return torch.cat([self.see(part) for part in pictures.split(BATCH)])

    def see(self, pictures: Tensor) -> Tensor:
        # On CPUs the frozen net's backward pass takes 2.5 times as long in bfloat16: it has convolutions by channel.
        is_slow = pictures.device.type == "cpu"
        with torch.autocast(pictures.device.type, enabled=False) if is_slow else nullcontext():
            eyes = frozen.on(pictures.device, WHO, INSTALL)
            larger = F.interpolate(pictures[:, :3], self.size, mode="bilinear", align_corners=False)
            mixed = self.mixing(eyes(larger.expand(-1, 3, -1, -1), self.scales))
        mixed = [with_plain(x, PLAIN * pictures) for x in mixed]
        # As they lie in memory, the channels of a pixel side by side.
        return torch.cat([(x.float() * energy(x.shape)).permute(0, 2, 3, 1).flatten(1) for x in mixed], 1)

    def apart(self, features: Tensor) -> Iterable[Tensor]:
        """`project`'s numbers as (n, channels, height, width) of each scale, of deviation about 1."""
        parts = features.split([math.prod(shape) for shape in self.shapes], 1)
        for x, (channels, height, width) in zip(parts, self.shapes, strict=True):
            pixels = x.reshape(-1, height, width, channels) / energy((1, channels, height, width))
            yield pixels.permute(0, 3, 1, 2)


def with_plain(features: Tensor, plain: Tensor) -> Tensor:
    """(n, channels, h, w) features and the means of (n, C, H, W) pixels, of half the features' energy, side by side."""
    height, width = features.shape[2:]
    means = F.adaptive_avg_pool2d(plain, (height, width))
    return torch.cat([features, (features.shape[1] / (2 * plain.shape[1])) ** 0.5 * means], 1)


def energy(shape: Sequence[int]) -> float:
    """By which (n, channels, height, width) numbers of deviation 1 have the energy `ENERGY`."""
    return (ENERGY / math.prod(shape[1:])) ** 0.5
