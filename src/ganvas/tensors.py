"""Between uint8 arrays and tensors of pictures, and random numbers that are told where they come from."""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor

CPU = torch.device("cpu")
FAINT = 4
"""Alpha within fewer levels than these, of 255, of empty or of opaque is that. As in `ganvas.decode`."""


def seeded(seed: int, *purpose: str | int) -> torch.Generator:
    """A generator of its own for each purpose, on the CPU so that every device draws the same numbers."""
    digest = hashlib.sha256("/".join(map(str, (seed, *purpose))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))


def as_floats(pictures: np.ndarray, device: torch.device = CPU, tones: str = "linear") -> Tensor:
    """(n, H, W, C) uint8 -> (n, C, H, W) float32 in [-1, 1] on the device, converted there.

    tones: the scale of the numbers. "linear": as the levels are. "sine": 2/pi * asin of that, which draws the levels
    near black and white apart; on the way back, an error there all but vanishes (see `as_levels`).
    With four channels the last is alpha, and the colours are as they look on white (see `on_white`).
    """
    levels = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1).contiguous()
    levels = on_white(levels) if levels.shape[1] == 4 else levels
    return levels.asin_().mul_(2 / math.pi) if tones == "sine" else levels


def as_levels(painted: Tensor, tones: str = "linear") -> Tensor:
    """What nets paint, cut to [-1, 1], from the scale `tones` to linear levels in [-1, 1]. `as_floats` backwards.

    With tones "sine" a pixel that is off by d from white or black ends (pi*d)^2/8 off: an error of 0.05 becomes 0.003,
    less than half a level of 256. So flat areas, which nets leave hazy, come out as clean as drawings have them.
    """
    bounded = painted.float().clamp(-1, 1)
    return bounded.mul(math.pi / 2).sin() if tones == "sine" else bounded


def to_uint8(pictures: Tensor, tones: str = "linear") -> np.ndarray:
    """(n, C, H, W) nominally in [-1, 1], on the scale `tones` -> (n, H, W, C) uint8, as files have it."""
    levels = as_levels(pictures, tones)
    levels = off_white(levels) if levels.shape[1] == 4 else levels
    return levels.add(1).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def on_white(levels: Tensor) -> Tensor:
    """(n, 4, H, W) in [-1, 1], alpha last -> the same with red, green and blue as they look on white paper.

    A file's colours end where alpha does, and under transparent pixels they are anything. On paper nothing is
    arbitrary, and nothing jumps where alpha is soft: the nets learn nothing that nobody sees, and what is the mean of
    two pictures here is their mean to the eye. Porter & Duff 1984, sect. 3 (premultiplied colours), over white for
    black.
    """
    paper = levels[:, 3:].neg().add(1).div(2)
    return torch.cat([levels[:, :3].mul(1 - paper).add(paper).clamp(-1, 1), levels[:, 3:]], dim=1)


def off_white(levels: Tensor) -> Tensor:
    """`on_white` backwards. Alpha is rounded to the levels of files, nearly empty to empty, nearly opaque to opaque.

    Laid on any colour, a work is as far off as its colours on white and its alpha are, however small alpha is.
    """
    alpha = levels[:, 3:].add(1).mul(127.5).round()
    alpha = alpha.where(alpha >= FAINT, 0).where(alpha <= 255 - FAINT, 255)
    colours = levels[:, :3].sub(1).mul(255).div(alpha.clamp_min(1)).add(1).clamp(-1, 1)
    return torch.cat([colours.where(alpha > 0, 1), alpha.div(127.5).sub(1)], dim=1)
