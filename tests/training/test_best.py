"""The best generator that was judged: kept, found again, opened."""

import json
import math

import numpy as np
import pytest

import ganvas as gv
from ganvas.errors import RunNotFound, UsageError
from ganvas.runs import read_header
from ganvas.training.events import Scored, Warned

from .helpers import VALUES, FakeJudge, arrays_of, assert_same, judged, metrics, scored, scripted, stop_after, trainer


def test_what_is_written_down(tmp_path):
    judge = scripted({**VALUES, 0.024: 1 / 3})
    one = judged(tmp_path / "run", judge)
    events = scored(one.fit())
    first, *_ = metrics(one.run)
    assert first.pop("seconds") == events[0].seconds
    assert first == {
        "scores": {"kernel": 0.333333, "swd": 0.125},
        "intervals": {"kernel": [-0.166667, 0.833333], "swd": [0.0625, 0.25]},
        "left_out": {"vendi": "needs 500 works"},
        "count": 100,
        "features": "digits",
        "features_sha256": "0" * 64,
        "took_seconds": 0.25,
        "kimg": 0.024,
        "best": True,
    }
    assert events[0].scores == {"kernel": 1 / 3, "swd": 0.125}
    assert events[0].intervals == {"kernel": (1 / 3 - 0.5, 1 / 3 + 0.5), "swd": (0.0625, 0.25)}
    assert events[0].took_seconds == 0.25
    best = json.loads((tmp_path / "run" / "best" / "score.json").read_text())
    wanted = {"score": "kernel", "value": 1 / 3, "interval": [1 / 3 - 0.5, 1 / 3 + 0.5], "kimg": 0.024, "count": 100}
    assert wanted.items() <= best.items()
    assert best["features_sha256"] == "0" * 64


@pytest.mark.parametrize(
    ("lower", "best", "flags"), [(True, 0.04, [True, True, False, False]), (False, 0.024, [True, False, False, False])]
)
def test_the_best_is_kept_and_opened(tmp_path, lower, best, flags):
    """Of two that are as good the first one stays."""
    judge = scripted(lower_is_better=lower)
    one = judged(tmp_path / "run", judge)
    assert [event.best for event in scored(one.fit())] == flags == [record["best"] for record in metrics(one.run)]
    kept = one.run.best()
    assert kept.kimg == best
    assert kept.record()["value"] == VALUES[best]
    (weights,) = [weights for kimg, weights in judge.seen if kimg == best]
    assert_same(arrays_of(weights), kept.ema())
    assert read_header(kept.folder / "ema.safetensors") == (one.run.config, "run", best)
    model, newest = gv.open(one.run.folder, best=True), gv.open(one.run.folder)
    assert (model.kimg, newest.kimg) == (best, 0.08)
    assert model.sample(1)[0].text()["kimg"] == f"{best:.3f}"
    assert not np.array_equal(model.sample(1)[0].pixels, newest.sample(1)[0].pixels)
    assert {path.name for path in kept.folder.iterdir()} == {"ema.safetensors", "score.json"}
    assert not [path.name for path in one.run.folder.iterdir() if ".tmp" in path.name or ".old" in path.name]


def killed_after_the_best(out, values):
    """A run with a checkpoint of 0.032 kimg that was judged at 0.04 kimg, best so far, and then killed."""
    stop_after(judged(out, scripted(values)), 4)
    one = judged(out, scripted(values))
    for event in one.fit():
        if isinstance(event, Scored):
            assert event.best
            return one.run
    raise AssertionError("it was not judged")


def test_what_a_kill_has_undone_is_judged_again_and_stays_the_best(tmp_path):
    run = killed_after_the_best(tmp_path / "run", VALUES)
    assert (run.latest().kimg, run.best().kimg) == (0.032, 0.04)
    file = run.best().folder / "ema.safetensors"
    before = (file.stat().st_ino, file.read_bytes())
    judge = scripted()
    list(judged(tmp_path / "run", judge).fit())
    assert judge.kimg == [0.04, 0.064, 0.08]
    assert (file.stat().st_ino, file.read_bytes()) == before  # not even written again
    whole = judged(tmp_path / "whole", scripted())
    list(whole.fit())
    assert [{**record, "seconds": 0} for record in metrics(run)] == [
        {**record, "seconds": 0} for record in metrics(whole.run)
    ]


def test_a_best_that_is_not_reached_again_stays(tmp_path):
    """As in a run of minutes, whose second attempt is another one."""
    run = killed_after_the_best(tmp_path / "run", VALUES)
    events = list(judged(tmp_path / "run", scripted(dict.fromkeys(VALUES, 1.5))).fit())
    assert [event.best for event in scored(events)] == [False] * 3
    assert (run.best().kimg, run.best().record()["value"]) == (0.04, 1.0)


@pytest.mark.parametrize("changes", [{"best_by": "coverage"}, {"features": "inception"}])
def test_by_another_measure_the_search_starts_over(tmp_path, changes):
    stop_after(judged(tmp_path / "run", scripted()), 6)
    again = judged(tmp_path / "run", scripted(dict.fromkeys(VALUES, 99.0), **changes))
    assert [event.best for event in scored(again.fit())] == [True, False]
    assert (again.run.best().kimg, again.run.best().record()["value"]) == (0.064, 99.0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("score.json", b"{"),
        ("score.json", b"[]"),
        ("score.json", b'{"score": "kernel", "value": null, "kimg": 1}'),
        ("score.json", b'{"score": "kernel", "value": NaN, "kimg": 1}'),
        ("score.json", b'{"score": "kernel", "value": 1, "kimg": -1}'),
        ("score.json", b'{"score": 3, "value": 1, "kimg": 1}'),
        ("score.json", None),
        ("ema.safetensors", b"noise"),
        ("ema.safetensors", None),
    ],
)
def test_a_damaged_best_is_a_warning_and_its_place_is_taken(tmp_path, name, content):
    run = stop_after(judged(tmp_path / "run", scripted()), 6) and trainer(tmp_path / "run").run
    path = run.best().folder / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(gv.GanvasError, match=name):
        gv.open(run.folder, best=True)
    events = list(judged(tmp_path / "run", scripted()).fit())
    (warned,) = [event.message for event in events if isinstance(event, Warned)]
    assert warned.startswith("The best generator so far is damaged; the next one to be judged takes its place. ")
    assert name in warned
    assert [(event.kimg, event.best) for event in scored(events)] == [(0.064, True), (0.08, True)]
    assert gv.open(run.folder, best=True).kimg == 0.08


def test_a_best_of_another_net_is_a_damaged_one(tmp_path):
    run = stop_after(judged(tmp_path / "run", scripted()), 6) and trainer(tmp_path / "run").run
    run.save_best({"alien": np.zeros(3, np.float32)}, run.best().record())
    (warned,) = [event for event in judged(tmp_path / "run", scripted()).fit() if isinstance(event, Warned)]
    assert "is missing; the net needs" in warned.message


@pytest.mark.parametrize("nothing", [math.nan, math.inf, -math.inf, None])
def test_a_score_that_is_no_number_is_null_and_never_the_best(tmp_path, nothing):
    one = judged(tmp_path / "run", scripted({**VALUES, 0.024: nothing, 0.064: nothing}))
    events = list(one.fit())
    assert [event.best for event in scored(events)] == [False, True, False, False]
    assert not math.isfinite(scored(events)[0].scores["kernel"])
    assert [record["scores"]["kernel"] for record in metrics(one.run)] == [None, 1.0, None, 1.0]
    assert metrics(one.run)[0]["intervals"]["kernel"] == [None, None]
    warned = [event.message for event in events if isinstance(event, Warned)]
    assert warned == ["No best checkpoint is kept: kernel cannot be told: it is no finite number."]


def test_a_deciding_score_that_was_left_out_is_told_once_with_the_reason(tmp_path):
    one = judged(tmp_path / "run", FakeJudge(best_by="vendi", name="kernel"))
    events = list(one.fit())
    warned = [event.message for event in events if isinstance(event, Warned)]
    assert warned == ["No best checkpoint is kept: vendi cannot be told: needs 500 works."]
    assert not any(event.best for event in scored(events))
    assert one.run.best() is None


def test_without_a_best_the_way_to_one_is_told(tmp_path):
    one = trainer(tmp_path / "run")
    list(one.fit())
    with pytest.raises(RunNotFound, match="run has no best checkpoint; train with --evaluate-every"):
        gv.open(tmp_path / "run", best=True)
    with pytest.raises(UsageError, match="ema.safetensors is one generator.*Leave out best"):
        gv.open(one.run.latest().folder / "ema.safetensors", best=True)
