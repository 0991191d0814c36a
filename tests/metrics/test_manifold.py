"""Precision, recall, density, coverage and realism against their definitions."""

from dataclasses import replace

import numpy as np
import pytest

from ganvas.metrics.manifold import K, realism
from ganvas.metrics.rows import Rows
from ganvas.registry import scores

from .helpers import blobs, pair_of

BLOCK = 400
FOUR = ("precision", "recall", "density", "coverage")


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    whole = Rows.blocks
    monkeypatch.setattr(Rows, "blocks", lambda self, size=BLOCK: whole(self, size))


def measured(pair) -> dict[str, float]:
    return {name: scores.get(name)().measure(pair).value for name in FOUR}


def apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n, m) distances of what float32 holds."""
    x, y = (array.astype(np.float32).astype(np.float64) for array in (x, y))
    return np.sqrt(np.square(x[:, None] - y[None]).sum(axis=2))


def radii(x: np.ndarray) -> np.ndarray:
    return np.sort(apart(x, x), axis=1)[:, K]  # the first is itself


def brute(works: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Kynkäänniemi et al. 2019, eq. 1 and 2; Naeem et al. 2020, sect. 3."""
    distances = apart(works, real)
    in_real, in_works = distances <= radii(real), distances <= radii(works)[:, None]
    return {
        "precision": in_real.any(axis=1).mean(),
        "recall": in_works.any(axis=0).mean(),
        "density": in_real.sum() / (K * len(works)),
        "coverage": in_real.any(axis=0).mean(),
    }


@pytest.mark.parametrize(("count", "shift"), [(300, 0.0), (300, 0.6), (1100, 0.3)])
def test_the_definitions_give_the_same(count, shift, tmp_path):
    works, real = blobs(1, count, shift), blobs(2, count)
    assert measured(pair_of(tmp_path, works, real)) == pytest.approx(brute(works, real), abs=1e-9)


def test_whoever_is_on_the_edge_is_inside(tmp_path):
    """On a grid nearly all distances are shared by many, so that rounding would decide."""
    rng = np.random.default_rng(0)
    works, real = (rng.integers(0, 8, (400, 3)) + 20 for _ in range(2))
    assert measured(pair_of(tmp_path, works, real)) == pytest.approx(brute(works, real), abs=1e-9)


def test_repeated_pictures_have_balls_without_size(tmp_path):
    """Six times each: the fifth neighbour is at distance 0, so only copies lie in a ball."""
    real = np.repeat(blobs(2, 50), 6, axis=0) + 30
    works = np.concatenate([real[:30], blobs(1, 270) + 30])
    found = measured(pair_of(tmp_path, works, real))
    assert found == pytest.approx(brute(works, real), abs=1e-9)
    assert found["precision"] == 0.1
    assert found["coverage"] == 0.1


def test_equal_sets_are_precise_and_covered(tmp_path):
    found = measured(pair_of(tmp_path, blobs(1, 600), blobs(1, 600)))
    assert found == {"precision": 1, "recall": 1, "density": pytest.approx((K + 1) / K), "coverage": 1}


def test_sets_of_one_distribution_are_covered_to_0969(tmp_path):
    """Naeem et al. 2020, sect. 3.2: 1 - 2^-k, nearly; a density of 1."""
    pair = pair_of(tmp_path, blobs(1, 5000), blobs(2, 5000))
    coverage, density = (scores.get(name)().measure(pair) for name in ("coverage", "density"))
    assert coverage.value == pytest.approx(1 - 2**-K, abs=0.012)  # its deviation is 0.0033
    assert density.value == pytest.approx(1, abs=0.04)  # 0.012


def test_who_leaves_out_a_part_loses_recall_and_who_adds_outliers_precision(tmp_path):
    real, works = blobs(2, 600), blobs(1, 600)
    full = measured(pair_of(tmp_path, works, real))
    half = works.copy()
    half[works[:, 0] > np.median(works[:, 0])] = half[0]
    found = measured(pair_of(tmp_path, half, real))
    assert found["recall"] < full["recall"] - 0.1
    assert found["coverage"] < full["coverage"] - 0.2
    wild = works.copy()
    wild[:200] += 20
    found = measured(pair_of(tmp_path, wild, real))
    assert found["precision"] == pytest.approx(full["precision"] * 2 / 3, abs=0.03)
    assert found["coverage"] > 0.9


def test_the_memo_can_be_shared_by_pairs_with_a_side_in_common(tmp_path):
    pair, other = (pair_of(tmp_path, blobs(seed, 300, shift), blobs(2, 300)) for seed, shift in ((1, 0), (3, 0.5)))
    both = [measured(pair), measured(replace(pair, works=other.works))]
    assert both[1] == measured(other)
    assert both[0] != both[1]


@pytest.mark.parametrize("count", [4, 30, 1100])
def test_realism_by_its_definition(count, tmp_path):
    """Kynkäänniemi et al. 2019, eq. 5, over the half of the balls that are smaller."""
    works, real = blobs(1, count, 0.2), blobs(2, count)
    size = radii_or_less(real)
    kept = size <= np.median(size)
    distances = apart(works, real)[:, kept]
    with np.errstate(divide="ignore"):
        expected = (size[kept] / distances).max(axis=1)
    assert realism(pair_of(tmp_path, works, real)) == pytest.approx(expected, rel=1e-4)


def radii_or_less(real: np.ndarray) -> np.ndarray:
    """To the last neighbour where there are no five."""
    return np.sort(apart(real, real), axis=1)[:, min(K, len(real) - 1)]


def test_a_real_picture_is_infinitely_realistic_and_noise_is_not(tmp_path):
    real = blobs(2, 400)
    works = np.concatenate([real[:200], blobs(1, 200, 6.0)])
    found = realism(pair_of(tmp_path, works, real))
    assert np.isinf(found[:200]).mean() == pytest.approx(0.5, abs=0.15)  # the half whose balls count
    assert np.all(found[200:] < 1)
