"""Nearest neighbours against sorting all distances."""

import numpy as np
import pytest

from ganvas.metrics import neighbours
from ganvas.metrics.neighbours import nearest, neighbours_of_new, neighbours_of_works
from ganvas.metrics.rows import Rows

from .helpers import CPU, blobs, pair_of, stored


def brute(queries: np.ndarray, targets: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    queries, targets = (array.astype(np.float32).astype(np.float64) for array in (queries, targets))
    apart = np.sqrt(np.square(queries[:, None] - targets[None]).sum(axis=2))
    order = np.argsort(apart, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(apart, order, axis=1), order


@pytest.mark.parametrize("k", [1, 4])
def test_all_distances_sorted_give_the_same(k, tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "EXACT_AT_ONCE", 1000)  # several parts
    whole = Rows.blocks
    monkeypatch.setattr(Rows, "blocks", lambda self, size=300: whole(self, size))  # several blocks of both
    queries, targets = blobs(1, 700), blobs(2, 1300, 0.2)
    distances, rows = nearest(stored(tmp_path, queries), stored(tmp_path, targets), k, CPU)
    expected, order = brute(queries, targets, k)
    assert (distances.dtype, rows.dtype) == (np.float32, np.int64)
    assert distances == pytest.approx(expected, rel=1e-6)
    assert np.array_equal(rows, order)


def test_almost_equal_pictures_are_told_apart_far_from_the_origin(tmp_path):
    """|x|^2 is 1e6 there, and 1e-3 between neighbours is lost in its rounding."""
    rng = np.random.default_rng(0)
    targets = rng.normal(0, 300, (500, 8)).astype(np.float32)
    queries = targets[:50] + rng.choice([-1, 1], (50, 8)).astype(np.float32) * np.float32(2**-8)
    queries[:10] = targets[:10]
    distances, rows = nearest(stored(tmp_path, queries), stored(tmp_path, targets), 2, CPU)
    assert np.array_equal(rows[:, 0], np.arange(50))
    assert np.array_equal(distances[:10, 0], np.zeros(10))
    assert distances[:, 0] == pytest.approx(brute(queries, targets, 1)[0][:, 0], rel=1e-6)


def test_of_equal_pictures_the_first_comes_first(tmp_path):
    targets = np.concatenate([np.full((3, 2), 5.0), np.zeros((4, 2)), np.full((2, 2), 5.0)])
    distances, rows = nearest(stored(tmp_path, np.full((1, 2), 5.0)), stored(tmp_path, targets), 4, CPU)
    assert rows.tolist() == [[0, 1, 2, 7]]
    assert distances.tolist() == [[0, 0, 0, 0]]


def test_there_are_no_more_neighbours_than_targets(tmp_path):
    distances, rows = nearest(stored(tmp_path, np.zeros((4, 2))), stored(tmp_path, np.eye(2)), 5, CPU)
    assert distances.shape == rows.shape == (4, 2)


def test_a_pair_remembers_its_neighbours(tmp_path):
    pair = pair_of(tmp_path, blobs(1, 100), blobs(2, 100), training=blobs(3, 300), held_out=blobs(4, 200))
    first = neighbours_of_works(pair)
    assert first[0].shape == first[1].shape == (100, 3)
    assert neighbours_of_works(pair) is first
    assert neighbours_of_new(pair) == pytest.approx(brute(blobs(4, 200), blobs(3, 300), 1)[0][:, 0], rel=1e-6)
