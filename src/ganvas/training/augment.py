"""Augmentation that does not leak: what D sees, real or generated, is changed at random in the same ways.

Zhao et al. 2020 (DiffAugment) and Karras et al. 2020 (ADA, appendix B). Each change happens to each picture with the
probability p, by itself. As long as p stays below 1 the unchanged picture remains the likeliest one, so that G cannot
win by drawing changed ones: the changes, as an operator on distributions, can be undone (Bora et al. 2018). Everything
is differentiable once, which is all that G needs.

Pictures: (n, C, H, W) float in [-1, 1]; with four channels the last is alpha, which no colour changes, and the others
are colours on white (`ganvas.tensors.on_white`): what is empty is white and stays so.
"""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 0.125
"""Of a side: the farthest that a picture is moved by whole pixels, and the deviation of other moves."""
CUT = 0.5
"""Of a side: the rectangle that is cut out."""
OCTAVES = 3
EXPECTED_POWER = (1 / 13, 1 / 13, 1 / 13, 10 / 13)
"""Of the bands, finest first: natural pictures have power in 1/f. Karras et al. 2020, appendix B."""


@dataclass(frozen=True)
class Dice:
    """A step's random numbers. They are drawn for all processes' pictures, and each process keeps its share.

    rng: moves on with each draw.   size: pictures of all processes;   ours: those of them that are here.
    p: the probability of each change.   parts: so many times `ours` pictures come one after the other.
    """

    rng: torch.Generator
    size: int
    ours: slice
    p: float
    device: torch.device
    parts: int = 1

    def draw(self, random: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        drawn = random(self.parts, self.size, *shape, generator=self.rng)
        return drawn[:, self.ours].flatten(0, 1).to(self.device)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(n, *shape) in [low, high), for the n pictures that are here."""
        return low + (high - low) * self.draw(torch.rand, shape)

    def normal(self, *shape: int, deviation: float = 1.0) -> Tensor:
        """(n, *shape) with mean 0."""
        return deviation * self.draw(torch.randn, shape)

    def factor(self, octaves: float) -> Tensor:
        """(n,) above 0: 2 to the power of a normal with that deviation."""
        return 2 ** self.normal(deviation=octaves)

    def chosen(self, p: float | None = None) -> Tensor:
        """(n,) 1 for the pictures that a change happens to, else 0."""
        return (self.uniform() < (self.p if p is None else p)).float()

    def when(self, happens: Tensor, value: Tensor, else_value: float = 0.0) -> Tensor:
        """The value where it happens, else the one that changes nothing."""
        return torch.where(happens > 0, value, torch.full_like(value, else_value))


# Where a pixel is looked up: (n, 3, 3) matrices in pixels from the middle, from a pixel's place to where it comes from.


def matrices(rows: Sequence[Sequence[Tensor | float]], like: Tensor) -> Tensor:
    """Rows of (n,) tensors and numbers as (n, rows, columns)."""
    entries = [[torch.as_tensor(e, device=like.device).expand_as(like) for e in row] for row in rows]
    return torch.stack([torch.stack(row, dim=-1) for row in entries], dim=-2)


def scaled(x: Tensor, y: Tensor) -> Tensor:
    return matrices([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]], x)


def moved(x: Tensor, y: Tensor) -> Tensor:
    return matrices([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]], x)


def turned(angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return matrices([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]], angle)


def mirror(dice: Dice, height: int, width: int) -> Tensor:
    """Left and right change sides, at one time in two."""
    flipped = dice.when(dice.chosen(), dice.chosen(0.5))
    return scaled(1 - 2 * flipped, torch.ones_like(flipped))


def quarter_turns(dice: Dice, height: int, width: int) -> Tensor:
    """By 0 to 3 quarters; pictures that are not square by 0 or 2."""
    quarters = dice.uniform(high=4.0).floor() if height == width else 2 * dice.uniform(high=2.0).floor()
    return turned(dice.when(dice.chosen(), quarters) * (math.pi / 2))


def shift(dice: Dice, height: int, width: int) -> Tensor:
    """By whole pixels. DiffAugment's translation, and ADA's."""
    happens = dice.chosen()
    far = [dice.when(happens, (dice.uniform(low=-SHIFT, high=SHIFT) * side).round()) for side in (width, height)]
    return moved(*far)


def zoom(dice: Dice, height: int, width: int) -> Tensor:
    factor = dice.when(dice.chosen(), dice.factor(0.2), 1.0)
    return scaled(factor, factor)


def turn(dice: Dice, height: int, width: int) -> Tensor:
    """Twice in the row of changes, so each time with a probability that makes p of both together."""
    happens = dice.chosen(1 - math.sqrt(1 - dice.p))
    return turned(dice.when(happens, dice.uniform(low=-math.pi, high=math.pi)))


def stretch(dice: Dice, height: int, width: int) -> Tensor:
    factor = dice.when(dice.chosen(), dice.factor(0.2), 1.0)
    return scaled(factor, 1 / factor)


def drift(dice: Dice, height: int, width: int) -> Tensor:
    happens = dice.chosen()
    return moved(*(dice.when(happens, dice.normal(deviation=SHIFT) * side) for side in (width, height)))


# Colours: (n, 4, 4) matrices on (red, green, blue, 1); for grey pictures what they do to grey is all that counts.


def scaled_colours(factor: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack([factor, factor, factor, torch.ones_like(factor)], dim=-1))


def along_grey(like: Tensor) -> tuple[Tensor, Tensor]:
    """The projections onto the axis of greys, and onto what is across it: (4, 4) each."""
    grey = torch.full((4, 4), 1 / 3, device=like.device)
    grey[3], grey[:, 3] = 0.0, 0.0
    across = torch.eye(4, device=like.device) - grey
    across[3, 3] = 0.0
    return grey, across


def lightness(dice: Dice, by: Tensor) -> Tensor:
    value = dice.when(dice.chosen(), by)
    return matrices([[1.0, 0, 0, value], [0, 1.0, 0, value], [0, 0, 1.0, value], [0, 0, 0, 1.0]], value)


def brightness(dice: Dice) -> Tensor:
    return lightness(dice, dice.normal(deviation=0.2))


def contrast(dice: Dice) -> Tensor:
    return scaled_colours(dice.when(dice.chosen(), dice.factor(0.5), 1.0))


def luma_flip(dice: Dice) -> Tensor:
    """Light and dark change places, colours stay; at one time in two. 1 - 2 v v^T, with v the axis of greys."""
    flipped = dice.when(dice.chosen(), dice.chosen(0.5))
    grey, _ = along_grey(flipped)
    return torch.eye(4, device=flipped.device) - 2 * flipped[:, None, None] * grey


def hue(dice: Dice) -> Tensor:
    """Colours turn about the axis of greys: Rodrigues' formula."""
    angle = dice.when(dice.chosen(), dice.uniform(low=-math.pi, high=math.pi))
    grey, across = along_grey(angle)
    last = torch.zeros_like(grey)
    last[3, 3] = 1.0
    around = torch.zeros_like(grey)
    around[:3, :3] = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return grey + last + cos * across + sin * around


def with_saturation(dice: Dice, factor: Tensor) -> Tensor:
    value = dice.when(dice.chosen(), factor, 1.0)
    grey, across = along_grey(value)
    last = torch.zeros_like(grey)
    last[3, 3] = 1.0
    return grey + last + value[:, None, None] * across


def saturation(dice: Dice) -> Tensor:
    return with_saturation(dice, dice.factor(1.0))


def mild_brightness(dice: Dice) -> Tensor:
    return lightness(dice, dice.uniform(low=-0.5, high=0.5))


def mild_contrast(dice: Dice) -> Tensor:
    return scaled_colours(dice.when(dice.chosen(), dice.uniform(low=0.5, high=1.5), 1.0))


def mild_saturation(dice: Dice) -> Tensor:
    return with_saturation(dice, dice.uniform(low=0.0, high=2.0))


# Whole pictures


def bands(pictures: Tensor) -> list[Tensor]:
    """Octaves of a picture, finest first; their sum is the picture. Differences of blurs twice as wide each."""
    kernel = torch.tensor([1.0, 2.0, 1.0], device=pictures.device) / 4
    channels = pictures.shape[1]
    kernel = torch.outer(kernel, kernel).expand(channels, 1, 3, 3)
    found = []
    for octave in range(OCTAVES):
        wide = 2**octave
        padded = F.pad(pictures, (wide, wide, wide, wide), mode="replicate")
        blurred = F.conv2d(padded, kernel, dilation=wide, groups=channels)
        found.append(pictures - blurred)
        pictures = blurred
    return [*found, pictures]


def filtering(dice: Dice, pictures: Tensor) -> Tensor:
    """Each octave louder or softer, the expected power kept. Karras et al. 2020, appendix B, image-space filtering."""
    power = torch.tensor(EXPECTED_POWER, device=pictures.device)
    gain = torch.ones(len(pictures), len(EXPECTED_POWER), device=pictures.device)
    for band in range(len(EXPECTED_POWER)):
        factors = torch.ones_like(gain)
        factors[:, band] = dice.when(dice.chosen(), dice.factor(1.0), 1.0)
        gain = gain * factors / (power * factors.square()).sum(dim=1, keepdim=True).sqrt()
    return torch.einsum("nb,bnchw->nchw", gain, torch.stack(bands(pictures)))


def noise(dice: Dice, pictures: Tensor) -> Tensor:
    """Normal, at every pixel."""
    size = dice.when(dice.chosen(), dice.normal(deviation=0.1).abs())
    return pictures + size[:, None, None, None] * dice.normal(*pictures.shape[1:])


def cutout(dice: Dice, pictures: Tensor) -> Tensor:
    """A rectangle anywhere becomes mid-grey; in pictures with alpha it becomes empty."""
    height, width = pictures.shape[2:]
    happens = dice.chosen()
    middle_x, middle_y = dice.uniform(), dice.uniform()
    x = (torch.arange(width, device=pictures.device) + 0.5) / width
    y = (torch.arange(height, device=pictures.device) + 0.5) / height
    inside_x = (x - middle_x[:, None]).abs() < CUT / 2
    inside_y = (y - middle_y[:, None]).abs() < CUT / 2
    kept = 1 - happens[:, None, None] * (inside_y[:, :, None] & inside_x[:, None, :])
    return above(pictures) * kept[:, None] + ground(pictures)


# All of it, in this order


Placement = Callable[[Dice, int, int], Tensor]
Colouring = Callable[[Dice], Tensor]
Whole = Callable[[Dice, Tensor], Tensor]

PLACEMENTS: dict[str, tuple[Placement, ...]] = {
    "blit": (mirror, quarter_turns, shift),
    "shift": (shift,),
    "geometry": (zoom, turn, stretch, turn, drift),
}
COLOURINGS: dict[str, tuple[Colouring, ...]] = {
    "tint": (mild_brightness, mild_saturation, mild_contrast),
    "colour": (brightness, contrast, luma_flip, hue, saturation),
}
WHOLES: dict[str, Whole] = {"filter": filtering, "noise": noise, "cutout": cutout}


def augmented(pictures: Tensor, groups: Sequence[str], dice: Dice) -> Tensor:
    """The pictures as D is to see them, changed by the groups of that name in the order above."""
    if dice.p == 0:
        return pictures
    here = len(range(*dice.ours.indices(dice.size)))
    dice = replace(dice, parts=len(pictures) // here)
    with torch.autocast(pictures.device.type, enabled=False):  # places and colours need float32
        return _augmented(pictures, groups, dice)


def _augmented(pictures: Tensor, groups: Sequence[str], dice: Dice) -> Tensor:
    height, width = pictures.shape[2:]
    placements = [change(dice, height, width) for name in PLACEMENTS if name in groups for change in PLACEMENTS[name]]
    colourings = [change(dice) for name in COLOURINGS if name in groups for change in COLOURINGS[name]]
    if placements:
        pictures = placed(pictures, product(placements))
    if colourings:
        pictures = coloured(pictures, product(reversed(colourings)))
    for name, change in WHOLES.items():
        if name in groups:
            pictures = change(dice, pictures)
    return pictures


def ground(pictures: Tensor) -> Tensor:
    """What is there where nothing is: white with alpha 0, else mid-grey, which is 0."""
    if pictures.shape[1] != 4:
        return torch.zeros((), device=pictures.device)
    return torch.tensor([1.0, 1.0, 1.0, -1.0], device=pictures.device).view(4, 1, 1)


def above(pictures: Tensor) -> Tensor:
    return pictures - ground(pictures)


def product(parts: Iterable[Tensor]) -> Tensor:
    return functools.reduce(torch.matmul, parts)


def placed(pictures: Tensor, matrix: Tensor) -> Tensor:
    """Each pixel from where `matrix` says, between four; beyond the edges pictures are mirrored; with alpha, empty."""
    height, width = pictures.shape[2:]
    sides = torch.tensor([width / 2, height / 2, 1.0], device=pictures.device)
    relative = matrix * sides / sides[:, None]
    grid = F.affine_grid(relative[:, :2], list(pictures.shape), align_corners=False)
    beyond = "zeros" if pictures.shape[1] == 4 else "reflection"
    return F.grid_sample(above(pictures), grid, padding_mode=beyond, align_corners=False) + ground(pictures)


def coloured(pictures: Tensor, matrix: Tensor) -> Tensor:
    """Red, green and blue by `matrix`; what is grey stays grey; alpha is left alone, and so is the paper under it.

    Of a colour c on paper, a c + (1 - a), the part a c changes as that of an opaque one does. On the scale "sine" this
    holds where a is 0 or 1; in between it is a change like any other.
    """
    if pictures.shape[1] < 3:
        gain = matrix[:, :3, :3].sum(dim=2).mean(dim=1)
        return pictures * gain[:, None, None, None] + matrix[:, :3, 3].mean(dim=1)[:, None, None, None]
    opaque = pictures[:, 3:].add(1).div(2) if pictures.shape[1] == 4 else 1.0
    colours = pictures[:, :3] - (1 - opaque)
    changed = torch.einsum("nij,njhw->nihw", matrix[:, :3, :3], colours) + opaque * matrix[:, :3, 3, None, None]
    return torch.cat([changed + (1 - opaque), pictures[:, 3:]], dim=1)
