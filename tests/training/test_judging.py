"""Scores while a run learns: when, what of, where to; and the best generator."""

import dataclasses
import sys
from types import ModuleType

import pytest
import torch

import ganvas as gv
from ganvas.api import make_trainer
from ganvas.config import Budget
from ganvas.dataset import prepare
from ganvas.errors import NonFiniteLoss, StorageError, UsageError
from ganvas.training.events import Finished, Preview, Saved, Scored, Step, Warned
from ganvas.training.judging import Judging
from ganvas.training.trainer import Trainer

from .helpers import FakeJudge, arrays_of, assert_same, final_arrays, judged, metrics, scored, stop_after, tiny, trainer

# When


@pytest.mark.parametrize(
    ("every", "kimg"), [(0.02, [0.024, 0.04, 0.064, 0.08]), (0.032, [0.032, 0.064, 0.08]), (5, [0.08])]
)
def test_it_is_judged_at_each_multiple_and_at_the_end(tmp_path, every, kimg):
    judge = FakeJudge()
    one = judged(tmp_path / "run", judge, every=Budget("kimg", every))
    events = list(one.fit())
    assert (
        judge.kimg
        == [event.kimg for event in scored(events)]
        == [record["kimg"] for record in metrics(one.run)]
        == kimg
    )
    assert [type(event) for event in events[-4:]] == [Saved, Scored, Preview, Finished]


def test_when_it_is_due():
    kimg, minutes = (Judging(Budget(unit, 0.1), FakeJudge()) for unit in ("kimg", "minutes"))
    assert [kimg.due_by(images, 9e9) for images in (0, 99, 100, 299, 300)] == [0, 0, 1, 2, 3]  # 0.3 / 0.1 < 3
    assert [minutes.due_by(10**9, seconds) for seconds in (0, 5.9, 6, 17.9, 18)] == [0, 0, 1, 2, 3]
    with pytest.raises(UsageError, match="evaluate_every must be in minutes or kimg, got '2 epochs'"):
        Judging(Budget("epochs", 2), FakeJudge())


def test_what_is_judged_is_the_average_as_it_is_then(tmp_path):
    judge = FakeJudge()
    one = judged(tmp_path / "run", judge)
    events = one.fit()
    for event in events:
        if isinstance(event, Scored):
            assert not one.average.training
            assert judge.seen[-1][0] == event.kimg
            assert_same(arrays_of(judge.seen[-1][1]), arrays_of(one.average.state_dict()))
    assert len({weights["start.weight"].numpy().tobytes() for _, weights in judge.seen}) == 4


@pytest.mark.parametrize("stops", [(3, 2, 99), (1, 4, 1, 2, 99)])
def test_stopped_and_resumed_it_is_judged_as_if_it_had_not_been(tmp_path, stops):
    """Also when the stop comes with the very step after which a judging is due."""
    whole, parts = FakeJudge(), FakeJudge()
    list(judged(tmp_path / "whole", whole).fit())
    for steps in stops:
        one = judged(tmp_path / "parts", parts)
        assert stop_after(one, steps)
    assert parts.kimg == whole.kimg
    for (_, a), (_, b) in zip(whole.seen, parts.seen, strict=True):
        assert_same(arrays_of(a), arrays_of(b))
    runs = [trainer(tmp_path / name).run for name in ("whole", "parts")]
    assert_same(*(final_arrays(run) for run in runs))
    a, b = ([{**record, "seconds": 0} for record in metrics(run)] for run in runs)
    assert a == b
    assert_same(*(run.best().ema() for run in runs))


def test_a_finished_run_is_judged_once_and_a_longer_one_goes_on(tmp_path):
    list(trainer(tmp_path / "run").fit())
    for kimg, wanted in ((0.08, [0.08]), (0.08, []), (0.12, [0.104, 0.12]), (0.12, [])):
        judge = FakeJudge()
        list(judged(tmp_path / "run", judge, kimg=kimg).fit())
        assert judge.kimg == wanted


def test_what_is_overdue_is_judged_at_once(tmp_path):
    stop_after(trainer(tmp_path / "run"), 4)
    judge = FakeJudge()
    list(judged(tmp_path / "run", judge).fit())
    assert judge.kimg == [0.04, 0.064, 0.08]
    stop_after(judged(tmp_path / "other", FakeJudge(), every=Budget("kimg", 1)), 6)
    judge = FakeJudge()
    list(judged(tmp_path / "other", judge).fit())
    assert judge.kimg == [0.056, 0.064, 0.08]  # 40 pictures have passed unjudged


class Clock:
    """Time that passes only when told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def passes(self, seconds, call):
        """`call`, made to take so many seconds."""

        def slow(*arguments):
            self.now += seconds
            return call(*arguments)

        return slow


def by_minutes(out, clock, judge):
    """One minute of steps of 1 s, judged every 15 s; the judge takes 100 s."""
    one = trainer(out, kimg=None, minutes=1, clock=clock)
    if judge is not None:
        judge.value = clock.passes(100, judge.value)
        one = Trainer(one.run, one.dataset, 60.0, Judging(Budget("minutes", 0.25), judge), clock)
    one._step = clock.passes(1, one._step)
    return one


def test_the_time_that_judging_takes_is_no_time_of_training(tmp_path):
    clock, judge = Clock(), FakeJudge()
    one, plain = by_minutes(tmp_path / "judged", clock, judge), by_minutes(tmp_path / "plain", clock, None)
    began = clock.now
    events = list(one.fit())
    assert clock.now - began == 61 + 4 * 100  # the last step begins after 60 seconds
    assert [(event.kimg, event.seconds) for event in scored(events)] == [
        (0.128, 15),  # the 16th step, begun after 15 seconds
        (0.248, 30),
        (0.368, 45),
        (0.488, 60),
    ]
    list(plain.fit())
    assert one.images == plain.images == 61 * 8
    assert_same(final_arrays(one.run), final_arrays(plain.run))
    speeds = [event.images_per_second for event in events if isinstance(event, Step)]
    assert speeds == [8.0] * len(speeds)
    assert [event.seconds for event in events if isinstance(event, Step)] == list(range(1, 61))


def test_a_judging_that_falls_due_with_a_stop_is_not_lost(tmp_path):
    """After 15 steps it is 15 s and time to judge, and the user presses Ctrl-C."""
    clock, judge = Clock(), FakeJudge()
    events = stop_after(by_minutes(tmp_path / "run", clock, judge), 15)
    assert not scored(events)
    assert events[-1].seconds == 15
    events = stop_after(by_minutes(tmp_path / "run", clock, judge), 3)
    assert [(event.kimg, event.seconds) for event in scored(events)] == [(0.128, 15)]
    events = list(by_minutes(tmp_path / "run", clock, judge).fit())
    assert [event.seconds for event in scored(events)] == [30, 45, 60]


# Nothing changes


def vandal(generator, kimg):
    """A judge's worst manners."""
    torch.manual_seed(int(1e6 * kimg))
    torch.randn(7)
    generator.train().requires_grad_(True)
    generator(torch.randn(4, 8), torch.zeros(4, dtype=torch.long)).sum().backward()
    with torch.no_grad():
        for weight in generator.parameters():
            weight.fill_(7.0)
    return kimg


@pytest.mark.parametrize("name", ["canvas", "dcgan"])
def test_judging_changes_no_bit(tmp_path, name):
    recipe = tiny(name)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = judged(tmp_path / "judged", FakeJudge(vandal), recipe)
    assert len(scored(one.fit())) == 4
    assert torch.equal(torch.get_rng_state(), before)
    assert not one.average.training
    assert not any(weight.requires_grad for weight in one.average.parameters())
    plain = trainer(tmp_path / "plain", recipe)
    list(plain.fit())
    assert_same(final_arrays(one.run), final_arrays(plain.run))
    at_first = judged(tmp_path / "first", FakeJudge(), recipe, kimg=0.024)
    list(at_first.fit())
    assert one.run.best().kimg == 0.024  # what was kept was the average, not what became of the judge's copy
    assert not any((value == 7).all() for value in one.run.best().ema().values())


def test_a_broken_generator_is_not_judged(tmp_path):
    judge = FakeJudge()
    one = judged(tmp_path / "run", judge)
    step = one._step

    def poisoned():
        with torch.no_grad():
            next(one.average.parameters()).fill_(float("nan"))
        return step()

    one._step = poisoned
    with pytest.raises(NonFiniteLoss, match="became NaN or infinite by 0.0 kimg"):
        list(one.fit())
    assert judge.seen == []
    assert one.run.best() is None


# The library's front door


@pytest.fixture
def asked_for(monkeypatch):
    """What `make_judge` was called with; it gives the judge of the last argument's place."""
    asked = []

    def make_judge(config, dataset, best_by, device):
        asked.append((config, dataset, best_by, device))
        return FakeJudge(best_by=best_by)

    module = ModuleType("ganvas.evaluation.judge")
    module.make_judge = make_judge
    monkeypatch.setitem(sys.modules, "ganvas.evaluation.judge", module)
    return asked


def test_the_judge_is_made_for_the_run(tmp_path, asked_for):
    data = prepare("digits")
    arguments = {"evaluate_every": "0.02 kimg", "best_by": "coverage"}
    run = gv.train(data, tiny(), kimg=0.08, out=tmp_path / "run", display="none", **arguments)
    assert asked_for == [(run.config, data, "coverage", torch.device("cuda" if torch.cuda.is_available() else "cpu"))]
    assert run.best().record()["score"] == "coverage"
    again = scored(gv.fit(data, tiny(), kimg=0.104, out=tmp_path / "run", **arguments))
    assert [event.kimg for event in again] == [0.104]
    every = [make_trainer(data, tiny(), out=tmp_path / "b", evaluate_every=n).jury.judging.every for n in (2, "3m")]
    assert every == [Budget("minutes", 2), Budget("minutes", 3)]
    assert asked_for[-1][2] == "kernel"


def test_without_being_asked_nobody_judges(tmp_path, asked_for):
    assert make_trainer(prepare("digits"), tiny(), out=tmp_path / "run").jury is None
    assert not asked_for


def test_wrong_periods_and_lonely_scores_are_refused_before_anything_is_written(tmp_path, asked_for):
    data = prepare("digits")
    with pytest.raises(UsageError, match="such as '2 minutes', '2m' or '20 kimg', got '2 epochs'"):
        gv.fit(data, tiny(), out=tmp_path / "run", evaluate_every="2 epochs")
    with pytest.raises(UsageError, match="best_by must be left out unless evaluate_every .*, got 'coverage'"):
        gv.fit(data, tiny(), out=tmp_path / "run", best_by="coverage")
    assert not (tmp_path / "run").exists()


def test_a_judge_that_cannot_be_made_leaves_no_run(tmp_path, asked_for, monkeypatch):
    def refuse(*_):
        raise UsageError("too few pictures")

    monkeypatch.setattr(sys.modules["ganvas.evaluation.judge"], "make_judge", refuse)
    with pytest.raises(UsageError, match="too few pictures"):
        gv.fit(prepare("digits"), tiny(), out=tmp_path / "run", evaluate_every=2)
    assert not (tmp_path / "run").exists()


def test_the_configuration_of_a_run_knows_nothing_of_judging(tmp_path, asked_for):
    """So the same run goes on with and without it."""
    configs = [
        make_trainer(prepare("digits"), tiny(), out=tmp_path / str(every), evaluate_every=every).run.config
        for every in (None, "2m")
    ]
    assert dataclasses.asdict(configs[0]) == dataclasses.asdict(configs[1])


def test_a_judge_that_fails_does_not_stop_the_learning(tmp_path):
    class Failing:
        best_by, lower_is_better = "kernel", True

        def __call__(self, generator, kimg):
            raise StorageError("Cannot write cache: the disk is full.")

    trained = judged(tmp_path / "run", Failing(), every=Budget("kimg", 0.04))
    events = list(trained.fit())
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "No scores this time: Cannot write cache: the disk is full."
    ] * 2
    assert events[-1].done
