"""Patches of a pyramid, and the distance between sorted values."""

import numpy as np
import pytest
import torch

from ganvas.metrics import laplacian
from ganvas.metrics.laplacian import PATCH_PX, SlicedWasserstein, level_distance, patches, pyramid, raised, wasserstein
from ganvas.metrics.score import Pair

from .helpers import CPU, side_of


def textures(seed: int, n: int, size_px: int, channels: int = 1, contrast: float = 40.0) -> np.ndarray:
    """Smooth noise, uint8 (n, size, size, channels), each picture of its own contrast and colour."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, size_px, size_px, channels))
    smooth = (noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2) + np.roll(noise, (1, 1), (1, 2))) / 2
    levels = 128 + contrast * rng.uniform(0.5, 1.5, (n, 1, 1, 1)) * smooth + rng.normal(0, 15, (n, 1, 1, channels))
    return levels.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(28, 28), (64, 45), (14, 20)])
def test_a_pyramid_holds_all_of_the_picture(size):
    """Burt & Adelson 1983: the sum of the levels, raised, is the picture."""
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    levels = pyramid(x)
    assert min(levels[-1].shape[2:]) in range(laplacian.LEAST_PX, 2 * laplacian.LEAST_PX)
    picture = levels[-1]
    for level in levels[-2::-1]:
        picture = level + raised(picture, *level.shape[2:])
    assert torch.allclose(picture, x, atol=1e-5)


def test_an_even_picture_has_no_detail():
    levels = pyramid(torch.full((1, 1, 56, 56), 0.3))
    assert [tuple(level.shape[2:]) for level in levels] == [(56, 56), (28, 28), (14, 14)]
    assert all(torch.allclose(level, torch.zeros(()), atol=1e-6) for level in levels[:-1])
    assert torch.allclose(levels[-1], torch.tensor(0.3))


def test_patches_are_scaled_by_channel(tmp_path):
    side = side_of(tmp_path, np.zeros((60, 1)), textures(0, 60, 28, 3))
    parts = list(patches(side, CPU, 7))
    assert [tuple(part.shape[2:]) for part in parts] == [(3, PATCH_PX**2)] * 2
    for part in parts:
        assert part.mean(dim=(0, 1, 3)) == pytest.approx(0, abs=1e-4)
        assert part.std(dim=(0, 1, 3)) == pytest.approx(1, abs=1e-3)


def test_the_distance_of_values_is_that_of_sorted_values():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 50)), rng.normal(0.5, 2, size=(3, 50))
    distance, of_x, of_y = wasserstein(*(torch.from_numpy(side) for side in (x, y)))
    expected = np.abs(np.sort(x, axis=1) - np.sort(y, axis=1)).mean(axis=1)
    assert distance.numpy() == pytest.approx(expected)
    step = 1e-4
    for pushed, side in ((of_x, 0), (of_y, 1)):
        for index in (0, 17, 49):
            both = [x.copy(), y.copy()]
            both[side][:, index] += step
            moved = np.abs(np.sort(both[0], axis=1) - np.sort(both[1], axis=1)).mean(axis=1) - expected
            assert 50 * moved / step == pytest.approx(pushed.slope[:, index].numpy(), abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_influences_say_what_another_picture_does(channels, tmp_path):
    """One picture in another's place moves the distance by their difference, also by the mean and deviation."""

    def raw(pictures: np.ndarray) -> torch.Tensor:
        rng = torch.Generator().manual_seed(0)
        level = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        return laplacian.cut(level, 10, rng).view(len(pictures), 10, channels, -1)

    def scaled(x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(dim=(0, 1, 3), keepdim=True)) / x.std(dim=(0, 1, 3), keepdim=True)

    sides = [raw(textures(seed, 200, 20, channels, contrast)) for seed, contrast in ((1, 55.0), (2, 30.0))]
    value, *influences = level_distance(*(scaled(side) for side in sides))
    for number, influence in enumerate(influences):
        moved, predicted = [], []
        for index in range(0, 80, 8):
            both = [side.clone() for side in sides]
            both[number][index] = both[number][index + 1]
            moved.append(level_distance(*(scaled(side) for side in both))[0] - value)
            predicted.append((influence[index + 1] - influence[index]) / 200)
        assert np.corrcoef(moved, predicted)[0, 1] > 0.95
        assert np.polyfit(predicted, moved, 1)[0] == pytest.approx(1, abs=0.2)


def test_equal_sets_are_at_distance_0_and_others_are_not(tmp_path):
    sides = [side_of(tmp_path, np.zeros((100, 1)), textures(seed, 100, 28)) for seed in (0, 0, 1)]
    same, fresh = (Pair(sides[0], other, (1, 28, 28), (), CPU) for other in sides[1:])
    assert SlicedWasserstein().measure(same).value == 0
    found = SlicedWasserstein().measure(fresh)
    assert 5 < found.low < found.value < found.high


def test_large_pictures_are_looked_at_a_few_at_a_time(tmp_path):
    side = side_of(tmp_path, np.zeros((30, 1)), textures(0, 30, 64))
    parts = [torch.cat([part.flatten() for part in patches(side, CPU, step)]) for step in (4, 30)]
    assert parts[0].shape == parts[1].shape
    assert laplacian.at_once((3, 1024, 1024)) == 1
    assert laplacian.at_once((1, 28, 28)) == 500
