"""Which real pictures are compared with: nothing learned from passes for held out, no picture is on two sides."""

import dataclasses

import numpy as np
import pytest

from ganvas.dataset import prepare
from ganvas.errors import DataError, UsageError
from ganvas.evaluation.choice import MOST_HELD_OUT, Part, choose
from ganvas.evaluation.judge import validation

from .helpers import config_of


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return prepare("digits", out=tmp_path_factory.mktemp("choice") / "art")


def with_test(dataset, count):
    """The same with a test split: its last `count` pictures."""
    return dataclasses.replace(dataset, is_test=np.arange(len(dataset)) >= len(dataset) - count)


def test_held_out_pictures_are_compared_with_and_the_floor_is_of_others(digits):
    config = config_of(digits, holdout=0.2)
    choice = choose(config, digits, None, 10_000)
    train, held = digits.split(0.2, 0)
    assert set(choice.reference.indices) == set(held)
    assert set(choice.stand_ins.indices) <= set(train)
    assert len(choice.stand_ins) == len(choice.reference) == len(held)
    assert np.array_equal(choice.training.indices, train)
    assert set(choice.held_out.indices) == set(held)
    assert choice.compared_with == f"{len(held):,} held-out pictures"
    assert "were compared, not 10,000" in choice.warnings[0]


def test_a_test_split_is_preferred_and_never_seen_while_training(digits):
    data = with_test(digits, 800)
    config = config_of(data, holdout=0.1)
    choice = choose(config, data, None, 700)
    assert data.is_test[choice.reference.indices].all()
    assert choice.compared_with == "700 test pictures"
    assert choice.warnings == ()
    judged = validation(config, data)
    train, held = data.split(0.1, 0)
    assert not data.is_test[judged.reference.indices].any()
    assert set(judged.reference.indices) <= set(held)
    assert not set(train) & set(judged.held_out.indices)
    assert len(choice.held_out) == len(held) < MOST_HELD_OUT


def test_blocks_of_the_reference_hold_all_labels(digits):
    """The digits lie sorted by label; the kernel distance goes by blocks."""
    choice = choose(config_of(digits, holdout=0.2), digits, None, 1000)
    for part in (choice.reference, choice.stand_ins):
        assert len(np.unique(digits.labels[part.indices[:100]])) == 10


def test_with_few_held_out_the_training_pictures_are_compared_with_and_it_says_so(digits):
    choice = choose(config_of(digits, holdout=0.05), digits, None, 2000)
    train, held = digits.split(0.05, 0)
    assert choice.compared_with == "2,000 training pictures"
    assert set(choice.reference.indices) <= set(train)
    assert set(held) < set(choice.stand_ins.indices)  # the floor takes what was not learned from first
    assert not set(choice.reference.indices) & set(choice.stand_ins.indices)
    assert "forgives copying" in choice.warnings[0]
    assert choose(config_of(digits, holdout=0.05), digits, None, 200).compared_with == "200 held-out pictures"
    told = choose(config_of(digits, holdout=0.05), digits, None, 2000, "held-out")
    assert "held-out pictures" in told.compared_with
    assert "forgives" not in " ".join(told.warnings)


def test_without_a_holdout_copying_has_nothing_to_go_by(digits):
    choice = choose(config_of(digits, holdout=0.0), digits, None, 300)
    assert choice.held_out is None
    assert choice.compared_with == "300 training pictures"


def test_other_pictures_that_were_learned_from_are_left_out(digits):
    config = config_of(digits, holdout=0.2)
    train, _ = digits.split(0.2, 0)
    choice = choose(config, digits, dataclasses.replace(digits, digest="0" * 64), 10_000)
    assert not set(choice.reference.indices) & set(train)
    assert not set(choice.stand_ins.indices) & set(train)
    assert choice.training is not None
    assert choice.compared_with.endswith("pictures of digits")
    alone = choose(config, None, digits, 1000)
    assert alone.training is None
    assert alone.held_out is None


def test_few_test_pictures_are_joined_by_the_other_held_out_ones(digits):
    data = with_test(digits, 300)
    choice = choose(config_of(data, holdout=0.2), data, None, 2000)
    assert "held-out pictures" in choice.compared_with
    assert len(choice.reference) > 1000


def test_identical_pictures_are_on_one_side_only(digits):
    content = digits.content.copy()
    content[1::2] = content[::2]  # each picture twice
    data = dataclasses.replace(digits, content=content)
    choice = choose(config_of(data, holdout=0.0), data, None, 5000)
    assert len(choice.reference) == 1250  # half of 2,500 different ones
    assert not np.isin(content[choice.reference.indices], content[choice.stand_ins.indices]).any()
    assert len(np.unique(content[choice.reference.indices])) == len(choice.reference)


def test_what_could_deceive_is_said(digits):
    random = dataclasses.replace(digits, settings={**digits.settings, "crop": "random"})
    assert "cuts at random places" in choose(config_of(random), random, None, 400).warnings[0]
    assert "not at hand" in choose(config_of(digits), None, digits, 1000).warnings[0]
    with pytest.raises(UsageError, match="`against` has no meaning"):
        choose(config_of(digits), digits, digits, 1000, "training")


def test_too_few_are_refused(digits):
    config = config_of(digits)
    few = dataclasses.replace(
        digits, pictures=digits.pictures[:150], labels=digits.labels[:150], is_test=digits.is_test[:150]
    )
    few = dataclasses.replace(few, content=digits.content[:150])
    with pytest.raises(DataError, match=r"too few real pictures to compare with: 150 pictures, and 0 others"):
        choose(config, None, few, 100)
    with pytest.raises(UsageError, match="count must be a whole number of at least 100, got 99"):
        choose(config, digits, None, 99)
    with pytest.raises(UsageError, match="--evaluate-every needs at least 100 pictures kept from training"):
        validation(config_of(digits, holdout=0.0), digits)


def test_labels_are_matched_by_name(digits):
    part = Part(dataclasses.replace(digits, labels=np.array([0, 3, -1, 9])), np.array([3, 0, 1, 2]))
    assert part.labels(("9", "3")).tolist() == [0, -1, 1, -1]
    assert part.labels(()).tolist() == [-1] * 4
