"""Path length and separability."""

import numpy as np
import pytest
import torch

from ganvas.explore.numbers import arc, conditional_entropy, path_ends, path_length, separability
from ganvas.explore.walk import slerp
from ganvas.features.choose import make_features
from ganvas.features.own import wrap
from ganvas.tensors import seeded

from .helpers import model


class Identity(torch.nn.Module):
    def forward(self, pictures):
        return pictures.flatten(1)


def test_an_arc_is_a_slerp():
    a, b = torch.randn(2, 3, 5, dtype=torch.float64)
    found = arc(a, b, torch.tensor([[0.0], [0.3], [1.0]], dtype=torch.float64))
    for k, share in enumerate((0.0, 0.3, 1.0)):
        np.testing.assert_allclose(found[k], slerp(a[k].numpy(), b[k].numpy(), share), atol=1e-9)


def test_a_generator_that_is_linear_has_the_length_that_can_be_reckoned():
    """Pictures A w on straight ways: the step is eps A (b - a), whose square is, on average, the unit itself."""
    made = model("style", labels=())
    generator = made.steered
    matrix = torch.randn(3 * 32 * 32, 8) * 0.01
    generator.draw = lambda styles, rng=None: (styles[:, 0] @ matrix.T).view(-1, 3, 32, 32)
    value, low, high = path_length(made.drawer, wrap(Identity(), (3, 32, 32)), 2000)
    assert low < value < high
    assert value == pytest.approx(1, abs=0.2)  # sine tones bend it a little
    generator.draw = lambda styles, rng=None: (
        torch.sign((styles[:, 0] @ matrix.T).view(-1, 3, 32, 32)) * 0.1 + 0 * styles[:, 0, 0, None, None, None]
    )
    assert path_length(made.drawer, wrap(Identity(), (3, 32, 32)), 500)[0] > 5  # all at once, or not at all


@pytest.mark.parametrize("recipe", ["canvas", "style"])
def test_ways_stay_within_a_label_and_are_the_same_each_time(recipe):
    made = model(recipe)
    with torch.no_grad():
        here, there = path_ends(made.drawer, 50, seeded(0, "x"))
        assert torch.equal(here, path_ends(made.drawer, 50, seeded(0, "x"))[0])
    free = made.steered.free_dims
    assert torch.equal(here[..., free:], there[..., free:])
    assert 0 < (here - there).abs().max() < 0.05
    assert path_length(made.drawer, make_features("random", (3, 32, 32)), 100)[0] > 0


def test_what_a_plane_parts_is_known():
    has = np.array([True] * 30 + [False] * 70)
    assert conditional_entropy(has, np.where(has, 1.0, -1.0) + np.linspace(0, 0.5, 100)) == pytest.approx(0, abs=1e-9)
    nothing = conditional_entropy(has, np.random.default_rng(0).permutation(100) / 1.0)
    whole = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))
    assert 0.85 * whole < nothing <= whole


def test_separability_is_1_for_planes_and_more_for_shells():
    rng = np.random.default_rng(0)
    styles = rng.normal(size=(2000, 6))
    by_plane = 1 / (1 + np.exp(-40 * styles[:, :2].T))
    value, each = separability(styles, by_plane)
    assert value == pytest.approx(1, abs=0.05)
    assert len(each) == 2
    by_shell = 1 / (1 + np.exp(-40 * (np.linalg.norm(styles, axis=1) - 2.3)))[None]
    assert separability(styles, by_shell)[0] > 1.7
    assert separability(styles, np.ones((1, 2000)))[0] == 1
