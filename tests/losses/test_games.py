"""Each loss against the formula of its paper, written out another way, on logits drawn at random."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy

from ganvas.registry import games

r = torch.linspace(-3, 2, 7, dtype=torch.float64)
f = torch.tensor([0.5, -1.0, 2.0, -0.2, 0.0, 3.0, -4.0], dtype=torch.float64)
p_real, p_fake = r.sigmoid(), f.sigmoid()

FORMULAS = {
    "minimax": (-(p_real.log() + (1 - p_fake).log()).mean(), (1 - p_fake).log().mean()),
    "nonsaturating": (
        binary_cross_entropy(p_real, torch.ones_like(r)) + binary_cross_entropy(p_fake, torch.zeros_like(f)),
        -p_fake.log().mean(),
    ),
    "hinge": ((1 - r).clamp(min=0).mean() + (1 + f).clamp(min=0).mean(), -f.mean()),
    "wasserstein": (f.mean() - r.mean(), -f.mean()),
    "relativistic": (-(r - f).sigmoid().log().mean(), -(f - r).sigmoid().log().mean()),
}


@pytest.mark.parametrize("name", games.names())
def test_the_losses_are_the_papers_formulas(name):
    game = games.get(name)()
    expected_d, expected_g = FORMULAS[name]
    torch.testing.assert_close(game.discriminator(r, f), expected_d)
    torch.testing.assert_close(game.generator(r, f), expected_g)


@pytest.mark.parametrize("name", games.names())
def test_gradients_are_finite_and_point_the_right_way(name):
    """Even for extreme logits: D wants real up and fake down, G wants fake up."""
    game = games.get(name)()
    real = torch.tensor([-90.0, -1.0, 0.3, 90.0], requires_grad=True)
    fake = torch.tensor([90.0, 1.5, -0.3, -90.0], requires_grad=True)
    d_real, d_fake = torch.autograd.grad(game.discriminator(real, fake), (real, fake))
    (g_fake,) = torch.autograd.grad(game.generator(real, fake), fake)
    for gradient in (d_real, -d_fake, g_fake):
        assert torch.isfinite(gradient).all()
        assert (gradient <= 0).all()
        assert (gradient < 0).any()


@pytest.mark.parametrize("name", games.names())
def test_adding_to_all_logits_matters_only_where_the_game_fixes_a_level(name):
    game = games.get(name)()
    moved = game.discriminator(r + 1, f + 1)
    assert torch.isclose(moved, game.discriminator(r, f)) == (game.level is None)


@pytest.mark.parametrize("name", games.names())
def test_real_logits_reach_g_only_where_the_game_says_so(name):
    game = games.get(name)()
    assert torch.equal(game.generator(r, f), game.generator(r + 1, f)) != game.uses_real_in_generator


def test_the_minimax_value_of_an_undecided_discriminator_is_minus_log_4():
    """Goodfellow et al. 2014, theorem 1: at equality D = 1/2 everywhere and V = -log 4."""
    undecided = torch.zeros(5)
    assert -games.get("minimax")().discriminator(undecided, undecided).item() == pytest.approx(-math.log(4))
