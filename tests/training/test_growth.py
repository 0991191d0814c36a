"""Nets that learn small pictures first."""

import numpy as np
import pytest
import torch

from ganvas.dataset import prepare
from ganvas.errors import CheckpointError
from ganvas.nets.growing import Growing, repeated, shrunk
from ganvas.training import probe
from ganvas.training.events import Estimated
from ganvas.training.growth import Growth, shares_of

from .helpers import arrays_of, assert_same, final_arrays, stop_after, tiny, trainer

SHAPE = (3, 64, 64)
NET = Growing(width=4, max_width=8, glance=8)


def both(level: int, seed: int = 0):
    """G and D of all levels, with random weights everywhere, at a level."""
    torch.manual_seed(seed)
    G, D = NET.generator(SHAPE, 8, 2), NET.discriminator(SHAPE, 2)
    for net in (G, D):
        net.level.fill_(level)
    with torch.no_grad():
        G.paints[0].weight.mul_(0.2)  # within the range: what is cut off cannot be enlarged
    return G, D


def test_levels_by_the_pictures_size():
    assert [Growing().levels((3, side, side)) for side in (16, 28, 31, 32, 64, 128, 256)] == [1, 1, 1, 2, 3, 4, 5]
    assert Growing().levels((3, 48, 100)) == 2
    assert Growing(start_px=8).levels(SHAPE) == 4
    assert Growing(start_px=256).levels(SHAPE) == 1


def test_a_new_level_begins_with_nothing_to_add():
    """G's picture is the old one, enlarged smoothly; D says of the old one what it said before."""
    z, label = torch.randn(3, 8), torch.tensor([0, 1, 2])
    G, D = both(0)
    with torch.no_grad():
        before = G(z, label)
        said = D(before, label)
        for level in (1, 2):
            G.level.fill_(level)
            D.level.fill_(level)
            torch.testing.assert_close(D(before, label), said)
            torch.testing.assert_close(G(z, label), smooth(before, level))


def smooth(pictures: torch.Tensor, level: int) -> torch.Tensor:
    small = shrunk(pictures, 4)
    for _ in range(level):
        small = torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    return repeated(small, 2 ** (2 - level))


def test_d_sees_no_more_than_its_level():
    """At the first of three levels, what lies within squares of 4x4 pixels changes nothing; at the last it does."""
    pictures, label = torch.rand(3, *SHAPE) * 2 - 1, torch.tensor([0, 1, 2])
    for level, same in ((0, True), (1, False), (2, False)):
        _, D = both(level)
        for down in D.downs:
            torch.nn.init.normal_(down.project.linear.weight)
        coarse = repeated(shrunk(pictures, 4), 4)
        assert torch.allclose(D(pictures, label), D(coarse, label), atol=1e-5) == same


def test_a_penalty_grows_with_the_pixels():
    """Slopes at full-size pixels: over squares of f x f equal ones their square is 1/f^2 of the small picture's."""
    pictures = torch.rand(2, *SHAPE)
    label = torch.tensor([0, 1])
    small = shrunk(pictures, 4).requires_grad_()
    full = repeated(small.detach(), 4).requires_grad_()
    _, D = both(0)
    (at_full,) = torch.autograd.grad(D(full, label).sum(), full)
    (at_small,) = torch.autograd.grad(D(repeated(small, 4), label).sum(), small)
    torch.testing.assert_close(at_full.square().sum() * 16, at_small.square().sum())


def test_pictures_are_shown_as_coarse_as_the_level():
    growth = Growth(3)
    pictures = torch.rand(2, 3, 50, 62)
    coarse = growth.shown(pictures, 0.0)
    assert coarse.shape == pictures.shape
    torch.testing.assert_close(
        coarse[:, :, :4, :4], pictures[:, :, :4, :4].mean((2, 3), keepdim=True).expand(2, 3, 4, 4)
    )
    assert torch.equal(growth.shown(pictures, 1.0), pictures)
    assert torch.equal(Growth(1).shown(pictures, 0.0), pictures)


def test_shares_of_the_run_by_cost():
    assert shares_of([1, 4, 16]) == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    growth = Growth(3)
    assert [growth.level(progress) for progress in (0.0, 0.14, 0.15, 0.42, 0.43, 1.0)] == [0, 0, 1, 1, 2, 2]
    assert Growth(1).level(0.9) == 0
    assert Growth(2, [0.9, 0.1]).level(0.5) == 0


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Sixty coloured pictures of 32 px."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(0)
    for number in range(60):
        canvas = np.full((32, 32, 3), rng.integers(0, 255, 3), np.uint8)
        x, y = rng.integers(0, 16, 2)
        canvas[y : y + 14, x : x + 14] = rng.integers(0, 255, 3)
        Image.fromarray(canvas).save(folder / f"{number}.png")
    return prepare(folder, 32, out=tmp_path_factory.mktemp("prepared") / "shapes")


def test_a_run_grows_and_resumes_bit_for_bit(tmp_path, shapes):
    recipe = tiny(net=NET)
    whole = trainer(tmp_path / "whole", recipe, kimg=0.12, data=shapes)
    levels = []
    plain = whole._step

    def noted():
        judged = plain()
        levels.append((int(whole.players.bare_G.level), int(whole.players.bare_D.level), int(whole.average.level)))
        return judged

    whole._step = noted
    assert list(whole.fit())[-1].done
    assert levels == [(0, 0, 0)] * 5 + [(1, 1, 1)] * 10  # a third of the run, then two
    for steps in (3, 4, 99):
        events = stop_after(trainer(tmp_path / "parts", recipe, kimg=0.12, data=shapes), steps)
    assert events[-1].done
    assert_same(final_arrays(whole.run), final_arrays(trainer(tmp_path / "parts", recipe, kimg=0.12, data=shapes).run))


def test_a_run_stopped_at_a_lower_level_draws_at_its_full_size(tmp_path, shapes):
    import ganvas

    one = trainer(tmp_path / "run", tiny(net=NET), kimg=0.12, data=shapes)
    stop_after(one, 3)
    assert int(arrays_of(dict(one.average.named_buffers()))["level"]) == 0
    pixels = np.stack([work.pixels for work in ganvas.open(tmp_path / "run").sample(4)])
    assert pixels.shape == (4, 32, 32, 3)
    squares = pixels.reshape(4, 16, 2, 16, 2, 3)
    assert (squares == squares[:, :, :1, :, :1]).all()


def test_shares_go_by_the_measured_speed():
    growth = Growth(3)
    assert growth.measured([400, 100, 25]) == pytest.approx((400 + 200 + 100) / 7)
    assert growth.shares == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    again = Growth(3)
    again.recall([0.5, 0.25, 0.25])
    assert again.shares == [0.5, 0.25, 0.25]
    again.recall(None)
    assert again.shares == [0.5, 0.25, 0.25]


@pytest.mark.parametrize("stored", [[0.5, 0.5], [0.5, 0.6, 0.1], [2.0, -1.0, 0.0], [0.5, "a", 0.5], 3, {}, ""])
def test_shares_that_are_none_are_damage(stored):
    with pytest.raises(CheckpointError, match="'growth' is damaged"):
        Growth(3).recall(stored)


def test_a_run_of_minutes_measures_each_level_and_keeps_to_it(tmp_path, shapes, monkeypatch):
    measured = {0: 90.0, 1: 10.0}
    monkeypatch.setattr(probe, "images_per_second", lambda players, *_: measured[int(players.bare_G.level)])
    recipe = tiny(net=NET)
    one = trainer(tmp_path / "run", recipe, kimg=None, minutes=1, data=shapes)
    events = stop_after(one, 2)
    (estimated,) = (event for event in events if isinstance(event, Estimated))
    assert estimated.images_per_second == pytest.approx(0.25 * 90 + 0.75 * 10)
    assert one.growth.shares == pytest.approx([0.25, 0.75])
    again = trainer(tmp_path / "run", recipe, kimg=None, minutes=1, data=shapes)
    stop_after(again, 1)
    assert again.growth.shares == one.growth.shares
