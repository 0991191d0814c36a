"""What can be read off a picture: brightness, hue, stroke weight, slant, symmetry, size and so on.

By these a direction is named, after what it measurably changes. Ink is how far a pixel's grey is from the ground's, the
median of the picture's rim; what is measured of ink means something for things on a plain ground, less for scenes.
"""

from collections.abc import Callable

import numpy as np

from ..pictures import on_white

Measure = Callable[[np.ndarray], np.ndarray]
"""(n, H, W, 3) float64 colours in [0, 1] -> (n,) values."""

LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Of red, green and blue in grey. Rec. 709."""


def grey(pictures: np.ndarray) -> np.ndarray:
    """(n, H, W)."""
    return pictures @ LUMA


def ink(pictures: np.ndarray) -> np.ndarray:
    """(n, H, W) in [0, 1]: how far each pixel's grey is from the ground's."""
    x = grey(pictures)
    rim = np.concatenate([x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]], axis=1)
    return np.abs(x - np.median(rim, axis=1)[:, None, None])


def _moments(weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """Centre x, y and second moments xx, yy, xy of (n, H, W) weights, in shares of the picture's longer side."""
    height, width = weight.shape[1:]
    y, x = np.mgrid[:height, :width] / max(height, width)
    total = weight.sum(axis=(1, 2)) + 1e-9
    cx, cy = ((weight * axis).sum(axis=(1, 2)) / total for axis in (x, y))
    dx, dy = x[None] - cx[:, None, None], y[None] - cy[:, None, None]
    second = [(weight * a * b).sum(axis=(1, 2)) / total for a, b in ((dx, dx), (dy, dy), (dx, dy))]
    return cx, cy, *second


def brightness(pictures: np.ndarray) -> np.ndarray:
    return grey(pictures).mean(axis=(1, 2))


def contrast(pictures: np.ndarray) -> np.ndarray:
    return grey(pictures).std(axis=(1, 2))


def colourfulness(pictures: np.ndarray) -> np.ndarray:
    """Mean distance of a pixel's largest from its smallest channel."""
    return (pictures.max(axis=3) - pictures.min(axis=3)).mean(axis=(1, 2))


def hue_towards(angle: float) -> Measure:
    """How far colours lean towards a hue (degrees): the mean of chroma in its direction."""

    def measure(pictures: np.ndarray) -> np.ndarray:
        red, green, blue = np.moveaxis(pictures, 3, 0)
        alpha, beta = red - (green + blue) / 2, 3**0.5 / 2 * (green - blue)
        turn = np.deg2rad(angle)
        return (alpha * np.cos(turn) + beta * np.sin(turn)).mean(axis=(1, 2))

    return measure


def stroke_weight(pictures: np.ndarray) -> np.ndarray:
    """Area over half the outline's length: the width of a stroke, in shares of the longer side."""
    x = ink(pictures)
    edges = np.abs(np.diff(x, axis=1)).sum(axis=(1, 2)) + np.abs(np.diff(x, axis=2)).sum(axis=(1, 2))
    return 2 * x.sum(axis=(1, 2)) / (edges + 1e-9) / max(x.shape[1:])


def slant(pictures: np.ndarray) -> np.ndarray:
    """How far upper parts lie to the right of lower ones: minus the slope of x over y. LeCun et al. 1998 deslant so."""
    *_, yy, xy = _moments(ink(pictures))
    return -xy / (yy + 1e-9)


def symmetry(pictures: np.ndarray) -> np.ndarray:
    """Correlation of the picture with itself in a mirror, left to right."""
    x = grey(pictures)
    x = x - x.mean(axis=(1, 2), keepdims=True)
    return (x * x[:, :, ::-1]).sum(axis=(1, 2)) / (np.square(x).sum(axis=(1, 2)) + 1e-9)


def size(pictures: np.ndarray) -> np.ndarray:
    """The ink's spread around its centre."""
    _, _, xx, yy, _ = _moments(ink(pictures))
    return np.sqrt(xx + yy)


def width(pictures: np.ndarray) -> np.ndarray:
    """How much wider than high the ink is spread, as a logarithm."""
    _, _, xx, yy, _ = _moments(ink(pictures))
    return np.log(xx + 1e-6) / 2 - np.log(yy + 1e-6) / 2


def to_the_right(pictures: np.ndarray) -> np.ndarray:
    return _moments(ink(pictures))[0]


def to_the_bottom(pictures: np.ndarray) -> np.ndarray:
    return _moments(ink(pictures))[1]


def detail(pictures: np.ndarray) -> np.ndarray:
    """Mean step between neighbouring pixels."""
    x = grey(pictures)
    return np.abs(np.diff(x, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(x, axis=2)).mean(axis=(1, 2))


GREY: dict[str, Measure] = {
    "brightness": brightness,
    "contrast": contrast,
    "stroke weight": stroke_weight,
    "slant": slant,
    "symmetry": symmetry,
    "size": size,
    "width": width,
    "to the right": to_the_right,
    "to the bottom": to_the_bottom,
    "detail": detail,
}
COLOUR: dict[str, Measure] = {
    "colourfulness": colourfulness,
    "reddish": hue_towards(0),
    "yellowish": hue_towards(60),
    "greenish": hue_towards(120),
}
"""Their opposites are cyan, blue and magenta."""


def measured(pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Every attribute of (n, H, W, C) uint8 pictures, (n,) each. Alpha is laid on white."""
    colours = on_white(pictures)[..., :3] / 255.0
    has_colour = colours.shape[3] == 3
    colours = colours if has_colour else colours.repeat(3, axis=3)
    wanted = GREY | (COLOUR if has_colour else {})
    return {name: measure(colours) for name, measure in wanted.items()}
