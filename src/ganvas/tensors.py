"""Between uint8 arrays and tensors of pictures, and random numbers that are told where they come from."""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor

CPU = torch.device("cpu")


def seeded(seed: int, *purpose: str | int) -> torch.Generator:
    """A generator of its own for each purpose, on the CPU so that every device draws the same numbers."""
    digest = hashlib.sha256("/".join(map(str, (seed, *purpose))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))


def as_floats(pictures: np.ndarray, device: torch.device = CPU, tones: str = "linear") -> Tensor:
    """(n, H, W, C) uint8 -> (n, C, H, W) float32 in [-1, 1] on the device, converted there.

    tones: the scale of the numbers. "linear": as the levels are. "sine": 2/pi * asin of that, which draws the levels
    near black and white apart; on the way back, an error there all but vanishes (see `as_levels`).
    """
    levels = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1).contiguous()
    return levels.asin_().mul_(2 / math.pi) if tones == "sine" else levels


def as_levels(painted: Tensor, tones: str = "linear") -> Tensor:
    """What nets paint, cut to [-1, 1], from the scale `tones` to linear levels in [-1, 1]. `as_floats` backwards.

    With tones "sine" a pixel that is off by d from white or black ends (pi*d)^2/8 off: an error of 0.05 becomes 0.003,
    less than half a level of 256. So flat areas, which nets leave hazy, come out as clean as drawings have them.
    """
    bounded = painted.float().clamp(-1, 1)
    return bounded.mul(math.pi / 2).sin() if tones == "sine" else bounded


def to_uint8(pictures: Tensor, tones: str = "linear") -> np.ndarray:
    """(n, C, H, W) nominally in [-1, 1], on the scale `tones` -> (n, H, W, C) uint8."""
    levels = as_levels(pictures, tones).add(1).mul(127.5).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
