"""Weights that come from the user, as safetensors; and the refusal of those that nobody asked for."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import UsageError
from .extractor import Extractor


def no_weights(name: str, weights: Path | None) -> None:
    """Raises UsageError when weights came for features that have their own."""
    if weights is not None:
        raise UsageError(f"The features {name!r} bring their own weights, but {weights} was given. Leave it out.")


def load_into(net: Extractor, path: Path) -> None:
    """Raises UsageError unless the file is safetensors with just the tensors that `net` has, all finite."""
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UsageError(
            f"{path}: expected the weights of the features {net.name!r} as safetensors, but it cannot be read: {error}"
        ) from error
    problem = misfit(net.state_dict(), found)
    if problem:
        raise UsageError(f"{path} does not fit the features {net.name!r}: {problem}.")
    net.load_state_dict(found)


def misfit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """The first difference in words; None when all fits."""
    for key in sorted(wanted.keys() | found.keys()):
        if key not in found:
            return f"{key} {tuple(wanted[key].shape)} is missing"
        if key not in wanted:
            return f"it has {key[:80]!r}, which nothing here is called"
        if wanted[key].shape != found[key].shape or not found[key].is_floating_point():
            return (
                f"expected {key} as floats {tuple(wanted[key].shape)}, "
                f"found {found[key].dtype} {tuple(found[key].shape)}"
            )
        if not torch.isfinite(found[key].float()).all():
            return f"{key} is not finite"
    return None
