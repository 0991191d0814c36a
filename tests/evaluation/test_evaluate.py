"""Whole evaluations of models whose works are known: real pictures, copies, and what a tiny run draws."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

import ganvas as gv
from ganvas.dataset import prepare
from ganvas.errors import DataError, UnknownName, UsageError
from ganvas.evaluation import collect
from ganvas.evaluation.choice import choose
from ganvas.evaluation.evaluate import ORDER, all_scores
from ganvas.evaluation.examples import of_each_label
from ganvas.evaluation.judge import make_judge
from ganvas.evaluation.wording import standing
from ganvas.registry import scores

from ..training.helpers import tiny
from .helpers import Shower, config_of, evaluated

QUICK = ("kernel", "precision", "coverage", "copying")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return prepare("digits", out=tmp_path_factory.mktemp("evaluate") / "art")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny run, which draws almost noise."""
    folder = tmp_path_factory.mktemp("run")
    art = gv.prepare("digits", out=folder / "art")
    return gv.train(art, tiny(holdout=0.2), kimg=0.4, out=folder / "run", display="none")


def held_out(dataset):
    """A choice at a fifth held out, and pictures for works that are in none of its parts."""
    config = config_of(dataset, holdout=0.4)
    choice = choose(config, dataset, None, 900)
    rest = np.setdiff1d(choice.held_out.indices, choice.reference.indices)
    return config, choice, rest[np.random.default_rng(1).permutation(len(rest))[:900]]


def test_real_pictures_in_the_works_place_are_as_good_as_real(digits):
    config, choice, fresh = held_out(digits)
    drawer = Shower(config, digits.batch(fresh), digits.labels[fresh])
    report = evaluated(drawer, choice, ("kernel", "precision", "recall", "density", "coverage", "vendi", "copying"))
    assert not report.left_out
    assert {line.score: standing(line) for line in report.lines if line.score != "copying"} == dict.fromkeys(
        ("kernel", "precision", "recall", "density", "coverage", "vendi"), "even"
    )
    assert report["copying"].works.value < 0.04
    assert report["kernel"].count == len(choice.reference)
    assert report["kernel"].features_sha256 == report.features_sha256


def test_copies_of_the_training_set_are_found_and_shown(digits):
    config, choice, _ = held_out(digits)
    copied = choice.training.indices[: len(choice.reference)]
    report = evaluated(Shower(config, digits.batch(copied), digits.labels[copied]), choice, ("kernel", "copying"))
    assert report["copying"].works.value == 1.0
    assert report["copying"].works.low > 0.99
    assert report["copying"].real.value < 0.04
    shown = report.examples["nearest"]
    assert len(shown) == 8
    assert all(np.array_equal(one.pixels, one.nearest[0]) for one in shown)
    assert all(one.closer_than == 1 for one in shown)
    names = [work["name"] for work in digits.works()]
    assert shown[0].nearest_names[0] == names[copied[shown[0].seed]]


def test_works_are_sorted_into_best_and_worst(digits):
    """Half real digits, half noise: the noise is worst."""
    config, choice, fresh = held_out(digits)
    pictures = digits.batch(fresh)
    pictures[::2] = np.random.default_rng(0).integers(0, 256, pictures[::2].shape)
    drawer = Shower(config, pictures, digits.labels[fresh])
    report = evaluated(drawer, choice, ("precision",), features="random")
    assert all(one.seed % 2 == 1 for one in report.examples["best"])
    assert all(one.seed % 2 == 0 for one in report.examples["worst"])
    assert report.examples["best"][0].realism > 1 > report.examples["worst"][0].realism
    assert report["precision"].works.value == pytest.approx(0.5 * report["precision"].real.value, abs=0.08)


def test_the_second_time_only_the_works_are_looked_at(digits, monkeypatch):
    config, choice, fresh = held_out(digits)
    drawer = Shower(config, digits.batch(fresh), digits.labels[fresh])
    seen = []
    see = collect.Collector.see
    monkeypatch.setattr(collect.Collector, "see", lambda self, x: seen.append(len(x)) or see(self, x))
    first, again = (evaluated(drawer, choice, QUICK) for _ in range(2))
    count = len(choice.reference)
    everything = len(choice.training) + len(choice.held_out)  # the reference and the stand-ins are among these
    assert sum(seen) == everything + 2 * count
    assert [line.works for line in first.lines] == [line.works for line in again.lines]


def test_what_was_seen_is_kept_by_content_and_features(digits, monkeypatch):
    """A cache that is cut off, or of other features, is not believed."""
    config, choice, fresh = held_out(digits)
    drawer = Shower(config, digits.batch(fresh), digits.labels[fresh])
    first = evaluated(drawer, choice, ("kernel",))
    (kept,) = (collect.cache_folder() / "features").iterdir()
    assert kept.name.endswith(f"-28x28-{first.features_sha256[:16]}")
    (kept / "features").write_bytes((kept / "features").read_bytes()[:-4])
    assert evaluated(drawer, choice, ("kernel",))["kernel"].works == first["kernel"].works
    evaluated(drawer, choice, ("kernel",), features="random")
    assert len(list((collect.cache_folder() / "features").iterdir())) == 2
    assert not list(collect.cache_folder().glob("evaluation-*"))


class Brightness(torch.nn.Module):
    """Features whose code a hash cannot see."""

    def __init__(self, power):
        super().__init__()
        self.power = power

    def forward(self, pictures):
        return pictures.add(1).pow(self.power).flatten(1)[:, ::40]


def test_what_a_module_of_ones_own_saw_is_not_kept(digits):
    """Two with equal hashes: the second must not be given what the first one saw."""
    config, choice, fresh = held_out(digits)
    drawer = Shower(config, digits.batch(fresh), digits.labels[fresh])
    first, second = (evaluated(drawer, choice, ("kernel",), features=Brightness(power)) for power in (1, 2))
    assert first.features_sha256 == second.features_sha256
    assert standing(second["kernel"]) == "even"
    assert first["kernel"].works != second["kernel"].works
    assert not (collect.cache_folder() / "features").exists()


def test_pixels_are_known_by_themselves_not_by_what_a_folder_claims(digits, tmp_path):
    """A prepared folder with another's digest, as a stranger could send it, does not poison the cache."""
    config, choice, fresh = held_out(digits)
    drawer = Shower(config, digits.batch(fresh), digits.labels[fresh])
    name = f"pictures-{digits.digest[:12]}.npy"
    content = (digits.folder / name).read_bytes()
    (tmp_path / name).write_bytes(content[:128] + bytes(255 - byte for byte in content[128:]))
    inverted = np.memmap(tmp_path / name, np.uint8, "r", offset=128, shape=digits.pictures.shape)
    forged = dataclasses.replace(digits, folder=tmp_path, pictures=inverted)
    evaluated(drawer, choose(config, forged, None, 900), ("kernel",))
    assert standing(evaluated(drawer, choice, ("kernel",))["kernel"]) == "even"
    assert len(list((collect.cache_folder() / "features").iterdir())) == 2


def test_a_model_is_evaluated_on_its_own_pictures(run):
    model = gv.open(run.folder)
    stages = []
    report = model.evaluate(scores=QUICK, count=300, progress=lambda *stage: stages.append(stage))
    assert [line.score for line in report.lines] == ["kernel", "copying"]
    assert {one.score: one.reason for one in report.left_out}.keys() == {"precision", "coverage"}
    assert "needs 500 works" in report.left_out[0].reason
    full = model.evaluate(scores=QUICK)
    assert {line.score for line in full.lines} == set(QUICK)
    assert full.compared_with == f"{full.lines[0].count:,} held-out pictures"
    assert standing(full["kernel"]) == "apart"
    assert full["precision"].works.value < full["precision"].real.low
    assert stages[0] == ("Looking at real pictures", 100, stages[0][2])
    assert stages[-1] == ("Scoring", 4, 4)
    record = json.loads(json.dumps(full.to_json(), allow_nan=False))
    assert record["lines"][0]["works"]["value"] == full.lines[0].works.value
    assert record["examples"]["worst"][0]["seed"] == full.examples["worst"][0].seed
    again = model.evaluate(scores=QUICK)
    assert [line.works for line in again.lines] == [line.works for line in full.lines]
    other = model.evaluate(scores=("kernel",), seed=5000)
    assert other["kernel"].works.value != full["kernel"].works.value


def test_a_file_without_its_run_can_be_compared_with_pictures_given(run, tmp_path, digits):
    single = gv.open(run.latest().folder / "ema.safetensors")
    report = single.evaluate(digits, ("kernel", "copying"), count=500)  # digits is at hand by its name
    assert {line.score for line in report.lines} == {"kernel", "copying"}


def test_what_cannot_be_compared_is_said(run, tmp_path, pictures):
    model = gv.open(run.folder)
    with pytest.raises(UnknownName, match="No score 'frechett'. Did you mean 'frechet'"):
        model.evaluate(scores=["frechett"])
    with pytest.raises(UsageError, match="Name at least one score"):
        model.evaluate(scores=[])
    with pytest.raises(UnknownName, match="No features 'digit'. Did you mean 'digits'"):
        model.evaluate(features="digit")
    with pytest.raises(DataError, match="does not exist|no such|cannot be opened"):
        model.evaluate(tmp_path / "nothing")
    with pytest.raises(DataError, match="run draws grey pictures of 28x28 px, but pictures holds colour pictures"):
        model.evaluate(pictures)
    with pytest.raises(DataError, match="grey pictures of 32x28 px"):
        model.evaluate(gv.prepare("digits", "32x28"))
    with pytest.raises(UsageError, match="count must be a whole number of at least 100"):
        model.evaluate(count=20)


def test_a_run_whose_pictures_are_gone_says_so(tmp_path):
    rng = np.random.default_rng(0)
    from PIL import Image

    (tmp_path / "in").mkdir()
    for number in range(8):
        Image.fromarray(rng.integers(0, 255, (20, 20), dtype=np.uint8)).save(tmp_path / "in" / f"{number}.png")
    art = gv.prepare(tmp_path / "in", 16, out=tmp_path / "art")
    run = gv.train(art, tiny(holdout=0.0), kimg=0.016, out=tmp_path / "run", few=True, display="none")
    with pytest.raises(DataError, match="in: too few real pictures to compare with: 8 training pictures"):
        gv.open(run.folder).evaluate()
    (tmp_path / "art").rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"The pictures that run learned from \(in\) are not at hand. Say where"):
        gv.open(run.folder).evaluate()
    with pytest.raises(DataError, match="too few real pictures"):
        gv.open(run.folder).evaluate(tmp_path / "elsewhere")


def test_the_report_knows_every_score_and_their_order():
    assert set(ORDER) <= set(scores.names())
    names = [score.name for score in all_scores()]
    assert names[: len(ORDER)] == list(ORDER)
    assert [score.name for score in all_scores(["coverage", "frechet", "coverage"])] == ["frechet", "coverage"]


def test_the_judge_of_a_training_run_looks_at_validation_pictures_only(digits, run):
    config = config_of(digits, holdout=0.2)
    judge = make_judge(config, digits, "coverage", gv.open(run.folder).device)
    assert (judge.best_by, judge.lower_is_better) == ("coverage", False)
    model = gv.open(run.folder)
    record = judge(model.generator, 0.4)
    assert set(record["scores"]) == {"kernel", "precision", "recall", "coverage", "copying"}
    assert "needs 2,000 works" in record["left_out"]["frechet"]
    assert all(low <= record["scores"][name] <= high for name, (low, high) in record["intervals"].items())
    assert record["features"] == "digits"
    assert record["count"] == len(digits.split(0.2, 0)[1])
    assert json.dumps(record, allow_nan=False)
    assert math.isfinite(record["took_seconds"])
    assert judge(model.generator, 0.4)["scores"] == record["scores"]
    with pytest.raises(UsageError, match="--best-by frechet: needs 2,000 works"):
        make_judge(config, digits, "frechet", model.device)
    with pytest.raises(UnknownName, match="Did you mean 'kernel'"):
        make_judge(config, digits, "kernal", model.device)


def test_what_is_shown_is_of_many_labels():
    order, labels = np.array([4, 3, 2, 1, 0, 5]), np.array([1, 0, 0, 0, 0, 2])
    assert of_each_label(order, labels).tolist() == [4, 0, 5, 3, 2, 1]
    assert of_each_label(np.arange(20), np.full(20, -1)).tolist() == list(range(8))
