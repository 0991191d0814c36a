"""Which works are compared with which, and what an interval over pairs must count."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from ganvas.metrics import pairs
from ganvas.metrics.pairs import WINDOW_PX, Diversity, MsSsim, pair_influences, partners, scales_of, similarity
from ganvas.metrics.score import Pair

from .helpers import CPU, blobs, pair_of, side_of


def test_pictures_without_a_label_among_labelled_ones_have_no_partners():
    works, others = partners(np.array([-1, 1, -1, 1, -1]), 3)
    assert sorted(works) == [1, 3]
    assert set(others.ravel()) == {1, 3}
    assert len(partners(np.full(5, -1), 3)[0]) == 5


def test_real_pictures_without_labels_are_no_floor_for_labelled_works(tmp_path):
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    pair = pair_of(tmp_path, x, x[::-1].copy())
    labelled = dataclasses.replace(pair.works, labels=np.arange(300) % 3)
    bare = dataclasses.replace(pair.works, labels=np.full(300, -1))
    judged = dataclasses.replace(pair, works=labelled, stand_ins=bare, label_names=("a", "b", "c"))
    assert "needs 100 real pictures that share their label" in Diversity().missing(judged)
    assert Diversity().missing(dataclasses.replace(judged, stand_ins=labelled)) is None
    assert Diversity().missing(dataclasses.replace(judged, works=bare, label_names=())) is None


def test_partners_are_others_of_the_same_label_each_as_often():
    labels = np.random.default_rng(0).integers(0, 3, 300)
    works, others = partners(labels, 10)
    assert np.array_equal(np.sort(works), np.arange(300))
    assert np.array_equal(labels[works][:, None] == labels[others], np.ones((300, 10), bool))
    assert np.all(others != works[:, None])
    assert all(len(set(row)) == 10 for row in others.tolist())
    assert np.array_equal(np.bincount(others.ravel()), np.full(300, 10))
    assert np.array_equal(partners(labels, 10)[1], others)


def test_a_work_alone_with_its_label_has_no_partner():
    works, others = partners(np.array([0, 1, 1, 2, 0, 3]), 2)
    assert sorted(works.tolist()) == [0, 1, 2, 4]
    assert dict(zip(works.tolist(), others.tolist(), strict=True)) == {0: [4, 4], 4: [0, 0], 1: [2, 2], 2: [1, 1]}


def test_diversity_is_the_mean_distance(tmp_path):
    """Of all pairs, nearly; within a label where there are labels."""
    seen = blobs(1, 800)
    apart = np.sqrt(np.square(seen[:, None] - seen[None]).sum(axis=2))
    pair = pair_of(tmp_path, seen, seen)
    expected = apart.sum() / (800 * 799)
    assert Diversity().measure(pair).value == pytest.approx(expected, rel=0.03)
    labels = (seen[:, 0] > 0).astype(int)
    labelled = Pair(side_of(tmp_path, seen, labels=labels), pair.reference, (1, 14, 14), ("a", "b"), CPU)
    same = (labels[:, None] == labels) & ~np.eye(800, dtype=bool)
    weights = same / same.sum(axis=1, keepdims=True) / 800
    assert Diversity().measure(labelled).value == pytest.approx((weights * apart).sum(), rel=0.03)


@pytest.mark.parametrize("disjoint", [True, False])
def test_the_chance_in_a_pair_counts_once(disjoint):
    """Values with a part of each work (deviation 1) and one of the pair alone (3): the mean's variance is known."""
    rng = np.random.default_rng(0)
    n = 4000
    a = np.arange(0, n, 2) if disjoint else np.arange(n)
    b = a + 1 if disjoint else np.roll(a, -1)
    own = rng.normal(size=n)
    values = own[a] + own[b] + 3 * rng.normal(size=len(a))
    moved = pair_influences(n, a, b, values)
    expected = (2 + 9) / len(a) if disjoint else (4 + 9) / n
    assert moved.var() / n == pytest.approx(expected, rel=0.08)


def test_equal_works_have_nothing_to_doubt():
    assert np.array_equal(pair_influences(4, np.arange(4), np.arange(4)[::-1], np.ones(4)), np.zeros(4))


def test_as_many_scales_as_torchmetrics_allows_at_any_size(tmp_path):
    rng = np.random.default_rng(0)
    found = {}
    for size_px in (WINDOW_PX, 21, 22, 43, 44, 87, 88, 98, 99, 175, 176):
        pictures = rng.integers(0, 256, (2, size_px, size_px + 3, 1), np.uint8)
        side = side_of(tmp_path, np.zeros((2, 1)), pictures)
        found[size_px] = scales_of(size_px)
        assert similarity(side, np.array([0]), np.array([0]), CPU) == pytest.approx([1.0], abs=1e-5)
        assert 0 <= similarity(side, np.array([0]), np.array([1]), CPU)[0] < 0.3
    assert list(found.values()) == [1, 1, 2, 2, 3, 3, 3, 3, 4, 4, len(pairs.SCALE_WEIGHTS)]


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    pair = pair_of(tmp_path, blobs(1, 150), blobs(2, 150))
    assert MsSsim().missing(pair) is None
    lonely = side_of(tmp_path, blobs(1, 150), labels=np.minimum(np.arange(150), 90))
    said = "needs 100 works that share their label with another, has 60"
    assert Diversity().missing(Pair(lonely, pair.reference, (1, 14, 14), (), CPU)) == said
    small = Pair(pair.works, pair.reference, (1, 10, 40), (), CPU)
    assert MsSsim().missing(small) == "needs pictures of 11 px and more, has 10 px"
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torchmetrics" else find_spec(name))
    assert MsSsim().missing(pair) == "needs torchmetrics: pip install 'ganvas[metrics]'"
    assert Diversity().missing(pair) is None
