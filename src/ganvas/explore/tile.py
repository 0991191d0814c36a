"""Textures without a seam: a generator drawn on a torus, where the left edge is the right one's neighbour.

Every place at which a net looks beyond its edges (padded convolutions, enlarging) looks at the opposite edge instead,
so nothing in the picture knows where it was cut. That is asked of torch from outside, and no net has to know of it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..drawing import Drawer
from ..errors import UsageError
from ..nets.layers import grid
from .latent import steerable


def around(x: Tensor, rows: int, columns: int) -> Tensor:
    """(n, C, H, W) with so many rows and columns of the opposite edges on either side."""
    return F.pad(x, (columns, columns, rows, rows), mode="circular")


class Torus(TorchFunctionMode):
    """While it is entered, convolutions, paddings and enlargements of pictures wrap around."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.conv2d:
            return conv2d(*args, **kwargs)
        if func is F.conv_transpose2d:
            return conv_transpose2d(*args, **kwargs)
        if func is F.interpolate and kwargs.get("mode") == "bilinear" and isinstance(kwargs["scale_factor"], int):
            return enlarged(args[0], kwargs["scale_factor"])
        if func is F.pad and kwargs.get("mode") == "replicate":
            return func(*args, **{**kwargs, "mode": "circular"})
        return func(*args, **kwargs)


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def conv2d(x: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, *rest: Any) -> Tensor:
    rows, columns = pair(padding)
    return F.conv2d(around(x, rows, columns) if rows or columns else x, weight, bias, stride, 0, *rest)


def conv_transpose2d(
    x: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, *rest: Any
) -> Tensor:
    """Of an input with one period more on each side, the middle."""
    (rows, columns), (height, width) = pair(stride), x.shape[2:]
    whole = F.conv_transpose2d(around(x, height, width), weight, bias, stride, padding, output_padding, *rest)
    top, left = height * rows, width * columns
    return whole[:, :, top : top + height * rows, left : left + width * columns]


def enlarged(x: Tensor, times: int) -> Tensor:
    """Bilinear, so many times as large."""
    whole = F.interpolate(around(x, 1, 1), scale_factor=times, mode="bilinear", align_corners=False)
    return whole[:, :, times:-times, times:-times]


def check_tiles(drawer: Drawer) -> None:
    """Raises UsageError for a generator whose works cannot be tiles: its sides must halve evenly down to its start."""
    generator = steerable(drawer)
    _, height, width = drawer.config.shape
    halved = math.ceil(math.log2(height / generator.resolutions[0]))
    if halved == 0:
        raise UsageError(f"The nets of {drawer.name} draw all pixels at once, so their works cannot be made to tile.")
    if grid(height, halved) * 2**halved != height or grid(width, halved) * 2**halved != width:
        raise UsageError(
            f"Works of {width}x{height} px are cut out of larger ones, so they cannot be made to tile. Train at a size "
            f"whose sides are multiples of {2**halved}."
        )


def tiles(drawer: Drawer, styles: Tensor) -> np.ndarray:
    """(n, layers, style_dim) -> (n, H, W, C) uint8: works without a seam, in both directions. Raises UsageError."""
    check_tiles(drawer)
    with Torus():
        return drawer.drawn(styles)
