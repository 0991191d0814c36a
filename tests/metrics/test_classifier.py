"""What can be learned from works, and whether they obey."""

from dataclasses import replace

import numpy as np
import pytest

from ganvas.metrics import classifier
from ganvas.metrics.classifier import REFITS, Accuracy, Agreement, estimate, named_right, shrunk, trained
from ganvas.metrics.score import Pair, Side

from .helpers import CPU, N, floor_of, side_of


def stripes(seed: int, n: int, size_px: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Label 0 is striped down, 1 across, in noise; every tenth has no label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    wave = 60 * np.sin(np.arange(size_px) * 0.6 + rng.uniform(0, 6, (n, 1)))
    down = np.repeat(wave[:, None, :, None], size_px, axis=1)
    pictures = np.where(labels[:, None, None, None] == 0, down, down.transpose(0, 2, 1, 3))
    pictures = (128 + pictures + rng.normal(0, 40, (n, size_px, size_px, 1))).clip(0, 255).astype(np.uint8)
    labels[::10] = -1
    return pictures, labels


def side(folder, seed: int, n: int = 300) -> Side:
    pictures, labels = stripes(seed, n)
    return side_of(folder, np.zeros((n, 1)), pictures, labels)


@pytest.fixture
def pair(tmp_path, monkeypatch) -> Pair:
    monkeypatch.setattr(classifier, "PICTURES_SEEN", 700)
    sides = (side(tmp_path, seed) for seed in (0, 1))
    return Pair(*sides, (1, 20, 20), ("down", "across"), CPU, stand_ins=side(tmp_path, 2))


def test_a_classifier_learns_what_labels_mean_and_the_same_each_time(pair):
    pictures, labels = stripes(5, 200)
    known = labels >= 0
    nets = [trained(pictures[known], labels[known], len(pair.label_names), pair.device, seed) for seed in (3, 3, 4)]
    right = named_right(nets, pair.reference, pair)
    assert right.shape == (3, 270)  # those without a label are left out
    assert right.mean(axis=1).min() > 0.95
    weights = [net.decide.weight.detach().numpy() for net in nets]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_large_pictures_are_shrunk_and_small_ones_left(pair, tmp_path):
    def of(pictures: np.ndarray) -> np.ndarray:
        shape = (pictures.shape[3], *pictures.shape[1:3])
        side = side_of(tmp_path, np.zeros((len(pictures), 1)), pictures)
        return shrunk(side, np.arange(len(pictures)), replace(pair, shape=shape))

    small, (large, _) = stripes(0, 3, 32)[0], stripes(0, 3, 80)
    assert np.array_equal(of(small), small)
    assert of(large).shape == (3, 32, 32, 1)
    assert of(large).dtype == np.uint8
    assert of(large).mean() == pytest.approx(large.mean(), abs=1)
    assert of(np.zeros((1, 20, 90, 3), np.uint8)).shape == (1, 8, 32, 3)


def test_works_with_a_third_of_their_labels_wrong_are_disobedient(pair, tmp_path):
    pictures, labels = stripes(0, 300)
    wrong = np.where((np.arange(300) % 3 == 0) & (labels >= 0), 1 - labels, labels)
    pair = replace(pair, works=side_of(tmp_path, np.zeros((300, 1)), pictures, wrong))
    found, floor = Agreement().measure(pair), floor_of(Agreement(), pair)
    assert found.value == pytest.approx((wrong == labels)[labels >= 0].mean(), abs=0.03)
    assert found.high < floor.low
    assert floor.value > 0.97


def test_little_can_be_learned_from_labels_half_wrong(pair, tmp_path):
    pictures, labels = stripes(0, 300)
    wrong = np.where((np.arange(300) % 2 == 0) & (labels >= 0), 1 - labels, labels)
    found = Accuracy().measure(replace(pair, works=side_of(tmp_path, np.zeros((300, 1)), pictures, wrong)))
    assert found.value < 0.85


def test_agreement_and_the_floor_of_accuracy_share_their_classifiers(pair, monkeypatch):
    learned = []
    train = classifier.trained
    monkeypatch.setattr(classifier, "trained", lambda *given: learned.append(1) or train(*given))
    assert Accuracy().measure(pair).value > 0.95
    assert floor_of(Accuracy(), pair) == floor_of(Agreement(), pair)
    Agreement().measure(pair)
    assert len(learned) == 2 * (1 + REFITS)


def test_the_interval_covers_the_pictures_and_the_training():
    rng = np.random.default_rng(0)
    alike = np.repeat((rng.random((1, 2000)) < 0.9).astype(float), 1 + REFITS, axis=0)
    found = estimate(alike)
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.09 / 2000), rel=0.1)
    unlike = alike.copy()
    for refit, share in enumerate((0.85, 0.90, 0.95, 0.90), start=1):
        unlike[refit] = np.arange(2000) < 2000 * share
    wide = estimate(unlike)
    assert wide.value == found.value
    assert wide.high - found.value > 0.06  # 3.2 deviations of 0.04 each, cut off at 1
    assert found.value - wide.low == pytest.approx(3.18 * 0.0408, rel=0.2)


def test_what_is_missing_is_said(digits, pair):
    for score in (Accuracy(), Agreement()):
        assert score.missing(digits.real) is None
        assert score.missing(replace(digits.real, label_names=())) == "the model learned without labels"
        assert score.missing(replace(digits.real, label_names=("0",))) == "there is only one label"
        assert score.missing(pair) == "needs 1,000 works and as many real pictures, has 300"
        for name in ("works", "reference", "stand_ins"):  # a floor needs them all
            known = getattr(digits.real, name)
            few = replace(known, labels=np.where((known.labels == 3) & (np.arange(N) > 100), -1, known.labels))
            said = score.missing(replace(digits.real, **{name: few}))
            left = np.count_nonzero(few.labels == 3)
            assert said == f"needs 20 works and real pictures of each label, has {left} of '3'"
    lonely = replace(digits.real, stand_ins=None)
    assert Accuracy().missing(lonely) is None
    assert Agreement().missing(lonely) == "there are no other real pictures to learn from"
