"""`random`: filters that never learned anything. Needs no weights and fits any picture.

Two parts. Texture: how strongly, and how unevenly, a few filters answer at four scales, as logarithms, so that faint
answers in flat areas count; blur and noise move it. Contours: three layers of convolutions over the picture at half
size, with its contrast divided out, averaged over 2x2 cells; kinds of pictures that are missing, or come too often,
move it. That random filters see at all: Jarrett et al. 2009, "What is the best multi-stage architecture for object
recognition?"; Saxe et al. 2011, "On random weights and unsupervised feature learning".
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..registry import features
from ..tensors import seeded
from .extractor import Extractor, as_colour, resize, without_alpha
from .weights import no_weights

SIDES_PX = (24, 64)
"""The longer side is brought between them."""
LEAST_PX = 8
"""Of the shorter side."""
SCALES, TEXTURES = 4, 8
"""Each scale is half the one before; filters on each."""
CONTOURS = (32, 64, 48)
"""Filters of each layer."""
CELLS = 2
"""Times as many, in which the last layer's answers are averaged."""
FAINT = 0.02
"""Answers below it count as about as faint: 2.5 levels of 256."""
CONTRAST_FLOOR = 0.05
"""Contrasts below it are not raised to the same level: an empty picture stays empty."""
STRENGTH, UNEVENNESS, CONTOUR = (-2.0, 1.0), (0.5, 0.25), (0.2, 0.35)
"""Mean and deviation, about, on pictures of overlapping shapes, so that all kinds of features weigh alike."""


class Random(Extractor):
    """Colour, 24 to 64 px on the longer side, to 256 numbers."""

    name = "random"
    dim = 2 * SCALES * TEXTURES + CONTOURS[-1] * CELLS**2
    design = f"1: {SIDES_PX} {LEAST_PX} {FAINT} {CONTRAST_FLOOR} {CELLS} {STRENGTH} {UNEVENNESS} {CONTOUR}"

    textures: Tensor
    """(SCALES, TEXTURES, 3, 5, 5)"""
    contours0: Tensor
    contours1: Tensor
    contours2: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("textures", torch.stack([filters(f"texture {i}", TEXTURES, 3, 5) for i in range(SCALES)]))
        for layer, (inputs, outputs) in enumerate(zip((3, *CONTOURS), CONTOURS, strict=False)):
            self.register_buffer(f"contours{layer}", filters(f"contour {layer}", outputs, inputs, 3 if layer else 5))

    def forward(self, pictures: Tensor) -> Tensor:
        x = as_colour(resize(without_alpha(pictures), *working_size(*pictures.shape[2:])))
        return torch.cat([self.texture(x), self.contours(x)], dim=1)

    def texture(self, x: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, 2 * SCALES * TEXTURES)."""
        found = []
        for bank in self.textures:
            answers = F.conv2d(padded(x, 2), bank).abs().add(FAINT).log()
            spread, mean = torch.std_mean(answers, dim=(2, 3), correction=0)
            found += [scaled(mean, STRENGTH), scaled(spread, UNEVENNESS)]
            x = half(x)
        return torch.cat(found, dim=1)

    def contours(self, x: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, CONTOURS[-1] * CELLS**2)."""
        x = F.conv2d(padded(half(x), 2), self.contours0, stride=2)
        x = F.relu(x / (x.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + CONTRAST_FLOOR))
        x = F.relu(F.conv2d(padded(x, 1), self.contours1, stride=2)) * 2**0.5
        x = F.relu(F.conv2d(padded(x, 1), self.contours2, stride=2)) * 2**0.5
        return scaled(F.adaptive_avg_pool2d(x, CELLS).flatten(1), CONTOUR)


def filters(purpose: str, outputs: int, inputs: int, side: int) -> Tensor:
    """(outputs, inputs, side, side) float32, each filter of mean 0 and length 1.

    Sums are over whole numbers, hence exact: the same bits on every machine, which a normal distribution's are not.
    """
    size = inputs * side * side
    drawn = torch.randint(-127, 128, (outputs, size), generator=seeded(0, "features", "random", purpose))
    centred = drawn * size - drawn.sum(dim=1, keepdim=True)
    length = centred.square().sum(dim=1, keepdim=True).double().sqrt()
    return (centred.double() / length).float().view(outputs, inputs, side, side)


def working_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) in px with the longer side between SIDES_PX; the aspect ratio is kept, up to 8 to 1."""
    longer = max(height, width)
    wanted = min(max(longer, SIDES_PX[0]), SIDES_PX[1])
    return max(LEAST_PX, round(height * wanted / longer)), max(LEAST_PX, round(width * wanted / longer))


def half(x: Tensor) -> Tensor:
    """Half as high and wide, rounded up."""
    return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)


def padded(x: Tensor, px: int) -> Tensor:
    """With its edge repeated outwards: the border of a picture is no contour."""
    return F.pad(x, (px, px, px, px), mode="replicate")


def scaled(x: Tensor, mean_and_deviation: tuple[float, float]) -> Tensor:
    mean, deviation = mean_and_deviation
    return (x - mean) / deviation


@features.register("random")
def random(shape: tuple[int, int, int], weights: Path | None = None) -> Extractor:
    no_weights("random", weights)
    return Random()
