"""What several tests of features use."""

import functools

import pytest
import torch
from torch import Tensor

from ganvas import efficientnet
from ganvas.features import inception
from ganvas.features.choose import make_features
from ganvas.features.extractor import Extractor


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Pictures in [-1, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@functools.cache
def made(name: str) -> Extractor:
    """The features, made once: none of them depends on the shape. Skips the test where they cannot be had."""
    if name == "effnet" and not efficientnet.installed():
        pytest.skip("the packages of effnet are not installed")
    if name == "inception" and not inception.cached_weights().exists():
        pytest.skip("the weights of inception are not here")
    return make_features(name, (3, 32, 32))


@torch.inference_mode()
def see(name: str, pictures: Tensor) -> Tensor:
    return made(name)(pictures)


def close(a: Tensor, b: Tensor, share: float = 1e-4) -> bool:
    """Whether no number differs by more than this share of the largest."""
    return bool((a - b).abs().max() <= share * b.abs().max())
