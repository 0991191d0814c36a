"""What a run says of the machine before it starts."""

from types import SimpleNamespace

import pytest
import torch

from ganvas.config import Budget
from ganvas.terminal import sentence
from ganvas.training import probe
from ganvas.training.events import Estimated, Step
from tests.training.helpers import assert_same, final_arrays, tiny, trainer


def test_a_probe_is_short_beside_its_run():
    assert probe.seconds_for(Budget("minutes", 60)) == probe.SECONDS
    assert probe.seconds_for(Budget("minutes", 1)) == pytest.approx(0.6)
    assert probe.seconds_for(Budget("kimg", 100)) == 0


def test_larger_pictures_and_colour_take_longer():
    grey, colour, large = (
        probe.likeness_kimg(tiny(likeness_kimg=10.0), shape) for shape in ((1, 28, 28), (3, 28, 28), (3, 128, 128))
    )
    assert (grey, colour, large) == (10, 20, 80)
    assert probe.likeness_kimg(tiny(likeness_kimg=None), (1, 28, 28)) is None


def test_a_run_of_minutes_begins_with_an_estimate_and_learns_as_without(tmp_path):
    settings = tiny(likeness_kimg=10.0, final_lr_share=1.0)  # nothing depends on the run's length
    one = trainer(tmp_path / "probed", settings, kimg=None, minutes=0.002)
    events = list(one.fit())
    (place,) = [number for number, event in enumerate(events) if isinstance(event, Estimated)]
    assert not any(isinstance(event, Step) for event in events[:place])
    found = events[place]
    assert found.images_per_second > 0
    assert found.likeness_seconds == pytest.approx(10_000 / found.images_per_second)
    assert found.run_seconds == pytest.approx(0.12)
    plain = trainer(tmp_path / "plain", settings, kimg=one.images / 1000)
    assert not any(isinstance(event, Estimated) for event in plain.fit())
    assert_same(final_arrays(plain.run), final_arrays(one.run))


def test_a_step_counts_until_the_device_is_done_with_it(monkeypatch):
    """A GPU is told what to do long before it has done it: only who reads a result waits."""
    now = [0.0]

    class Losses:
        def tolist(self):
            now[0] += 2.0

    monkeypatch.setattr(probe, "step", lambda players, batch: Losses())
    monkeypatch.setattr(probe.time, "perf_counter", lambda: now[0])
    players, batch = SimpleNamespace(bare_G=None, recipe=tiny(batch_size=8)), SimpleNamespace(number=0)
    monkeypatch.setattr(probe, "replace", lambda batch, number: batch)
    assert probe.images_per_second(players, batch, 10.0) == pytest.approx(4.0)


def test_a_report_counts_until_the_device_is_done_with_its_steps(tmp_path):
    one = trainer(tmp_path / "run", tiny(), kimg=0.1)
    now = [0.0]
    one.clock = lambda: now[0]

    class Means(torch.Tensor):
        def tolist(self):
            now[0] += 2.0
            return super().tolist()

    event = one._report(torch.ones(5).as_subclass(Means), 8, 0.0)
    assert event.images_per_second == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("likeness", "said"),
    [
        (None, "About 480 pictures a second on this machine: 144 kimg in 5:00."),
        (41.0, "About 480 pictures a second on this machine: about 40 s to a first likeness, 144 kimg in 5:00."),
        (
            2400.0,
            "About 480 pictures a second on this machine: about 40 min to a first likeness, longer than this run. "
            "Give more --minutes, or learn smaller pictures (--size-px) or nets (--width).",
        ),
    ],
)
def test_the_estimate_in_words(likeness, said):
    assert sentence(Estimated(0, 0.0, 480.0, likeness, 300.0)) == said
