"""What a run says of the machine before it starts."""

import pytest

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
