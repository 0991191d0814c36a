"""Copying rate and closeness where they are known: all copies, none, some."""

from dataclasses import replace

import numpy as np
import pytest

from ganvas.metrics.copying import Closeness, Copying, closer, rate, threshold
from ganvas.metrics.neighbours import neighbours_of_new
from ganvas.metrics.score import Pair

from .helpers import blobs, floor_of, pair_of, stored

TRAINING = blobs(9, 2000)


def made(folder, works: np.ndarray, held_out: np.ndarray | None = None) -> Pair:
    held_out = blobs(8, 1000) if held_out is None else held_out
    pair = pair_of(folder, works, blobs(7, len(works)), training=TRAINING, held_out=held_out)
    return replace(pair, stand_ins=pair.reference)


def test_a_new_real_picture_is_called_a_copy_in_1_percent():
    """For 400 times 200 uniform distances the threshold's own share is 0.01 on average."""
    thresholds = [threshold(np.random.default_rng(seed).random(200)) for seed in range(400)]
    assert np.mean(thresholds) == pytest.approx(0.01, abs=0.0015)  # its deviation is 0.00035; quantiles give 0.015
    assert threshold(np.arange(1.0, 200.0)) == pytest.approx(2.0)


def test_fresh_pictures_are_copies_in_about_1_percent(tmp_path):
    pair = made(tmp_path, blobs(1, 1000))
    works, floor = Copying().measure(pair), floor_of(Copying(), pair)
    for found in (works, floor):
        assert found.value == pytest.approx(0.01, abs=0.013)  # its deviation is 0.0045
        assert found.low < 0.01 < found.high
        assert 0.01 < found.high - found.low < 0.03


def test_the_floor_needs_no_stand_ins_and_not_all_of_them_are_right(tmp_path):
    """They may be training pictures, as here: the floor is that of the held-out ones."""
    pair = made(tmp_path, blobs(1, 300))
    copied = replace(pair, stand_ins=replace(pair.works, features=pair.training))
    assert floor_of(Copying(), copied) == floor_of(Copying(), pair)


def test_copies_are_all_found_and_counted(tmp_path):
    rng = np.random.default_rng(0)
    for share in (1.0, 0.2):
        works = blobs(1, 1000)
        copies = rng.random(1000) < share
        works[copies] = TRAINING[rng.integers(0, 2000, copies.sum())]
        found = Copying().measure(made(tmp_path, works))
        assert found.value == pytest.approx(share + 0.01 * (1 - share), abs=0.025)  # of the share, 0.0126
        assert found.low < share + 0.01 < found.high or (share == 1 and found.value == found.high == 1)
        assert 0.9 * share - 0.03 < found.low


def test_variants_of_training_pictures_are_copies_too(tmp_path):
    variants = TRAINING[:500] + np.random.default_rng(0).normal(0, 0.01, (500, 8))
    assert Copying().measure(made(tmp_path, variants)).value > 0.95


def test_works_far_from_everything_are_no_copies_but_nobody_is_sure(tmp_path):
    found = Copying().measure(made(tmp_path, blobs(1, 500, 30.0)))
    assert (found.value, found.low) == (0, 0)
    assert 2 / 500 < found.high < 5 / 500


def test_an_exact_copy_counts_where_held_out_pictures_are_copies_themselves(tmp_path):
    """Then the threshold is 0, and false alarms are as many as such pictures, which the floor shows."""
    held_out = blobs(8, 1000)
    held_out[:50] = TRAINING[:50]
    works = blobs(1, 500)
    works[:250] = TRAINING[250:500]
    pair = made(tmp_path, works, held_out)
    assert Copying().measure(pair).value == 0.5
    floor = floor_of(Copying(), pair)
    assert floor.value == pytest.approx(0.05)
    assert 0.02 < floor.low < floor.high < 0.08


def test_rounding_in_the_features_hides_no_copy():
    held_out = np.concatenate([np.zeros(50), np.linspace(1, 3, 450)])
    assert rate(np.array([0.0, 1e-5, 0.01, 2.0]), held_out) == 0.5
    assert rate(np.array([0.0, 1.0]), np.zeros(200)) == 0.5


def test_what_is_missing_is_said(tmp_path):
    pair = made(tmp_path, blobs(1, 300))
    score = Copying()
    assert score.missing(pair) is None
    assert score.missing(replace(pair, training=None)) == "the pictures it learned from are not known"
    few = replace(made(tmp_path, blobs(1, 300), blobs(8, 199)), training=stored(tmp_path, blobs(9, 99)))
    assert score.missing(few) == "needs 100 pictures learned from, or 200 held out; has 99 and 199"
    assert score.missing(replace(few, training=pair.training)) is None
    assert score.missing(replace(pair, training=few.training)) is None
    assert score.missing(replace(pair, held_out=None)) is None
    assert "needs 100 works" in score.missing(made(tmp_path, blobs(1, 99)))


@pytest.mark.parametrize("held_out", [None, blobs(8, 30)])
def test_without_held_out_pictures_the_training_pictures_stand_in(tmp_path, held_out):
    """Of 300 pictures: a fresh one is called a copy in 1%, copies are found; doubles among them change nothing."""
    training = np.concatenate([blobs(9, 300), blobs(9, 300)[:100]])
    fresh, mixed = blobs(1, 2000), blobs(1, 2000)
    mixed[:600] = training[np.arange(600) % 300]
    rows = None if held_out is None else stored(tmp_path, held_out)
    pair = replace(made(tmp_path, fresh), training=stored(tmp_path, training), held_out=rows, memo={})
    assert len(neighbours_of_new(pair)) == 400
    assert Copying().measure(pair).value == pytest.approx(0.01, abs=0.015)
    assert floor_of(Copying(), pair).value == pytest.approx(0.01, abs=0.015)
    copied = replace(pair, works=replace(pair.works, features=stored(tmp_path, mixed)), memo={})
    assert Copying().measure(copied).value == pytest.approx(0.3 + 0.7 * 0.01, abs=0.02)


def test_pictures_that_are_all_the_same_tell_nothing(tmp_path):
    same = stored(tmp_path, np.repeat(blobs(9, 1), 300, axis=0))
    pair = replace(made(tmp_path, blobs(1, 300)), training=same, held_out=None, memo={})
    assert np.isnan([Copying().measure(pair).value, floor_of(Copying(), pair).value]).all()


def test_closer_is_the_share_of_pairs_and_a_tie_is_half_of_one():
    assert closer(np.array([1.0, 2.0, 5.0]), np.array([2.0, 4.0])).tolist() == [1.0, 0.75, 0.0]


def test_fresh_pictures_are_as_close_as_others(tmp_path):
    pair = made(tmp_path, blobs(1, 1000))
    works, floor = Closeness().measure(pair), floor_of(Closeness(), pair)
    assert floor.value == 0.5
    for found in (works, floor):
        assert found.value == pytest.approx(0.5, abs=0.04)  # its deviation is 0.013
        assert found.low < 0.5 < found.high
        assert 0.03 < found.high - found.low < 0.07


def test_coarse_copies_are_no_copies_by_the_rate_and_yet_close(tmp_path):
    """A collection has series, and works are drawn coarsely: the closest new pictures lie closer than any copy."""
    rng = np.random.default_rng(0)
    held_out = blobs(8, 1000)
    held_out[:50] = TRAINING[:50]
    coarse = TRAINING[:500] + rng.normal(0, 0.2, (500, 8))
    pair = made(tmp_path, coarse, held_out)
    assert Copying().measure(pair).value == 0
    found, floor = Closeness().measure(pair), floor_of(Closeness(), pair)
    assert found.low > 0.8 > floor.high


def test_closeness_of_some_copies_and_of_works_far_away(tmp_path):
    works = blobs(1, 1000)
    works[:200] = TRAINING[:200]
    found = Closeness().measure(made(tmp_path, works))
    assert found.value == pytest.approx(0.6, abs=0.04)
    assert found.low > 0.53
    away = Closeness().measure(made(tmp_path, blobs(1, 500, 30.0)))
    assert away.value < 0.01 and away.low < away.high


def test_closeness_needs_what_copying_needs(tmp_path):
    pair = made(tmp_path, blobs(1, 300))
    assert Closeness().uses_training and Closeness().missing(pair) is None
    assert Closeness().missing(replace(pair, training=None)) == "the pictures it learned from are not known"
