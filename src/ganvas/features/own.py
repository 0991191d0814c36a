"""Features of the user's own: any module from pictures to vectors."""

import copy

import torch
from torch import Tensor, nn

from ..errors import UsageError
from .extractor import Extractor

SAME = 1e-3
"""Share of the largest number by which a picture's features may change with its neighbours: rounding."""


class Own(Extractor):
    """A module's output as it is: its forward takes (n, C, H, W) in [-1, 1] and gives (n, dim), all finite.

    The hash covers its layers as they describe themselves and all tensors, but not the code of its `forward`.
    """

    is_known_by_hash = False

    preparation = "1: none"

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.name = type(module).__name__
        self.design = f"2: a module of the user's own: {module!r}"
        self.dim = 0  # until a first look

    def forward(self, pictures: Tensor) -> Tensor:
        """Raises UsageError when the module raises, or gives anything but n vectors of finite floats."""
        try:
            seen = self.module(pictures)
        except Exception as error:
            came = f"{type(error).__name__}: {error}"
            raise UsageError(
                f"The features {self.name!r} failed on pictures {tuple(pictures.shape)}: {came}"
            ) from error
        problem = self.problem(seen, len(pictures))
        if problem:
            raise UsageError(
                f"The features {self.name!r} should turn pictures {tuple(pictures.shape)} into floats "
                f"({len(pictures)}, {self.dim or 'dim'}), but {problem}."
            )
        return seen.float()

    def problem(self, seen: object, count: int) -> str | None:
        if not isinstance(seen, Tensor):
            return f"a {type(seen).__name__} came"
        fits = seen.ndim == 2 and len(seen) == count and seen.shape[1] == (self.dim or seen.shape[1]) > 0
        if not fits or not seen.is_floating_point():
            return f"{seen.dtype} {tuple(seen.shape)} came"
        if not torch.isfinite(seen).all():
            return "NaN or infinity came"
        return None


def wrap(module: nn.Module, shape: tuple[int, int, int]) -> Extractor:
    """A copy of the module as features of (C, H, W) pictures, in eval mode; its class's name is theirs.

    `dim` is found on two pictures of noise.   Raises UsageError for anything but a module, for one that cannot be
    copied, hashed or run on pictures of the shape, and where a picture's features depend on chance or its neighbours.
    """
    if not isinstance(module, nn.Module):
        raise UsageError(f"Features are a name or a torch.nn.Module, not {type(module).__name__}: {module!r:.100}.")
    try:
        mine = copy.deepcopy(module)  # eval mode and whatever follows leave the user's alone
    except Exception as error:
        raise UsageError(f"The features {type(module).__name__!r} cannot be copied: {error}") from error
    net = Own(mine).eval().requires_grad_(False)
    place = next(mine.parameters(), torch.empty(0)).device
    pictures = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)).mul(2).sub(1).to(place)
    with torch.no_grad():
        both = net(pictures)
        net.dim = both.shape[1]
        alone = net(pictures[:1])
    if (both[:1] - alone).abs().max() > SAME * both.abs().max():
        raise UsageError(
            f"The features {net.name!r} see a picture differently when it is alone: they depend on chance, or on the "
            "other pictures of the batch."
        )
    net.sha256()  # raises, if at all, now
    return net
