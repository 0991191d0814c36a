"""Fréchet and kernel distance, and Vendi: closed forms, and influences against really adding a picture."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas.metrics import frechet, kernel, vendi
from ganvas.metrics.frechet import Between, Frechet, Moments
from ganvas.metrics.kernel import Discrepancy, Kernel
from ganvas.metrics.vendi import Vendi

from .helpers import CPU, blobs, pair_of, stored


def gaussian(rng: np.random.Generator, n: int, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(n, d) with exactly this mean and covariance."""
    x = rng.normal(size=(n, len(mean)))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return x @ np.linalg.cholesky(covariance).T + mean


def test_moments_are_those_of_all_rows(tmp_path):
    x = blobs(1, 4500) + 1000  # three blocks, far from 0
    x = x.astype(np.float32)
    moments = Moments.of(stored(tmp_path, x), CPU)
    assert moments.mean.numpy() == pytest.approx(x.astype(np.float64).mean(axis=0), rel=1e-12)
    assert moments.covariance.numpy() == pytest.approx(np.cov(x.T.astype(np.float64)), rel=1e-9)


def test_gaussians_that_share_their_axes_have_a_closed_form(tmp_path):
    """Sum of squared differences of means and of deviations along the axes."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    a, b = np.array([3.0, 2.0, 1.0, 0.5, 0.1]), np.array([1.0, 2.0, 3.0, 0.1, 0.2])
    shift = np.array([0.5, 0, 0, 0, -1.0])
    works = gaussian(rng, 3000, turn @ shift, turn @ np.diag(a**2) @ turn.T)
    real = gaussian(rng, 3000, np.zeros(5), turn @ np.diag(b**2) @ turn.T)
    expected = np.sum((a - b) ** 2) + shift @ shift
    assert Frechet().measure(pair_of(tmp_path, works, real)).value == pytest.approx(expected, rel=1e-5)


def test_each_map_takes_one_covariance_to_the_other(tmp_path):
    a, b = (Moments.of(stored(tmp_path, x), CPU) for x in (blobs(1, 900), blobs(2, 900) ** 2))
    between = Between.of(a, b)
    assert torch.allclose(between.to_b @ a.covariance @ between.to_b, b.covariance, atol=1e-8)
    assert torch.allclose(between.to_a @ b.covariance @ between.to_a, a.covariance, atol=1e-8)


def test_features_that_never_change_do_no_harm(tmp_path):
    """In one set, the other, or both; and a set of one picture again and again."""
    works, real = blobs(1, 500), blobs(2, 500)
    works[:, 0], real[:, 1] = 7, 3
    works[:, 2] = real[:, 2] = 1
    found = Frechet().measure(pair_of(tmp_path, works, real))
    assert np.isfinite([found.value, found.low, found.high]).all()
    one = np.repeat(works[:1], 500, axis=0)
    found = Frechet().measure(pair_of(tmp_path, one, real))
    expected = np.square(one[0] - real.mean(axis=0)).sum() + np.cov(real.T).trace()
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert found.low < found.value < found.high


def test_the_kernel_distance_by_all_its_pairs(tmp_path):
    """Gretton et al. 2012, eq. 3, with the kernel of Bińkowski et al. 2018."""
    x, y = blobs(1, 60, 0.3).astype(np.float32), blobs(2, 60).astype(np.float32)

    def k(a, b):
        return (float(a @ b) / 8 + 1) ** 3

    n = 60
    within = [sum(k(s[i], s[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1)) for s in (x, y)]
    across = sum(k(a, b) for a in x for b in y) / n**2
    assert Kernel().measure(pair_of(tmp_path, x, y)).value == pytest.approx(sum(within) - 2 * across, rel=1e-5)


def test_the_kernel_distance_is_without_bias_for_few_works(tmp_path):
    rng = np.random.default_rng(0)
    found = [Discrepancy.of(*torch.from_numpy(rng.normal(0, 0.5, (2, 30, 8))).float()) for _ in range(1000)]
    values = np.array([one.value for one in found])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    # All variance is that of pairs, as both sides are alike.
    assert np.mean([one.chance for one in found]) == pytest.approx(values.var(), rel=0.1)


def test_many_works_are_compared_in_chunks(tmp_path, monkeypatch):
    works, real = blobs(1, 900, 0.2), blobs(2, 900)
    monkeypatch.setattr(kernel, "CHUNK", 300)
    whole = Kernel().measure(pair_of(tmp_path, works, real))
    parts = [Kernel().measure(pair_of(tmp_path, works[i : i + 300], real[i : i + 300])).value for i in (0, 300, 600)]
    assert whole.value == pytest.approx(np.mean(parts), rel=1e-9)


def test_vendi_counts_directions(tmp_path):
    """Works along k axes from the real centre, equally often, are k entirely different pictures."""
    real = np.concatenate([np.eye(6), -np.eye(6)])
    for k in (1, 3, 6):
        works = np.eye(6)[np.arange(600) % k] * 5
        assert Vendi().measure(pair_of(tmp_path, works, real)).value == pytest.approx(k, rel=1e-5)


@pytest.mark.parametrize(("module", "score"), [(frechet, Frechet), (vendi, Vendi), (kernel, Kernel)])
def test_influences_say_what_one_more_picture_does(module, score, tmp_path: Path, monkeypatch):
    """To first order the value moves by (influence - mean influence) / (n + 1)."""
    works, real = blobs(1, 1200, 0.5), blobs(2, 1200)
    captured: list[np.ndarray] = []
    monkeypatch.setattr(module, "linear_bootstrap", lambda _, *sides: captured.extend(sides) or np.zeros(1))

    def value(x: np.ndarray, y: np.ndarray) -> float:
        if score is Kernel:  # for sets of unequal size
            return Discrepancy.of(*(torch.from_numpy(side).float() for side in (x, y))).value
        return score().measure(pair_of(tmp_path, x, y)).value

    before = score().measure(pair_of(tmp_path, works, real)).value
    influences = captured[:2]
    moved, predicted = [], []
    for index in range(0, 40, 4):
        moved += [value(np.append(works, works[[index]], 0), real), value(works, np.append(real, real[[index]], 0))]
        predicted += [(side[index] - side.mean()) / 1201 for side in influences]
    slope = np.polyfit(predicted, np.array(moved) - before, 1)[0]
    assert np.corrcoef(predicted, moved)[0, 1] > 0.995
    assert slope == pytest.approx(1, abs=0.06)  # the kernel's influences are shrunk a little
