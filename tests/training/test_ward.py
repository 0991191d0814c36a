"""When the doctor looks, what it says once, what it does, and that all this outlives a stop."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from ganvas.errors import CheckpointError, NonFiniteLoss, UsageError
from ganvas.registry import recipes
from ganvas.runs import Run
from ganvas.training import doctor, strength, ward
from ganvas.training.doctor import NON_FINITE, Detector, Finding, non_finite
from ganvas.training.events import Diagnosed, Finished
from ganvas.training.ward import MOST_ACTS, QUIET, REST, Treatment, Ward

from .helpers import assert_same, final_arrays, stop_after, tiny, trainer
from .test_doctor import HEALTHY

PLAIN = tiny(r1_gamma=1.0, r2_gamma=1.0, gamma_detail=None)

ILL = Finding("fake", "It is ill.", "Rest.", {"x": 1.0}, "gamma")


def a_ward(mode: str = "warn", **changes: int) -> Ward:
    def no_probe():
        raise AssertionError("nothing is measured here")

    return Ward(mode, no_probe, changes.get("batch_size", 16), changes.get("processes", 1))


def healthy(images: int):
    return dataclasses.replace(HEALTHY, images=images, progress=0.5)


def ill(images: int):
    return dataclasses.replace(healthy(images), outside=0.9)


@pytest.fixture
def often(monkeypatch):
    """A check every two steps of a tiny run."""
    monkeypatch.setattr(ward, "FEWEST_STEPS", 2)
    monkeypatch.setattr(ward, "PICTURES_PER_WORK", 0)


def ill_from(monkeypatch, images: int, until_acts: int = 1):
    """The doctor finds something from `images` pictures on; until it has acted so often, where the trainer is given."""
    patient = {}

    def signs(past):
        acts = len(patient["trainer"].ward.acts) if patient else 0
        return ("It is ill.", {"x": 1.0}) if past[-1].images >= images and acts < until_acts else None

    monkeypatch.setattr(doctor, "DETECTORS", (Detector("fake", signs, "Rest.", "gamma"),))
    return patient


# When, and what is said


def test_when_a_check_is_due():
    small, large = a_ward(), a_ward(batch_size=64)
    assert not small.is_due(2559) and small.is_due(2560)  # 40 pictures for each of 64 works
    assert not large.is_due(6399) and large.is_due(6400)  # 100 steps
    small.history = [healthy(1_000_000)]
    assert not small.is_due(1_009_999) and small.is_due(1_010_000)  # 1%
    assert not a_ward("off").is_due(10**9)


def test_a_long_run_is_not_looked_at_too_often():
    one, images = a_ward(), 0
    while images < 25_000_000:
        images += 16
        if one.is_due(images):
            one.history.append(healthy(images))
    assert 400 < len(one.history) < 800


def test_a_finding_is_told_once_and_again_when_it_comes_back():
    one, said = a_ward(), []
    course = [*[ill] * 6, *[healthy] * QUIET, *[ill] * 4, healthy, *[ill] * 4]
    for number, state in enumerate(course):
        found = one.consider(state(2048 * (number + 1)))
        said += [(number, finding.name) for finding in found]
    assert said == [(2, "out-of-range"), (6 + QUIET + 2, "out-of-range")]
    assert one.healthy == 2048 * (course.index(healthy, 10) + 1) or one.healthy > 0


def test_healthy_is_the_last_check_without_any_suspicion():
    one = a_ward()
    for number, state in enumerate([healthy, healthy, ill, ill, ill]):
        one.consider(state(100 * (number + 1)))
    assert one.healthy == 200


def test_acts_have_limits():
    one = a_ward("auto")
    assert one.may_act(ILL)
    assert not one.may_act(dataclasses.replace(ILL, act=None))
    assert not a_ward("warn").may_act(ILL)
    for number in range(MOST_ACTS):
        assert one.may_act(ILL) and "limit" not in one.remedy(ILL)
        one.acted(ILL, 5000 * (number + 1), 4000)
        assert not one.may_act(ILL)  # what was done needs time to show
        for check in range(REST):
            one.consider(healthy(10_000 * (number + 1) + check))
    assert not one.may_act(ILL) and not one.may_act(non_finite())
    assert "has acted 3 times, which is its limit" in one.remedy(ILL)
    assert one.acts == [5000, 10000, 15000]


def test_what_cannot_wait_does_not():
    one = a_ward("auto")
    one.acted(ILL, 5000, 4000)
    assert one.may_act(non_finite()) and not one.may_act(ILL)


def test_what_a_treatment_changes():
    canvas = dataclasses.replace(recipes.get("canvas")(), r1_gamma=2.0, r2_gamma=2.0)
    dcgan = recipes.get("dcgan")()
    assert Treatment().of(canvas) == canvas
    assert Treatment().of(dcgan) == dcgan
    one = Treatment().after("gamma").after("lr").after("gamma")
    assert one == Treatment(gamma=16.0, lr=0.5)
    treated = one.of(canvas)
    assert (treated.r1_gamma, treated.r2_gamma) == (32, 32)
    assert (treated.generator_lr, treated.discriminator_lr) == (1e-3, 1e-3)
    assert "gamma 32 and 32" in one.in_words("gamma", canvas)
    assert "halved the learning rates (G 0.001, D 0.001)" in one.in_words("lr", canvas)
    first = Treatment(gamma=4.0).of(dcgan)  # four times nothing would be nothing
    assert (first.r1_gamma, first.r2_gamma) == (1, 1)
    wgan = dataclasses.replace(dcgan, wgan_gp_lambda=10.0)
    assert Treatment(gamma=4.0).of(wgan).wgan_gp_lambda == 40
    assert Treatment(gamma=4.0).of(wgan).r1_gamma == 0
    assert "lambda 40" in Treatment(gamma=4.0).in_words("gamma", wgan)


def test_auto_needs_one_process_and_modes_are_checked():
    with pytest.raises(UsageError, match="--doctor auto works in one process only. Use --doctor warn"):
        a_ward("auto", processes=2)
    with pytest.raises(UsageError, match="doctor must be warn, auto, off, got 'surgeon'"):
        a_ward("surgeon")


def test_all_is_remembered():
    one = a_ward("auto")
    for number, state in enumerate([healthy, ill, ill, ill]):
        one.consider(state(100 * (number + 1)))
    one.history.append(dataclasses.replace(healthy(500), labels=float("nan"), margin=1 / 3))
    one.acted(ILL, 5000, 100)
    stored = json.loads(json.dumps(one.to_json(), allow_nan=False))
    two = a_ward("auto")
    two.recall(stored)
    assert two.to_json() == one.to_json()
    assert two.treatment == Treatment(gamma=4.0)
    assert two.history[:4] == one.history[:4]
    two.recall(None)
    assert two.to_json() == a_ward("auto").to_json()


def test_other_versions_measure_other_things():
    one = a_ward()
    one.recall({"vitals": {"images": [16, 32], "progress": [0.1, 0.2], "coverage": [0.5, None], "aura": [1, 2]}})
    assert [(vitals.images, vitals.progress) for vitals in one.history] == [(16, 0.1), (32, 0.2)]
    assert one.history[0].coverage == 0.5
    assert np.isnan([one.history[1].coverage, one.history[0].pull]).all()


@pytest.mark.parametrize(
    "damage",
    [
        {"gamma": 1e9},
        {"lr": 0.0},
        {"lr": "much"},
        {"vitals": {"images": [16], "progress": [0.1], "labels": [0.5, 0.5]}},
        {"vitals": {"images": [None], "progress": [0.1]}},
        {"vitals": {"images": [16], "progress": ["a"]}},
        {"vitals": 3},
        {"acts": {"a": 1}, "told": []},
        {"healthy": None},
    ],
)
def test_a_damaged_memory_is_refused(damage):
    with pytest.raises(CheckpointError, match="'doctor' is damaged"):
        a_ward().recall({**a_ward().to_json(), **damage})
    with pytest.raises(CheckpointError, match="'doctor' is damaged"):
        a_ward().recall([damage])


# In a run


def diagnosed(events) -> list[Diagnosed]:
    return [event for event in events if isinstance(event, Diagnosed)]


def stats_of(run: Run) -> list[dict]:
    return [record for record in run.read("stats.jsonl") if "sentence" in record]


def test_looking_changes_no_weight_and_a_stop_changes_no_check(tmp_path, often, monkeypatch):
    monkeypatch.setattr(doctor, "DETECTORS", ())  # a run of ten steps is ill: all its works are the same grey
    modes = {"off": "off", "warn": "warn", "auto": "auto", "stopped": "warn"}
    ran = {name: trainer(tmp_path / name, doctor=mode) for name, mode in modes.items()}
    for steps in (3, 4):
        stop_after(trainer(tmp_path / "stopped", doctor="warn"), steps)
    for one in ran.values():
        assert list(one.fit())[-1].done
    for name in ("warn", "auto", "stopped"):
        assert_same(final_arrays(ran["off"].run), final_arrays(ran[name].run))
        assert [vitals.images for vitals in ran[name].ward.history] == [16, 32, 48, 64]
        assert ran[name].ward.to_json() == ran["warn"].ward.to_json()
    assert ran["off"].ward.history == []


def test_a_warning_is_told_logged_and_nothing_else(tmp_path, often, monkeypatch):
    ill_from(monkeypatch, 32)
    one = trainer(tmp_path / "run", kimg=0.16, doctor="warn")
    events = list(one.fit())
    (event,) = diagnosed(events)
    assert (event.name, event.sentence, event.remedy, event.act) == ("fake", "It is ill.", "Rest.", None)
    assert event.kimg == event.found_kimg == 0.064  # the third check from 32 pictures on
    (record,) = stats_of(one.run)
    assert record["name"] == "fake" and record["act"] is None and record["values"] == {"x": 1.0}
    assert one.players.recipe == one.recipe


def test_auto_goes_back_to_the_last_healthy_checkpoint_and_on_with_the_remedy(tmp_path, often, monkeypatch):
    patient = ill_from(monkeypatch, 80)
    one = patient["trainer"] = trainer(tmp_path / "run", PLAIN, kimg=0.24, checkpoint_seconds=1e-6, doctor="auto")
    events = list(one.fit())
    (event,) = diagnosed(events)
    assert event.found_kimg == 0.112  # checks at 80, 96 and 112
    assert event.kimg == 0.064  # the last check that pointed to nothing; each step has its checkpoint
    assert event.act == "went back to 0.1 kimg and made the gradient penalty stronger (gamma 4 and 4)"
    assert events[-1].done and events[-1].kimg == 0.24
    (record,) = stats_of(one.run)
    assert record["act"] == event.act and record["kimg"] == 0.064 and record["found_kimg"] == 0.112
    assert one.players.recipe.r1_gamma == 4
    assert Run.find(one.run.folder).config.recipe.r1_gamma == 1
    assert one.run.latest().scalars()["doctor"]["gamma"] == 4
    seconds = [event.seconds for event in events]
    assert seconds == sorted(seconds)  # what was thrown away has taken its time


def test_what_was_done_survives_a_stop(tmp_path, often, monkeypatch):
    """Stopped after the act, and gone on with: the same weights as without the stop."""

    def run(name: str, *stops: int):
        patient = ill_from(monkeypatch, 80)
        for steps in (*stops, 999):
            one = patient["trainer"] = trainer(tmp_path / name, PLAIN, kimg=0.24, doctor="auto", checkpoint_seconds=1e9)
            events = stop_after(one, steps)
        assert events[-1].done
        return one

    whole, parts = run("whole"), run("parts", 17, 3)
    assert whole.ward.acts == parts.ward.acts == [112]
    assert parts.players.recipe.r1_gamma == 4
    assert "stayed where it was, as no checkpoint from before is kept" in stats_of(whole.run)[0]["act"]
    assert stats_of(parts.run) == stats_of(whole.run) or len(stats_of(parts.run)) == 1
    assert_same(final_arrays(whole.run), final_arrays(parts.run))
    later = trainer(tmp_path / "parts", PLAIN, kimg=0.28, doctor="off")  # also when nobody looks any more
    list(later.fit())
    assert later.players.recipe.r1_gamma == 4


def test_the_healthy_checkpoint_is_spared(tmp_path, often, monkeypatch):
    ill_from(monkeypatch, 80, until_acts=MOST_ACTS + 1)
    one = trainer(tmp_path / "run", kimg=0.16, checkpoint_seconds=1e-6, doctor="auto")
    one.ward.acts = [1] * MOST_ACTS  # it may do no more: the run goes on, ill
    (event,) = diagnosed(one.fit())
    assert "which is its limit" in event.remedy
    # 144: the newest from when near-copies were few
    assert [round(1000 * checkpoint.kimg) for checkpoint in one.run.checkpoints()] == [64, 144, 152, 160]


def poisoned(one, at: int, times: int = 1):
    """After `at` pictures a weight of D becomes NaN, the first `times` that the run comes there."""
    step, left = one._step, [times]

    def broken():
        if one.images == at and left[0]:
            left[0] -= 1
            with torch.no_grad():
                next(one.players.bare_D.parameters()).fill_(float("nan"))
        return step()

    one._step = broken


@pytest.mark.parametrize(
    ("checkpoint_seconds", "way", "back"), [(1e-6, "went back to 0.1 kimg", 0.08), (1e9, "began anew", 0)]
)
def test_auto_survives_what_is_no_number(tmp_path, checkpoint_seconds, way, back):
    one = trainer(tmp_path / "run", kimg=0.16, checkpoint_seconds=checkpoint_seconds, doctor="auto")
    poisoned(one, 80)
    events = list(one.fit())
    (event,) = diagnosed(events)
    assert event.name == NON_FINITE
    assert event.act == f"{way} and halved the learning rates (G 0.001, D 0.001)"
    assert event.kimg == pytest.approx(back)
    assert events[-1] == Finished(0.16, events[-1].seconds, True, one.run.folder)
    assert all(np.isfinite(value).all() for value in final_arrays(one.run).values())
    assert one.players.optimizer_g.param_groups[0]["lr"] < 1e-3


def test_auto_gives_up_after_its_last_act(tmp_path):
    one = trainer(tmp_path / "run", kimg=0.16, doctor="auto")
    poisoned(one, 40, times=MOST_ACTS + 1)
    events = []
    with pytest.raises(NonFiniteLoss):
        for event in one.fit():
            events.append(event)
    assert len(diagnosed(events)) == MOST_ACTS
    assert one.players.recipe.generator_lr == pytest.approx(2e-3 / 8)


def test_a_treated_run_is_judged_on(tmp_path, often, monkeypatch):
    """Scores of what was thrown away are forgotten."""
    from ganvas.config import Budget
    from ganvas.training.judging import Judging
    from ganvas.training.trainer import Trainer

    from .helpers import FakeJudge, metrics

    patient = ill_from(monkeypatch, 80)
    plain = trainer(tmp_path / "run", kimg=0.24)
    judging = Judging(Budget("kimg", 0.04), FakeJudge())
    one = patient["trainer"] = Trainer(plain.run, plain.dataset, 1e-6, judging, doctor="auto")
    assert list(one.fit())[-1].done
    assert [record["kimg"] for record in metrics(one.run)] == [0.04, 0.08, 0.12, 0.16, 0.2, 0.24]


def test_recipes_with_every_penalty_can_be_treated(tmp_path):
    for name in recipes.names():
        changed = Treatment(gamma=64.0, lr=0.125).of(tiny(name))
        assert changed.r1_gamma > 0
        assert changed.generator_lr < tiny(name).generator_lr


def test_an_overfitting_run_is_augmented_and_the_second_time_penalised():
    canvas = recipes.get("canvas")()
    once = Treatment().after("augment")
    assert once.of(canvas).augment == ("shift", "tint", "cutout")
    assert once.of(canvas).augment_by == "overfitting"
    assert once.of(canvas).r1_gamma == canvas.r1_gamma
    assert once.of(tiny(augment=("blit",), augment_by="ramp", augment_p=0.2)).augment == ("blit",)
    assert once.of(tiny(augment=("blit",), augment_by="ramp", augment_p=0.2)).augment_p == 0.8
    assert "shift, tint, cutout" in once.in_words("augment", canvas)
    assert once.act("augment") == "gamma"  # and so it is told
    twice = once.after("augment")
    assert twice == Treatment(gamma=4.0, augmented=True)


def test_a_treated_run_augments_also_when_it_goes_on(tmp_path, monkeypatch):
    """Told that D overfits, `auto` augments from the next look on; a resumed run does as well."""
    overfits = Finding("overfitting", "D overfits.", "More.", {}, "augment")
    monkeypatch.setattr(strength, "EVERY", 16)
    monkeypatch.setattr(strength.Overfitting, "measure", lambda *_: 0.9)
    told = iter([[overfits]])
    one = trainer(tmp_path / "run", tiny(), kimg=0.2, doctor="auto")
    monkeypatch.setattr(one.ward, "is_due", lambda images: images == 40)
    monkeypatch.setattr(one.ward, "examine", lambda *_: next(told, []))
    events = stop_after(one, 12)
    (diagnosed,) = (event for event in events if isinstance(event, Diagnosed))
    assert "lets D see pictures changed at random" in diagnosed.act
    assert one.players.recipe.augment == ("shift", "tint", "cutout")
    assert one.strength.p > 0
    again = trainer(tmp_path / "run", tiny(), kimg=0.2, doctor="auto")
    next(again.fit())
    assert again.players.recipe.augment == ("shift", "tint", "cutout")
    assert again.strength.p == one.strength.p
    assert one.run.config.recipe.augment == ()
