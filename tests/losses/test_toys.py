"""The games where the answer is known. bench/toys.py has the full proof: 25 Gaussians, three seeds, 10,000 steps."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "toys.py"


@pytest.fixture(scope="module")
def toys() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toys", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_best_discriminator_of_two_densities_is_p_over_p_plus_q(toys):
    """Goodfellow et al. 2014, proposition 1. Within 0.03 wherever either density is above 0.02."""
    error, _ = toys.best_discriminator((-1.0, 0.7), (1.0, 1.2), steps=300, seed=0)
    assert error < 0.03


def test_at_equality_the_game_is_worth_minus_log_4(toys):
    """Goodfellow et al. 2014, theorem 1."""
    error, value = toys.best_discriminator((0.5, 1.0), (0.5, 1.0), steps=200, seed=0)
    assert abs(value + math.log(4)) < 1e-3
    assert error < 0.03


def test_different_densities_are_worth_more(toys):
    """V = -log 4 + 2 JSD(p, q), which is above -log 4."""
    _, value = toys.best_discriminator((-1.0, 0.7), (1.0, 1.2), steps=200, seed=0)
    assert -math.log(4) + 0.5 < value < 0


def test_no_mode_of_nine_gaussians_is_lost(toys):
    modes, on_a_mode = toys.play_gaussians(seed=0, steps=700, side=3, gamma_start=0.1)
    assert modes == 9
    assert on_a_mode > 0.5


def test_a_collapse_would_be_seen(toys):
    """The measure itself: points on three modes of 25, and points everywhere, cover what they should."""
    grid = toys.grid_of_modes(5)
    assert toys.covered_modes(grid, grid[[0, 7, 24]].repeat(1000, 1)) == (3, 1.0)
    assert toys.covered_modes(grid, toys.gaussians(grid, 10_000))[0] == 25
    assert toys.covered_modes(grid, grid.repeat(400, 1) + 1)[0] == 0
