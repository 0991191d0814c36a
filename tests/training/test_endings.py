"""Runs that the doctor ends because works become copies, and runs that are made longer."""

import dataclasses
import json

import numpy as np
import pytest

from ganvas.cli import main
from ganvas.dataset import prepare
from ganvas.nets.mlp import Mlp
from ganvas.runs import Run
from ganvas.terminal import finished_sentence
from ganvas.training import doctor, ward
from ganvas.training.doctor import Finding
from ganvas.training.events import Saved, Started
from ganvas.training.vitals import Probe
from ganvas.training.ward import MOST_ACTS, REST, Treatment, Ward

from .helpers import stop_after, tiny, trainer
from .test_doctor import HEALTHY
from .test_ward import ILL, a_ward, diagnosed, healthy

COPIES = Finding("copying", "They are copies.", "More.", {}, "stop")
STEPS = range(16, 176, 16)


@pytest.fixture
def often(monkeypatch):
    """A check every two steps of a tiny run."""
    monkeypatch.setattr(ward, "FEWEST_STEPS", 2)
    monkeypatch.setattr(ward, "PICTURES_PER_WORK", 0)


def test_against_copies_it_augments_and_where_that_was_done_ends_the_run():
    one = a_ward("auto")
    assert one.kind(COPIES) == one.acted(COPIES, 5000, 4000) == "augment"
    assert one.treatment == Treatment(augmented=True) and not one.stopped
    assert not one.may_act(COPIES)  # what was done needs time to show
    for check in range(REST):
        one.consider(healthy(10_000 + check))
    assert one.may_act(COPIES) and one.verdict() is None
    assert one.acted(COPIES, 20_000, 4000) == "stop"
    assert one.stopped and one.verdict() == "copying"
    assert one.treatment == Treatment(augmented=True)
    assert "ended the run" in one.treatment.in_words("stop", tiny())
    assert Ward("auto", one._make_probe, 16, augments=True).kind(COPIES) == "stop"  # the recipe augments by itself
    spent = a_ward("auto")
    spent.acts, spent.rested = [1] * MOST_ACTS, REST
    assert spent.may_act(COPIES) and spent.kind(COPIES) == "stop"  # an end is always within the limits
    assert not a_ward("warn").may_act(COPIES)


def test_an_ended_run_is_remembered_until_it_is_made_longer_or_auto_is_left():
    one = a_ward("auto")
    one.consider(healthy(1000))
    one.acted(dataclasses.replace(COPIES, act="stop"), 5000, 4000)
    one.stopped = True
    stored = json.loads(json.dumps(one.to_json(), allow_nan=False))
    again, warning = a_ward("auto"), a_ward("warn")
    again.recall(stored)
    warning.recall(stored)
    assert again.stopped and again.to_json() == one.to_json()
    assert not warning.stopped and warning.verdict() is None
    again.go_on(0.5)
    assert not again.stopped
    assert [vitals.progress for vitals in again.history] == [0.25]


def test_copies_are_gone_back_from_to_when_they_were_few(tmp_path):
    """Whatever else was wrong then; and that checkpoint is spared, beside the healthy one."""
    one = trainer(tmp_path / "run", kimg=0.16, doctor="auto", checkpoint_seconds=1e9)
    for number in range(10):
        copies = 0.0 if number < 5 else 0.9
        one.ward.history.append(dataclasses.replace(healthy(16 * (number + 1)), near_copies=copies))
    one.ward.healthy = 32
    kept = [one.run.save({}, {}, {"images": images, "done": False}, one.ward.spared(one.run)) for images in STEPS]
    assert [path.name for path in sorted(one.ward.spared(one.run))] == ["kimg-000000.032", "kimg-000000.080"]
    assert [round(1000 * checkpoint.kimg) for checkpoint in one.run.checkpoints()] == [32, 80, 144, 160]
    assert one.ward.refuges(one.run, COPIES)[0].kimg == 0.08
    assert one.ward.refuges(one.run, ILL)[0].kimg == 0.032
    assert len(kept) == 10


@pytest.fixture
def four(tmp_path):
    """Four pictures of four colours each."""
    from PIL import Image

    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        quarters = np.kron(rng.integers(0, 256, (2, 2, 3)).astype(np.uint8), np.ones((8, 8, 1), np.uint8))
        Image.fromarray(quarters).save(tmp_path / "in" / f"{number}.png")
    return prepare(tmp_path / "in", 16, out=tmp_path / "art")


def test_a_run_that_copies_ends_before_the_climb(tmp_path, four, monkeypatch, capsys):
    """A net that learns four pictures by heart within some sixty steps, although it augments."""
    monkeypatch.setattr(ward, "FEWEST_STEPS", 10)
    monkeypatch.setattr(ward, "PICTURES_PER_WORK", 0)
    only = tuple(detector for detector in doctor.DETECTORS if detector.name == "copying")
    monkeypatch.setattr(doctor, "DETECTORS", only)  # such a net has other faults, too
    recipe = tiny(net=Mlp(width=64, maxout_width=32), batch_size=16, augment=("shift",), augment_by="fixed")

    def run(kimg=2.4, mode="auto"):
        return trainer(tmp_path / "run", recipe, kimg, data=four, checkpoint_seconds=1e-6, doctor=mode)

    one = run()
    *events, finished = one.fit()
    (event,) = diagnosed(events)
    assert event.name == "copying" and "by heart" in event.sentence
    assert f"went back to {event.kimg:.1f} kimg and ended the run" in event.act
    assert event.kimg < event.found_kimg < 2
    assert finished.done and finished.verdict == "copying" and finished.kimg == event.kimg
    assert one.ward.history[-1].near_copies <= doctor.FEW_COPIES
    assert Run.find(one.run.folder).state() == "done"
    assert "The doctor ended it, as works became copies" in finished_sentence(finished)
    main(["runs", str(tmp_path)])
    assert "done (copying)" in capsys.readouterr().out
    # The same command: it is done. Without auto, or made longer: it goes on.
    *events, again = run().fit()
    assert again.done and again.verdict == "copying" and again.kimg == finished.kimg
    assert not any(isinstance(event, Started | Saved) for event in events)
    assert len(stop_after(run(mode="warn"), 1)) > 1
    assert run(mode="warn").run.latest().kimg > finished.kimg
    assert stop_after(run(kimg=3.0), 1)[-1].kimg == pytest.approx(finished.kimg + 0.032)


def test_checks_of_a_run_that_was_made_longer_lie_where_they_would_have_lain(tmp_path, often, monkeypatch):
    """So that standing still is told by the length that there is, and a stop on the way changes nothing."""
    monkeypatch.setattr(doctor, "DETECTORS", ())
    assert list(trainer(tmp_path / "run", tiny(), kimg=0.08).fit())[-1].done
    stop_after(trainer(tmp_path / "run", tiny(), kimg=0.16), 4)
    longer = trainer(tmp_path / "run", tiny(), kimg=0.16)
    assert list(longer.fit())[-1].done
    history = longer.ward.history
    assert [vitals.images for vitals in history] == [16, 32, 48, 64, 88, 104, 120, 136, 152]
    assert [vitals.progress for vitals in history] == pytest.approx([vitals.images / 160 for vitals in history])


def stalls(monkeypatch):
    """Vitals in which nothing is gained after 48 pictures."""

    def take(self, players, average, images, progress):
        distance = 0.5 if images <= 48 else 0.1
        return dataclasses.replace(HEALTHY, images=images, progress=progress, distance=distance)

    monkeypatch.setattr(Probe, "take", take)


def test_a_run_that_goes_on_without_a_gain_says_so_again_and_when_it_ends(tmp_path, often, monkeypatch, capsys):
    stalls(monkeypatch)
    first = trainer(tmp_path / "run", tiny(), kimg=0.32)
    *events, finished = first.fit()
    assert [event.name for event in diagnosed(events)] == ["stalled"]
    assert finished.verdict == "stalled" and "no gain any more for a third of the run" in finished_sentence(finished)
    *events, finished = trainer(tmp_path / "run", tiny(), kimg=0.64).fit()
    (event,) = diagnosed(events)
    assert event.name == "stalled" and 0.6 * 0.64 <= event.kimg <= 0.95 * 0.64
    assert finished.done and finished.verdict == "stalled"
    main(["runs", str(tmp_path)])
    assert "done (stalled)" in capsys.readouterr().out
    stopped = stop_after(trainer(tmp_path / "run", tiny(), kimg=6.4), 2)[-1]
    assert not stopped.done and stopped.verdict is None  # of 6.4 kimg it has stood still for a tenth
