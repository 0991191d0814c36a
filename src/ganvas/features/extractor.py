"""What all features share: a hash that names them for good, and pictures made ready the same way for each.

Pictures are resized with antialiasing, as Parmar et al. 2022 ("clean-fid", sect. 3) argue for: without it the resizing
itself makes the score.
"""

import hashlib
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UsageError

PREPARATION = "2: bicubic, antialiased, clamped; grey replicated, alpha on white"
"""Part of every hash: other ways of preparing pictures give other features."""


class Extractor(nn.Module):
    """Base of all features. forward: (n, C, H, W) pictures in [-1, 1] -> (n, dim) float32, each picture by itself."""

    name: str
    """Short, printed beside every score."""
    dim: int
    """Numbers a picture."""
    design: str
    """In words, what the weights do not tell: part of the hash, so it changes with the code."""
    preparation: ClassVar[str] = PREPARATION
    """Of pictures, in words: part of the hash too."""
    is_known_by_hash: ClassVar[bool] = True
    """Whether equal hashes mean equal features, so that what was seen may be kept for other evaluations."""

    def sha256(self) -> str:
        """64 hex digits of what decides on the features: design, preparation, layers and all their numbers.

        The same in every process and on every machine. Raises UsageError for numbers that are not in tensors.
        """
        digest = hashlib.sha256(f"{self.name}/{self.design}/{self.preparation}".encode())
        for key, part in self.named_modules():
            digest.update(f"{key} {type(part).__qualname__}\n".encode())
        for key, value in (dict(self.named_buffers()) | self.state_dict()).items():
            if not isinstance(value, Tensor):
                raise UsageError(
                    f"The features {self.name!r} keep {key} as {type(value).__name__}: only tensors can be hashed."
                )
            digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
            numbers = value.detach().cpu().contiguous().reshape(-1)
            digest.update(numbers.view(torch.uint8).numpy().tobytes())  # through bytes, since numpy knows no bfloat16
        return digest.hexdigest()


def resize(pictures: Tensor, height: int, width: int) -> Tensor:
    """(n, C, H, W) in [-1, 1] -> (n, C, height, width) in [-1, 1]; unchanged when it has that size."""
    if pictures.shape[2:] == (height, width):
        return pictures
    larger = F.interpolate(pictures, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return larger.clamp(-1, 1)  # a bicubic filter overshoots at edges


def without_alpha(pictures: Tensor) -> Tensor:
    """Four channels -> three; others unchanged. The colours lie on white already, by `tensors.as_floats`."""
    return pictures[:, :3] if pictures.shape[1] == 4 else pictures


def as_grey(pictures: Tensor) -> Tensor:
    """-> (n, 1, H, W): luma by ITU-R BT.601, as Pillow converts."""
    pictures = without_alpha(pictures)
    if pictures.shape[1] == 1:
        return pictures
    luma = torch.tensor([0.299, 0.587, 0.114], device=pictures.device).view(1, 3, 1, 1)
    return (pictures * luma).sum(dim=1, keepdim=True)


def as_colour(pictures: Tensor) -> Tensor:
    """-> (n, 3, H, W); grey is replicated."""
    return without_alpha(pictures).expand(-1, 3, -1, -1)


def file_sha256(path: Path) -> str:
    """Of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
