import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ganvas.dataset import prepare
from ganvas.features.random import filters, working_size
from ganvas.tensors import as_floats

from .helpers import made, noise, see

SHA256 = "01179a2ed3c5e63c8ac5d9b9805ce09d3f0da17669aa7341333a9803a6fad734"


def test_it_is_the_same_on_every_machine():
    assert made("random").sha256() == SHA256
    assert made("random").dim == 256


def test_a_filter_sees_no_brightness_and_is_of_length_1():
    drawn = filters("test", 7, 3, 5).double().flatten(1)
    assert drawn.mean(dim=1).abs().max() < 1e-8
    torch.testing.assert_close(drawn.norm(dim=1), torch.ones(7, dtype=torch.float64))
    assert not torch.equal(filters("test", 7, 3, 5), filters("another", 7, 3, 5))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((8, 8), (24, 24)),
        ((28, 28), (28, 28)),
        ((64, 40), (64, 40)),
        ((256, 128), (64, 32)),
        ((1024, 1024), (64, 64)),
        ((8, 1024), (8, 64)),
        ((16, 8), (24, 12)),
    ],
)
def test_works_of_any_size_are_seen_at_a_like_one(size, expected):
    assert working_size(*size) == expected


@pytest.mark.parametrize("shape", [(1, 8, 8), (4, 9, 15), (3, 8, 1024), (3, 1024, 8), (1, 250, 251), (3, 1024, 1024)])
def test_any_size_gives_moderate_numbers(shape):
    for pictures in (noise(2, *shape), torch.ones(1, *shape), -torch.ones(1, *shape)):
        seen = see("random", pictures)
        assert torch.isfinite(seen).all()
        assert seen.abs().max() < 10


def distance(x: Tensor, y: Tensor) -> float:
    """The kernel distance. Binkowski et al. 2018."""
    within = 0.0
    for side in (x, y):
        alike = (side @ side.T / side.shape[1] + 1) ** 3
        within += float((alike.sum() - alike.trace()) / (len(side) * (len(side) - 1)))
    return within - 2 * float(((x @ y.T / x.shape[1] + 1) ** 3).mean())


def test_it_notices_blur_noise_and_what_is_missing():
    """Each moves the distance to other real digits at least three times as far as chance in eight splits."""
    digits = prepare("digits")
    chosen = np.random.default_rng(0).permutation(len(digits))[:2000]
    pictures, labels = as_floats(digits.batch(chosen)), torch.from_numpy(digits.labels[chosen])
    seen, others = see("random", pictures), pictures[1::2]
    real = seen[::2]
    rng = torch.Generator().manual_seed(0)
    splits = [seen[torch.randperm(len(seen), generator=rng)].chunk(2) for _ in range(8)]
    by_chance = max(abs(distance(*halves)) for halves in splits)
    swapped = torch.cat([others[..., 14:], others[..., :14]], dim=3)
    worse = {
        "blur": F.avg_pool2d(others, 3, stride=1, padding=1),
        "noise": (others + 0.04 * torch.randn(others.shape, generator=rng)).clamp(-1, 1),
        "layout": swapped,
        "missing": others[labels[1::2] > 2],
        "repeated": others[:50].repeat(20, 1, 1, 1),
    }
    found = {name: distance(see("random", each), real) / by_chance for name, each in worse.items()}
    assert min(found.values()) > 3, found
