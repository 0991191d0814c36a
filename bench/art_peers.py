"""Peers for small collections: what artists with a hundred pictures are told to use, as its papers have it.

They play like those of peers.py, which says more. Both see their pictures changed as in Zhao et al. 2020 (DiffAugment:
colour, translation, cutout, every time); the changes are the library's, as are the games.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from peers import Dcgan64, Nets, Peer, Shape, resized  # pyrefly: ignore[missing-import]
from torch import Tensor, nn

from ganvas.losses import games
from ganvas.training.augment import Dice, augmented

DIFFAUGMENT = ("shift", "tint", "cutout")


def changed(pictures: Tensor, p: float = 1.0) -> Tensor:
    """By DiffAugment; p: how likely each change is, always in the paper."""
    rng = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
    return augmented(pictures, DIFFAUGMENT, Dice(rng, len(pictures), slice(None), p, pictures.device))


@dataclass(frozen=True)
class DiffAugmentDcgan(Dcgan64):
    """The DCGAN of peers.py with DiffAugment, eq. 5 and 6: D sees nothing that is not changed."""

    name: ClassVar[str] = "diffaugment-dcgan"
    paper: ClassVar[str] = "Zhao et al. 2020, eq. 5-6, on Radford et al. 2016"

    batch_size: int = 64

    def loss_d(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        return super().loss_d(D, changed(real), changed(fake), label)

    def loss_g(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        return super().loss_g(D, real, changed(fake), label)


@dataclass(frozen=True)
class FastGanShaped(Peer):
    """FastGAN's shape, scaled down: Liu et al. 2021, sect. 3, for pictures of 64 px.

    As there: skip-layer excitation (eq. 1-2), gated linear units with batch norm, a D that also has to paint real
    pictures from its features, as a whole and a part of them in detail (eq. 3), hinge losses (eq. 5-6), Adam 2e-4
    (0.5, 0.999), batches of 8, DiffAugment, an average of G. Ours: a quarter of the channels, 64 px instead of 256 to
    1024, and the mean absolute difference where the paper has a perceptual one, whose weights are not at hand.
    """

    name: ClassVar[str] = "fastgan"
    paper: ClassVar[str] = "Liu et al. 2021, sect. 3, scaled down"
    has_average: ClassVar[bool] = True

    latent_dim: int = 256
    batch_size: int = 8
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    width: int = 16

    SIDE_PX: ClassVar[int] = 64

    def nets(self, shape: Shape, labels: int) -> Nets:
        return FastG(shape[0], self.latent_dim, self.width), FastD(shape[0], self.width)

    def loss_d(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        assert isinstance(D, FastD)
        shown = changed(real)
        r, painted = D.judge_and_paint(shown)
        f = D(changed(fake), label)
        return games.hinge_discriminator(r, f) + painted

    def loss_g(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        logits = D(changed(fake), label)
        return games.raise_logit(logits, logits)

    def seen_by_d(self, real: Tensor) -> Tensor:
        return resized(real, self.SIDE_PX, self.SIDE_PX)

    def native(self, works: Tensor, shape: Shape) -> Tensor:
        return resized(works, *shape[1:])


def conv(width_in: int, width_out: int, kernel: int, stride: int = 1, padding: int = 0) -> nn.Module:
    return nn.utils.parametrizations.spectral_norm(nn.Conv2d(width_in, width_out, kernel, stride, padding, bias=False))


def gated(width_in: int, width_out: int) -> nn.Sequential:
    """3x3 convolution, batch norm, gated linear unit."""
    return nn.Sequential(conv(width_in, 2 * width_out, 3, padding=1), nn.BatchNorm2d(2 * width_out), nn.GLU(dim=1))


def up(width_in: int, width_out: int, convolutions: int = 1) -> nn.Sequential:
    """Twice the size, then gated convolutions."""
    widths = [width_in] + [width_out] * convolutions
    return nn.Sequential(nn.Upsample(scale_factor=2), *(gated(a, b) for a, b in pairwise(widths)))


class SkipExcitation(nn.Module):
    """High-resolution channels weighed by low-resolution features. Liu et al. 2021, eq. 1-2."""

    def __init__(self, width_low: int, width_high: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            conv(width_low, width_high, 4),
            nn.LeakyReLU(0.1),
            conv(width_high, width_high, 1),
            nn.Sigmoid(),
        )

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        return high * self.layers(low)


class FastG(nn.Module):
    """z -> 4, 8, 16, 32, 64 px; 4 px excites 32 px, 8 px excites 64 px."""

    def __init__(self, channels: int, latent: int, width: int) -> None:
        super().__init__()
        w4, w8, w16, w32, w64 = 16 * width, 8 * width, 4 * width, 2 * width, width
        self.start = nn.Sequential(
            nn.ConvTranspose2d(latent, 2 * w4, 4, bias=False), nn.BatchNorm2d(2 * w4), nn.GLU(dim=1)
        )
        self.to8, self.to16, self.to32, self.to64 = up(w4, w8, 2), up(w8, w16), up(w16, w32, 2), up(w32, w64)
        self.excite32, self.excite64 = SkipExcitation(w4, w32), SkipExcitation(w8, w64)
        self.paint = conv(w64, channels, 3, padding=1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x4 = self.start(F.normalize(z, dim=1)[:, :, None, None] * z.shape[1] ** 0.5)
        x8 = self.to8(x4)
        x32 = self.excite32(x4, self.to32(self.to16(x8)))
        return self.paint(self.excite64(x8, self.to64(x32))).tanh()


class Half(nn.Module):
    """Half the size by two ways that are averaged. Liu et al. 2021, fig. 4."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.deep = nn.Sequential(
            conv(width_in, width_out, 4, 2, 1),
            nn.BatchNorm2d(width_out),
            nn.LeakyReLU(0.2),
            conv(width_out, width_out, 3, padding=1),
            nn.BatchNorm2d(width_out),
            nn.LeakyReLU(0.2),
        )
        self.short = nn.Sequential(
            nn.AvgPool2d(2), conv(width_in, width_out, 1), nn.BatchNorm2d(width_out), nn.LeakyReLU(0.2)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.deep(x) + self.short(x)) / 2


class FastD(nn.Module):
    """64 px to a logit; decoders paint the picture from features of 8 px, and a quarter of it from those of 16 px."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.read = nn.Sequential(conv(channels, width, 3, padding=1), nn.LeakyReLU(0.2))
        self.to32, self.to16, self.to8 = Half(width, 2 * width), Half(2 * width, 4 * width), Half(4 * width, 8 * width)
        self.logit = nn.Sequential(
            conv(8 * width, 8 * width, 1), nn.BatchNorm2d(8 * width), nn.LeakyReLU(0.2), conv(8 * width, 1, 4)
        )
        self.whole = decoder(channels, [8 * width, 4 * width, 2 * width])
        self.part = decoder(channels, [4 * width, 2 * width, width])

    def features(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Those of 16 and of 8 px."""
        x16 = self.to16(self.to32(self.read(pictures)))
        return x16, self.to8(x16)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        return self.logit(self.features(pictures)[1]).mean(dim=(1, 2, 3))

    def judge_and_paint(self, real: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) logits, and () how far from the pictures the decoders' ones are. Liu et al. 2021, eq. 3."""
        x16, x8 = self.features(real)
        row, column = (8 * int(torch.randint(2, ())) for _ in range(2))
        part = self.part(x16[:, :, row : row + 8, column : column + 8])
        target = real[:, :, 4 * row : 4 * row + 32, 4 * column : 4 * column + 32]
        whole = self.whole(x8)
        painted = F.l1_loss(whole, F.avg_pool2d(real, 2)) + F.l1_loss(part, target)
        return self.logit(x8).mean(dim=(1, 2, 3)), painted


def decoder(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """8 px of features to a picture of 32 px."""
    ups = [up(a, b) for a, b in pairwise(widths)]
    return nn.Sequential(*ups, conv(widths[-1], channels, 3, padding=1), nn.Tanh())


PEERS: dict[str, type[Peer]] = {kind.name: kind for kind in (DiffAugmentDcgan, FastGanShaped)}
