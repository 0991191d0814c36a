"""Every registered score on real digits: what all must hold, and that each sees the fault that it is there for."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from ganvas.metrics.score import Estimate, Pair, Question, Score, Side
from ganvas.registry import scores

from .helpers import Digits, N, worse

BEST_ON_EQUAL_SETS = {"precision": 1.0, "recall": 1.0, "coverage": 1.0, "density": 1.2, "swd": 0.0}
"""Where real pictures that are the very same lie; the others are compared with the floor."""

LEARNING = ("accuracy", "agreement")


def made(name: str) -> Score:
    return scores.get(name)()


def check(score: Score, found: Estimate) -> None:
    assert np.isfinite([found.value, found.low, found.high]).all()
    assert score.limits[0] <= found.low <= found.value <= found.high <= score.limits[1]
    assert all(type(number) is float for number in (found.value, found.low, found.high))


@pytest.mark.parametrize("name", scores.names())
def test_a_score_says_what_it_is(name):
    score = made(name)
    assert score.name == name
    assert score.question in get_args(Question)
    assert score.better in ("lower", "higher")
    assert all(text and text == text.strip() for text in (score.title, score.sentence, score.source))
    assert score.sentence[0].isupper() and score.sentence.endswith(".")
    assert score.sentence.count(". ") == 0
    assert score.limits[0] < score.limits[1]
    assert not score.as_percent or score.limits == (0.0, 1.0)
    assert score.least >= 100


@pytest.mark.parametrize("name", scores.names())
def test_real_pictures_are_as_good_as_real(name, digits: Digits):
    """Its own interval and that of the floor overlap, and it is the same when measured anew."""
    score = made(name)
    works, real = score.measure(digits.real), digits.floor(score)
    check(score, works)
    check(score, real)
    assert works.low <= real.high and real.low <= works.high
    if name not in LEARNING:  # test_classifier.py has them, as they take a while
        assert score.measure(replace(digits.real, memo={})) == works


@pytest.mark.parametrize("name", sorted(set(scores.names()) - {"copying", *LEARNING}))
def test_equal_sets_are_at_the_best_value_or_the_floor(name, digits: Digits):
    score = made(name)
    same = replace(digits.real, works=digits.real.reference)
    found = score.measure(same)
    check(score, found)
    assert not worse(score, found, digits.floor(score))
    if name in BEST_ON_EQUAL_SETS:
        assert found.value == pytest.approx(BEST_ON_EQUAL_SETS[name], abs=1e-6)
    if name in ("frechet", "kernel"):
        assert found.value < 1e-6


@pytest.mark.parametrize("name", scores.names())
def test_too_few_works_are_refused_and_enough_are_not(name, digits: Digits):
    score = made(name)

    def of(count: int) -> Pair:
        real = digits.real
        works, reference, stand_ins = (cut(side, count) for side in (real.works, real.reference, real.stand_ins))
        return replace(real, works=works, reference=reference, stand_ins=stand_ins, memo={})

    reason = score.missing(of(score.least - 1)) if score.least <= N else score.missing(digits.real)
    assert reason is not None
    assert f"{score.least:,}" in reason
    assert reason[0].islower() and not reason.endswith(".")
    if score.least <= N:
        assert score.missing(of(score.least)) is None


def cut(side: Side, count: int) -> Side:
    """The first ones; nobody may look at more."""
    rows = type(side.features)(side.features.path, (count, *side.features.shape[1:]), "float32")
    return Side(rows, side.labels[:count], side.pictures)


SEEN = {
    "noise": ("frechet", "kernel", "precision", "density", "recall", "coverage", "swd"),
    "blur": ("frechet", "kernel", "density", "recall", "coverage", "swd", "vendi", "diversity"),
    "repeated": ("frechet", "kernel", "recall", "coverage", "vendi", "diversity", "ms_ssim", "accuracy"),
    "copies": ("copying", "closeness"),
    "without_a_class": ("frechet", "kernel", "recall", "coverage", "vendi"),
    "disobedient": ("agreement",),
}
"""By which fault; no score is there for all."""
UNSEEN = {
    "repeated": ("precision",),
    "copies": ("frechet", "kernel", "precision", "recall", "density", "coverage", "swd", "vendi"),
    "without_a_class": ("precision", "copying", "ms_ssim"),
    "disobedient": ("frechet", "kernel", "precision", "coverage", "vendi", "copying"),
}
"""What these scores cannot know, though one might hope so."""


@pytest.fixture(scope="module")
def spoilt(digits: Digits) -> dict[str, Pair]:
    return {fault: digits.spoilt(fault) for fault in SEEN}


@pytest.mark.parametrize(("fault", "name"), [(fault, name) for fault, names in SEEN.items() for name in names])
def test_a_score_sees_its_faults(fault, name, digits: Digits, spoilt):
    score = made(name)
    works, real = score.measure(spoilt[fault]), digits.floor(score)
    check(score, works)
    assert worse(score, works, real)


@pytest.mark.parametrize(("fault", "name"), [(fault, name) for fault, names in UNSEEN.items() for name in names])
def test_a_score_is_blind_to_others(fault, name, digits: Digits, spoilt):
    score = made(name)
    assert not worse(score, score.measure(spoilt[fault]), digits.floor(score))


def test_every_score_sees_some_fault():
    assert {name for names in SEEN.values() for name in names} >= set(scores.names())


def test_the_worse_it_gets_the_worse_they_say(digits: Digits):
    """Twice the noise, twice and more the distance; half the works repeated, half way to a single one."""
    pictures, labels = digits.pictures[:N], digits.labels[:N]
    noise = np.random.default_rng(0).normal(0, 1, pictures.shape)
    frechet = [
        made("frechet").measure(digits.pair((pictures + sd * noise).clip(0, 255).astype(np.uint8), labels)).value
        for sd in (20, 40, 80)
    ]
    assert frechet[1] > 1.5 * frechet[0] and frechet[2] > 1.5 * frechet[1]
    vendi = []
    for share in (0.0, 0.5, 1.0):
        source = np.where(np.arange(N) < share * N, 0, np.arange(N))
        vendi.append(made("vendi").measure(digits.pair(pictures[source], labels)).value)
    assert vendi[0] > vendi[1] + 1 > vendi[2] + 2
    assert vendi[2] == pytest.approx(1, abs=1e-6)


def test_pictures_are_read_for_scores_of_pixels_alone(digits: Digits):
    """And features for the others: so the report may say which features a score looked through."""

    def forbidden(_: np.ndarray) -> np.ndarray:
        raise AssertionError("looked at pictures")

    blind = replace(
        digits.real,
        memo={},
        **{
            name: replace(getattr(digits.real, name), pictures=forbidden)
            for name in ("works", "reference", "stand_ins")
        },
    )
    for name in scores.names():
        score = made(name)
        if score.uses_features:
            check(score, score.measure(blind))
            continue
        with pytest.raises(AssertionError, match="looked at pictures"):
            score.measure(blind)
