"""The schedule, the average, the interrupt: each alone."""

import itertools
import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

from ganvas.config import Budget
from ganvas.decode import with_clean_alpha
from ganvas.registry import games
from ganvas.tensors import as_floats, as_levels, to_uint8
from ganvas.training import ema, state
from ganvas.training.interrupt import on_interrupt
from ganvas.training.preview import COUNT, due
from ganvas.training.schedule import Schedule, batch_size, cosine, ema_decay
from ganvas.training.step import accuracies


def test_progress_follows_the_length_given():
    assert Schedule(Budget("kimg", 2), 500).progress(500, 9e9) == 0.25
    assert Schedule(Budget("epochs", 2), 500).progress(500, 9e9) == 0.5
    assert Schedule(Budget("minutes", 2), 500).progress(10**9, 30) == 0.25
    assert Schedule(Budget("minutes", 2), 500).progress(0, 1000) == 1
    assert Schedule(Budget("kimg", 2), 500).seconds_left(1000, 7, rate=100) == 10
    assert Schedule(Budget("minutes", 2), 500).seconds_left(1000, 30, rate=100) == 90


@pytest.mark.parametrize("budget", [Budget("minutes", 1), Budget("kimg", 7)])
def test_every_schedule_anneals_to_the_length(budget):
    """Whatever the length, the learning rate starts whole and ends at its share."""
    schedule = Schedule(budget, 500)
    rates = [cosine(schedule.progress(round(7000 * t), 60 * t), 0.1) for t in np.linspace(0, 1, 11)]
    assert rates[0] == 1
    assert rates[-1] == pytest.approx(0.1)
    assert rates[5] == pytest.approx(0.55)
    assert all(a > b for a, b in itertools.pairwise(rates))


def test_batches_grow_at_an_even_rate_in_whole_multiples():
    """Each share of the run multiplies the batch by as much as every other."""
    sizes = [batch_size(step / 100, 64_000, start=16, growth=4) for step in range(101)]
    assert sorted(set(sizes)) == [16, 32, 48, 64]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (16, 64)
    assert sizes.index(32) == 30  # 4^0.3 = 1.52
    assert {batch_size(step / 100, 64_000, start=16, growth=1) for step in range(101)} == {16}


def test_short_runs_keep_small_batches():
    """A batch holds a thousandth of what was seen at most."""
    assert [batch_size(1.0, images, 16, 4) for images in (0, 31_999, 32_000, 63_999, 64_000, 10**9)] == [
        16,
        16,
        32,
        48,
        64,
        64,
    ]


def test_the_average_has_the_half_life_it_says():
    decays = [ema_decay(1_000_000 + 16 * step, 16, half_life_kimg=10, share=0.05) for step in range(625)]
    assert np.prod(decays) == pytest.approx(0.5)  # 625 steps of 16 are 10 kimg


def test_short_runs_forget_their_untrained_start():
    """The first weights' part in the average after 2,000 pictures, where a fixed half-life of 10 kimg leaves 87%."""
    left = np.prod([ema_decay(16 * step, 16, half_life_kimg=10, share=0.05) for step in range(125)])
    assert left < 1e-6


def test_the_average_follows_weights_and_copies_buffers():
    G = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    average = ema.frozen_copy(G)
    start = average[0].weight.clone()
    with torch.no_grad():
        G[0].weight += 1
    G(torch.randn(8, 3))  # moves the running statistics
    ema.update(average, G, decay=0.75)
    torch.testing.assert_close(average[0].weight, start + 0.25)
    assert torch.equal(average[1].running_mean, G[1].running_mean)
    assert average[1].num_batches_tracked == 1
    assert not any(weight.requires_grad for weight in average.parameters())


def test_previews_come_closer_together_early():
    when = [t for t in range(1000) if due(t / 1000) > due((t - 1) / 1000 if t else 0)]
    assert due(1.0) == COUNT
    assert when[1] - when[0] < when[-1] - when[-2]


def test_pictures_are_rounded_to_levels_and_clipped():
    levels = to_uint8(torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0]).view(1, 1, 1, 5))
    assert levels.shape == (1, 1, 5, 1)
    assert levels.ravel().tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("name", games.names())
def test_a_perfect_discriminator_is_always_right_and_an_undecided_one_is_not(name):
    game = games.get(name)()
    shift = 0 if game.level == 0 else 100  # a level that the game leaves free must not matter
    high, low = torch.full((4,), 2.0 + shift), torch.full((4,), -2.0 + shift)
    assert accuracies(game, high, low).tolist() == [1, 1]
    assert accuracies(game, low, high).tolist() == [0, 0]


def test_a_logit_far_out_is_not_what_others_are_judged_by():
    """Where only differences of logits count."""
    real, fake = torch.tensor([1.0, 1.0, 1.0, 1000.0]), torch.tensor([0.0, 0.0, 0.0, 0.0])
    assert accuracies(games.get("relativistic")(), real, fake).tolist() == [1, 1]


@pytest.fixture
def usual_interrupt():
    """What Ctrl-C does in a terminal, also where the tests run in the background and a shell has turned it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_interrupt")
def test_an_interrupt_asks_once_and_the_second_one_gets_through():
    asked = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), on_interrupt(lambda: asked.append(1)) as came:
        os.kill(os.getpid(), signal.SIGINT)
        assert came == [signal.SIGINT]
        os.kill(os.getpid(), signal.SIGINT)
    assert asked == [1]
    assert signal.getsignal(signal.SIGTERM) is before


def test_state_that_does_not_fit_is_named():
    from ganvas.errors import CheckpointError

    net = nn.Linear(2, 3)
    arrays = state.net_arrays(net, "G.")
    with pytest.raises(CheckpointError, match=r"G.bias is missing; the net needs \(3,\)"):
        state.load_net(net, {"G.weight": arrays["G.weight"]}, "G.")
    with pytest.raises(CheckpointError, match=r"G.weight has shape \(3, 2\) of float32; the net needs \(3, 5\)"):
        state.load_net(nn.Linear(5, 3), arrays, "G.")


def test_every_level_survives_both_scales_of_tones():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    for tones in ("linear", "sine"):
        seen = as_floats(levels, tones=tones)
        assert (seen.amin(), seen.amax()) == (-1, 1)
        assert np.array_equal(to_uint8(seen, tones), levels)


def with_alpha(count: int = 40) -> np.ndarray:
    """Noise with noisy alpha, as `prepare` leaves it."""
    made = np.random.default_rng(0).integers(0, 256, (count, 16, 16, 4), dtype=np.uint8)
    made[: count // 4, ..., 3] //= 16
    return np.stack([with_clean_alpha(picture) for picture in made])


@pytest.mark.parametrize("tones", ["linear", "sine"])
def test_pictures_with_alpha_survive_and_hold_nothing_that_nobody_sees(tones):
    levels = with_alpha()
    seen = as_floats(levels, tones=tones)
    assert seen.abs().max() <= 1
    assert np.array_equal(to_uint8(seen, tones), levels)
    garbage = levels.copy()
    garbage[levels[..., 3] == 0, :3] = (0, 255, 0)
    assert torch.equal(as_floats(garbage, tones=tones), seen)


def test_errors_in_faint_pixels_do_not_show():
    """Whatever nets paint, on a strong colour it is no further off than the painted numbers are."""
    levels = with_alpha()
    exact = as_floats(levels)
    off = 0.1 * (2 * torch.rand(exact.shape, generator=torch.Generator().manual_seed(0)) - 1)
    works = to_uint8(exact + off)
    assert np.abs(on_magenta(works) - on_magenta(levels)).max() <= 127.5 * 0.1 * 3 + 4
    assert (works[works[..., 3] == 0] == (255, 255, 255, 0)).all()
    assert not np.isin(works[..., 3], (1, 2, 3, 252, 253, 254)).any()


def test_the_mean_of_two_works_is_their_mean_to_the_eye():
    """As of latents half way: a black shape and none do not make a white rim."""
    black, none = (np.full((1, 2, 2, 4), level, np.uint8) for level in ((0, 0, 0, 255), (255, 255, 255, 0)))
    half = to_uint8((as_floats(black) + as_floats(none)) / 2)
    assert np.abs(half.astype(int) - (0, 0, 0, 128)).max() <= 1


def on_magenta(pictures: np.ndarray) -> np.ndarray:
    alpha = pictures[..., 3:] / 255
    return pictures[..., :3] * alpha + np.array([255, 0, 255]) * (1 - alpha)


def test_sine_tones_forgive_errors_near_black_and_white_only():
    painted = torch.tensor([-1.0, -0.95, 0.0, 0.95, 1.0]).view(1, 1, 1, 5)
    assert to_uint8(painted, "sine").ravel().tolist() == [0, 0, 128, 255, 255]
    assert to_uint8(painted).ravel().tolist() == [0, 6, 128, 249, 255]
    assert as_levels(torch.tensor([0.5, 3.0]), "sine").tolist() == pytest.approx([0.5**0.5, 1])
    assert as_levels(torch.tensor([0.5, 3.0])).tolist() == [0.5, 1]
