"""Between uint8 arrays and tensors of pictures, and random numbers that are told where they come from."""

import hashlib

import numpy as np
import torch
from torch import Tensor

CPU = torch.device("cpu")


def seeded(seed: int, *purpose: str | int) -> torch.Generator:
    """A generator of its own for each purpose, on the CPU so that every device draws the same numbers."""
    digest = hashlib.sha256("/".join(map(str, (seed, *purpose))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))


def as_floats(pictures: np.ndarray, device: torch.device = CPU) -> Tensor:
    """(n, H, W, C) uint8 -> (n, C, H, W) float32 in [-1, 1] on the device, converted there."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1).contiguous()


def to_uint8(pictures: Tensor) -> np.ndarray:
    """(n, C, H, W) nominally in [-1, 1] -> (n, H, W, C) uint8."""
    levels = pictures.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
