"""The nets of the bench's peers: generators (z, label) -> pictures, discriminators (pictures, label) -> (n,) logits.

Written from the papers that peers.py names. They are kept apart from the library's nets, so that a change there does
not change what the library is measured against. Widths are arguments: tests shrink them.

Shapes: z (n, latent), float32; label (n,) in [0, labels], where `labels` itself means unlabelled; pictures
(n, C, H, W), nominally in [-1, 1]. Nets without labels take the argument and leave it unread.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

Shape = tuple[int, int, int]
"""(channels, height, width)."""


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


def centre(pictures: Tensor, height: int, width: int) -> Tensor:
    """The middle `height` x `width`."""
    top, left = (pictures.shape[2] - height) // 2, (pictures.shape[3] - width) // 2
    return pictures[:, :, top : top + height, left : left + width]


def halved(side: int, times: int) -> int:
    """px after so many halvings, each rounded up."""
    return -(-side // 2**times)


def normal_weights(net: nn.Module) -> None:
    """Deviation 0.02, batch norm's about 1. Radford et al. 2016, sect. 4, and PyTorch's example."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, mean=1.0, std=0.02)


def unit_gain(layer: nn.Module) -> nn.Module:
    """Weights that keep a signal's size where no activation follows: deviation 1 / sqrt(inputs). LeCun et al. 1998."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
    return layer


class LabelledLatent(nn.Module):
    """z beside its label's learned vector, (n, latent + 32); z alone without labels."""

    def __init__(self, latent: int, labels: int, label_dim: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(labels + 1, label_dim) if labels else None
        self.out_dim = latent + (label_dim if labels else 0)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return z if self.embedding is None else torch.cat([z, self.embedding(label)], dim=1)


class ProjectionLogit(nn.Module):
    """w.h + b + <e_y, h>/sqrt(d), (n, d) -> (n,); e_y starts at 0. Miyato & Koyama 2018, eq. 3."""

    def __init__(self, features: int, labels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.embedding = nn.Embedding(labels + 1, features) if labels else None
        if self.embedding is not None:
            nn.init.zeros_(self.embedding.weight)

    def forward(self, h: Tensor, label: Tensor) -> Tensor:
        logit = self.linear(h)[:, 0]
        if self.embedding is None:
            return logit
        return logit + (self.embedding(label) * h).sum(dim=1) / math.sqrt(h.shape[1])


# DCGAN at 64x64: Radford et al. 2016, fig. 1, with the 4x4 kernels of PyTorch's example.


class DcganG(nn.Module):
    """z as 1x1 px, then 4x4 transposed convolutions to 4, 8, 16, 32, 64 px: batch norm and ReLU between, tanh last."""

    def __init__(self, channels: int, latent: int, width: int) -> None:
        super().__init__()
        widths = [8 * width, 4 * width, 2 * width, width]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, widths[0], 4, bias=False)]
        for wide, narrow in pairwise(widths):
            layers += [nn.BatchNorm2d(wide), nn.ReLU(inplace=True)]
            layers += [nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        normal_weights(self)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.layers(z[:, :, None, None])


class DcganD(nn.Module):
    """64x64 px to a logit by 4x4 convolutions of stride 2; batch norm in all but the first and the last."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False), nn.LeakyReLU(0.2)]
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(wide), nn.LeakyReLU(0.2, inplace=True)]
        layers += [nn.Conv2d(widths[-1], 1, 4, bias=False)]
        self.layers = nn.Sequential(*layers)
        normal_weights(self)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        return self.layers(pictures).flatten()


# WGAN-GP: DCGAN-shaped, 5x5, three halvings, as the paper's experiments on small pictures have it.


class WganG(nn.Module):
    """Dense to an eighth of the size, three 5x5 transposed convolutions of stride 2; ReLU, tanh; no normalisation."""

    def __init__(self, shape: Shape, latent: int, width: int) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        self.base = (4 * width, halved(self.height, 3), halved(self.width, 3))
        self.start = nn.Linear(latent, math.prod(self.base))
        up = {"stride": 2, "padding": 2, "output_padding": 1}
        widths = [4 * width, 2 * width, width, channels]
        self.ups = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 5, **up) for wide, narrow in pairwise(widths))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.start(z).view(-1, *self.base)
        for layer in self.ups:
            x = layer(F.relu(x))
        return centre(x, self.height, self.width).tanh()


class WganD(nn.Module):
    """Three 5x5 convolutions of stride 2, leaky ReLU, dense. No batch norm: the penalty is each picture's own."""

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        channels, height, side = shape
        widths = [channels, width, 2 * width, 4 * width]
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 5, stride=2, padding=2) for a, b in pairwise(widths))
        self.logit = nn.Linear(widths[-1] * halved(height, 3) * halved(side, 3), 1)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        x = pictures
        for layer in self.downs:
            x = leaky(layer(x))
        return self.logit(x.flatten(1))[:, 0]


# SN-GAN: the standard CNN of Miyato et al. 2018, table 3; labels as in Miyato & Koyama 2018.


class LabelledNorm(nn.Module):
    """Batch norm whose scale and shift belong to the label. Dumoulin et al. 2017; plain without labels."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=not labels)
        self.scale = nn.Embedding(labels + 1, width) if labels else None
        self.shift = nn.Embedding(labels + 1, width) if labels else None
        if self.scale is not None and self.shift is not None:
            nn.init.ones_(self.scale.weight)
            nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        x = self.norm(x)
        if self.scale is None or self.shift is None:
            return x
        return x * self.scale(label)[:, :, None, None] + self.shift(label)[:, :, None, None]


class SpectralG(nn.Module):
    """Dense to an eighth of the size, three 4x4 transposed convolutions of stride 2, batch norm, ReLU, 3x3, tanh."""

    def __init__(self, shape: Shape, labels: int, latent: int, width: int) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        widths = [8 * width, 4 * width, 2 * width, width]
        self.base = (widths[0], halved(self.height, 3), halved(self.width, 3))
        self.start = nn.Linear(latent, math.prod(self.base))
        self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(LabelledNorm(b, labels) for b in widths[1:])
        self.paint = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.start(z).view(-1, *self.base)
        for up, norm in zip(self.ups, self.norms, strict=True):
            x = F.relu(norm(up(x), label))
        return centre(self.paint(x), self.height, self.width).tanh()


class SpectralD(nn.Module):
    """3x3 convolutions and 4x4 ones of stride 2 in turn, leaky ReLU of slope 0.1, every weight spectrally normalised.

    Logit: dense over the last features, plus the label's vector times their sum over space (Miyato & Koyama, fig. 14).
    """

    def __init__(self, shape: Shape, labels: int, width: int) -> None:
        super().__init__()
        channels, height, side = shape
        self.layers = nn.ModuleList()
        before = channels
        for wide in (width, 2 * width, 4 * width):
            self.layers.append(spectral_norm(nn.Conv2d(before, wide, 3, padding=1)))
            self.layers.append(spectral_norm(nn.Conv2d(wide, wide, 4, stride=2, padding=1)))
            before = wide
        self.layers.append(spectral_norm(nn.Conv2d(before, 8 * width, 3, padding=1)))
        self.logit = spectral_norm(nn.Linear(8 * width * (height // 8) * (side // 8), 1))
        self.embedding = spectral_norm(nn.Embedding(labels + 1, 8 * width)) if labels else None

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        x = pictures
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
        logit = self.logit(x.flatten(1))[:, 0]
        if self.embedding is None:
            return logit
        return logit + (self.embedding(label) * x.sum(dim=(2, 3))).sum(dim=1)


# R3GAN's shape, small: Huang et al. 2024, sect. 3 (configuration E).


class InvertedBlock(nn.Module):
    """x + 1x1(leaky(grouped 3x3(leaky(1x1(x))))), twice as wide inside; adds nothing at first.

    blocks: in the whole net. As fix-up has it (Zhang et al. 2019, sect. 3), the last layer of a branch of m = 3 starts
    at zero, and the others are blocks^(-1 / (2m - 2)) smaller than He's.
    """

    def __init__(self, width: int, group: int, blocks: int) -> None:
        super().__init__()
        inside = 2 * width
        self.enter = nn.Conv2d(width, inside, 1)
        self.mix = nn.Conv2d(inside, inside, 3, padding=1, groups=max(1, inside // group))
        self.leave = nn.Conv2d(inside, width, 1, bias=False)
        for layer in (self.enter, self.mix):
            fan_in = layer.weight[0].numel()
            nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_in) * blocks**-0.25)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.leave(leaky(self.mix(leaky(self.enter(x)))))


class Resampled(nn.Module):
    """To another size, bilinearly, and to another width by a 1x1 convolution, where the fewer pixels are."""

    def __init__(self, width_in: int, width_out: int, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)
        same = width_in == width_out
        self.project = nn.Identity() if same else unit_gain(nn.Conv2d(width_in, width_out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        larger = self.size[0] > x.shape[2]
        x = self.project(x) if larger else x
        x = F.interpolate(x, self.size, mode="bilinear", align_corners=False)
        return x if larger else self.project(x)


def stages(shape: Shape, widths: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(channels, height, width) of each stage, from the pictures' size to the coarsest; `widths` in that order."""
    return [(channels, halved(shape[1], level), halved(shape[2], level)) for level, channels in enumerate(widths)]


class R3ganG(nn.Module):
    """A learned basis times a linear map of z, then stages of blocks, each twice as large; 1x1 to the picture."""

    def __init__(
        self, shape: Shape, labels: int, latent: int, widths: tuple[int, ...], blocks: int, group: int
    ) -> None:
        super().__init__()
        sizes = stages(shape, widths)[::-1]
        self.latent = LabelledLatent(latent, labels)
        self.start = unit_gain(nn.Linear(self.latent.out_dim, sizes[0][0], bias=False))
        self.basis = nn.Parameter(torch.randn(sizes[0]))
        self.levels = nn.ModuleList()
        for number, size in enumerate(sizes):
            if number:
                self.levels.append(Resampled(sizes[number - 1][0], *size))
            self.levels.extend(InvertedBlock(size[0], group, blocks * len(sizes)) for _ in range(blocks))
        self.paint = unit_gain(nn.Conv2d(sizes[-1][0], shape[0], 1, bias=False))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.basis * self.start(self.latent(z, label))[:, :, None, None]
        for level in self.levels:
            x = level(x)
        return self.paint(x)


class R3ganD(nn.Module):
    """G's mirror: 1x1 from the picture, stages of blocks, a convolution of each channel over what is left, logit."""

    def __init__(self, shape: Shape, labels: int, widths: tuple[int, ...], blocks: int, group: int) -> None:
        super().__init__()
        sizes = stages(shape, widths)
        self.read = unit_gain(nn.Conv2d(shape[0], widths[0], 1))
        self.levels = nn.ModuleList()
        for number, size in enumerate(sizes):
            if number:
                self.levels.append(Resampled(sizes[number - 1][0], *size))
            self.levels.extend(InvertedBlock(size[0], group, blocks * len(sizes)) for _ in range(blocks))
        last, height, width = sizes[-1]
        self.gather = unit_gain(nn.Conv2d(last, last, (height, width), groups=last, bias=False))
        self.logit = ProjectionLogit(last, labels)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        x = self.read(pictures)
        for level in self.levels:
            x = level(x)
        return self.logit(self.gather(x).flatten(1), label)


# The rough trial's nets, before anything was tuned: the library's `residual` of that day, and no later one.


class RoughBlock(nn.Module):
    """x + 1x1(leaky(3x3(leaky(1x1(leaky(x)))))), the last one zero at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(width, width, 1)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.leave = nn.Conv2d(width, width, 1)
        for value in self.leave.parameters():
            nn.init.zeros_(value)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(leaky(self.enter(leaky(x))))
        return x + self.leave(leaky(y))


class RoughG(nn.Module):
    """Dense, blocks at a quarter of half the size up to half of it, pixel shuffle, a [1 2 1] blur."""

    blur: Tensor

    def __init__(self, shape: Shape, labels: int, latent: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        self.base = (widths[-1], halved(self.height, len(widths)), halved(self.width, len(widths)))
        self.latent = LabelledLatent(latent, labels)
        self.start = nn.Linear(self.latent.out_dim, math.prod(self.base))
        self.blocks = nn.ModuleList(RoughBlock(width) for width in widths[::-1])
        self.ups = nn.ModuleList(nn.Conv2d(wide, narrow, 1) for wide, narrow in pairwise(widths[::-1]))
        self.paint = nn.Conv2d(widths[0], 4 * channels, 3, padding=1)
        row = torch.tensor([0.25, 0.5, 0.25])
        kernel = torch.eye(channels)[:, :, None, None] * torch.outer(row, row)
        self.register_buffer("blur", kernel, persistent=False)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.blocks[0](self.start(self.latent(z, label)).view(-1, *self.base))
        for up, block in zip(self.ups, self.blocks[1:], strict=True):
            x = block(F.interpolate(up(x), scale_factor=2, mode="bilinear", align_corners=False))
        x = F.pixel_shuffle(self.paint(leaky(x)), 2)
        x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.blur)
        return centre(x, self.height, self.width)


class RoughD(nn.Module):
    """The mirror: pixel unshuffle, blocks, means of 2x2, dense, projection on the label."""

    def __init__(self, shape: Shape, labels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        channels, height, width = shape
        base = (halved(height, len(widths)), halved(width, len(widths)))
        down, right = base[0] * 2 ** len(widths) - height, base[1] * 2 ** len(widths) - width
        self.padding = (right // 2, right - right // 2, down // 2, down - down // 2)
        self.read = nn.Conv2d(4 * channels, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(RoughBlock(width) for width in widths)
        self.downs = nn.ModuleList(nn.Conv2d(narrow, wide, 1) for narrow, wide in pairwise(widths))
        self.gather = nn.Linear(widths[-1] * math.prod(base), widths[-1])
        self.logit = ProjectionLogit(widths[-1], labels)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        x = self.read(F.pixel_unshuffle(F.pad(pictures, self.padding, mode="replicate"), 2))
        x = self.blocks[0](x)
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            x = block(down(F.avg_pool2d(x, 2)))
        return self.logit(leaky(self.gather(leaky(x).flatten(1))), label)
