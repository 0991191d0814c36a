"""What the net families share: labels, the blur after a shuffle, sizes that do not divide."""

import math
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions
from .sentence import reader_of
from .text import parted

SLOPE = 0.2
"""Of the leaky ReLU everywhere."""
Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)
Net = TypeVar("Net", bound=nn.Module)


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2."""
    return F.leaky_relu(x, SLOPE)


def he(layer: Layer) -> Layer:
    """The layer with normal weights that keep the size of what passes through leaky ReLUs; biases 0.

    He et al. 2015, eq. 14-15.
    """
    zeros(layer)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    return layer


def zeros(layer: Net) -> Net:
    """The layer with all its weights at 0, for branches that start by adding nothing."""
    for value in layer.parameters():
        nn.init.zeros_(value)
    return layer


class Pointwise(nn.Module):
    """A 1x1 convolution as one product of matrices: (n, C, H, W) -> (n, C', H, W).

    The same numbers, but the gradient of its gradient, which R1 and R2 need, is again a product; that of a convolution
    is a convolution with kernels as large as the picture, which took a sixth of a step (docs/experiments.md).
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.linear = he(nn.Linear(channels_in, channels_out))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Modulation(nn.Module):
    """Channels scaled and shifted by what a latent says of them: (1 + a(s)) x + b(s), with a and b 0 at first.

    Perez et al. 2018, eq. 2 (FiLM); with a latent in Karras et al. 2019, eq. 1, there after a normalisation.
    """

    def __init__(self, latent_dim: int, channels: int) -> None:
        super().__init__()
        self.linear = zeros(nn.Linear(latent_dim, 2 * channels))

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """x: (n, C, H, W); latent: (n, latent_dim)."""
        scale, shift = self.linear(latent)[:, :, None, None].chunk(2, dim=1)
        return x * (1 + scale) + shift


class Asking(nn.Module):
    """Base of what takes a latent and what is asked for: a learned vector for each label, a reader for captions."""

    def __init__(self, latent_dim: int, asked: int | Conditions, label_dim: int) -> None:
        super().__init__()
        asked = Conditions.of(asked)
        self.embedding = nn.Embedding(asked.labels + 1, label_dim) if asked.labels else None
        self.reader = reader_of(asked)
        self.out_dim = latent_dim + (label_dim if asked.labels else 0) + asked.text_dim

    def beside(self, z: Tensor, label: Tensor) -> list[Tensor]:
        """The latents, the labels' vectors, the captions' vectors, as far as there are: (n, out_dim) side by side.

        label: (n,) labels, or (n, ROW) conditions where there are captions.
        """
        label, words = (label, None) if self.reader is None else parted(label)
        found = [z]
        if self.embedding is not None:
            found.append(self.embedding(label))
        if self.reader is not None and words is not None:
            found.append(self.reader(words))
        return [part.expand(len(z), -1) for part in found]  # of one condition for all, which is read once


class LabelledLatent(Asking):
    """(n, out_dim): the latent beside its label's learned vector and its caption's, as far as there are."""

    def __init__(self, latent_dim: int, asked: int | Conditions, label_dim: int = 32) -> None:
        super().__init__(latent_dim, asked, label_dim)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.cat(self.beside(z, label), dim=1)


class ProjectionLogit(nn.Module):
    """features (n, d) and (n,) labels -> (n,) logits: (w + e_y/sqrt(d)).h + b. Miyato & Koyama 2018, eq. 3.

    Where there are captions, conditions (n, ROW) take the place of labels, and a linear map of a caption's vector is
    added to e_y. With k labels or conditions for each picture, (k, n) or (k, n, ROW): (k, n) logits.

    Label vectors start at zero, so that D first learns what all labels share. Products and their sum are float32 even
    where the rest of a net is not: only differences of logits matter, and their common level may lie far from 0.
    """

    def __init__(self, features: int, asked: int | Conditions) -> None:
        super().__init__()
        asked = Conditions.of(asked)
        self.linear = nn.Linear(features, 1)
        self.embedding = nn.Embedding(asked.labels + 1, features) if asked.labels else None
        if self.embedding is not None:
            nn.init.zeros_(self.embedding.weight)
        self.reader = reader_of(asked)
        self.said = zeros(nn.Linear(asked.text_dim, features)) if asked.text_dim else None

    def forward(self, features: Tensor, label: Tensor) -> Tensor:
        label, words = (label, None) if self.reader is None else parted(label)
        weight = self.linear.weight
        if self.embedding is not None:
            weight = weight + self.embedding(label) / math.sqrt(features.shape[1])
        if self.reader is not None and self.said is not None and words is not None:
            said = self.said(self.reader(words.flatten(0, -3))).unflatten(0, words.shape[:-2])
            weight = weight + said / math.sqrt(features.shape[1])
        return (features.float() * weight).sum(dim=-1) + self.linear.bias


class Blur(nn.Module):
    """Smooths each channel by [1 2 1]/4 along both axes: takes the checkerboard out of a pixel shuffle."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        # A dense kernel with a blurred identity: grouped convolutions are slow on a CPU.
        kernel = torch.eye(channels).view(channels, channels, 1, 1) * torch.outer(row, row)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.kernel)


class _Bounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,), (gradient,) = ctx.saved_tensors, gradients
        leaves = (x > 1) & (gradient < 0) | (x < -1) & (gradient > 0)  # a step goes against the gradient
        return gradient.masked_fill(leaves, 0)


def bounded(x: Tensor) -> Tensor:
    """Pixels cut to [-1, 1], such that those beyond are never pushed further out, but may be called back.

    The projected gradient of a bound (Bertsekas 1976), pixel by pixel. Without a bound a grey mist is left where
    pictures are black, which D sees before all else. A plain clamp never calls pixels back, one whose gradient passes
    lets them drift away without end, tanh and sigmoid learned badly (docs/experiments.md). For first derivatives only.
    """
    return _Bounded.apply(x) if torch.is_grad_enabled() else x.clamp(-1, 1)


def halvings(height: int, width: int, smallest: int = 4) -> int:
    """How often the shorter side can be halved, rounding up, without falling below `smallest` pixels."""
    return max(0, int(math.log2(min(height, width) / smallest)))


def grid(side: int, halved: int) -> int:
    """The side, in pixels, after `halved` halvings, each rounding up."""
    return -(-side // 2**halved)


def unshuffle(x: Tensor) -> Tensor:
    """(n, C, 2H, 2W) -> (n, 4C, H, W): each 2x2 pixels become one with their channels side by side.

    Shi et al. 2016, eq. 4, backwards. Unlike torch's, it and its gradients have the channels of a pixel side by
    side in memory, where convolutions in bfloat16 want them.
    """
    n, channels, height, width = x.shape
    cells = x.view(n, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return cells.reshape(n, height // 2, width // 2, 4 * channels).permute(0, 3, 1, 2)


def shuffle(x: Tensor) -> Tensor:
    """(n, 4C, H, W) -> (n, C, 2H, 2W): `unshuffle` backwards. Shi et al. 2016, eq. 4."""
    n, channels, height, width = x.shape
    cells = x.permute(0, 2, 3, 1).reshape(n, height, width, channels // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return cells.reshape(n, channels // 4, 2 * height, 2 * width)


def centre_crop(x: Tensor, height: int, width: int) -> Tensor:
    """The middle `height` x `width` of (n, C, H, W) pictures: G draws on a grid that divides, then cuts."""
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[:, :, top : top + height, left : left + width]


def pad_to(x: Tensor, height: int, width: int) -> Tensor:
    """(n, C, H, W) pictures extended by their edges to `height` x `width`: `centre_crop` backwards, for D."""
    down, right = height - x.shape[2], width - x.shape[3]
    if not down and not right:
        return x
    return F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2), mode="replicate")
