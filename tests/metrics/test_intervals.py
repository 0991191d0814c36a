"""How an interval comes about."""

import numpy as np
import pytest

from ganvas.metrics.score import Estimate, at_once, beyond_chance, linear_bootstrap, of_share

ANY = (-float("inf"), float("inf"))


def test_replicates_tell_the_spread_and_not_the_place():
    replicates = np.random.default_rng(0).normal(7, 2, 100_000)
    found = Estimate.of(3.0, replicates, ANY)
    assert (found.low, found.high) == (pytest.approx(3 - 1.96 * 2, abs=0.05), pytest.approx(3 + 1.96 * 2, abs=0.05))


def test_values_that_are_impossible_are_cut_off():
    found = Estimate.of(-1e-12, np.array([-1.0, 0.0, 1.0]), (0.0, float("inf")))
    assert (found.value, found.low) == (0, 0)
    assert found.high > 0.9


@pytest.mark.parametrize("value", [0.1, 1 / 3, 2.7e-9, 1e9])
def test_rounding_puts_no_value_outside_its_interval(value):
    found = Estimate.of(value, np.full(1000, value), ANY)
    assert found.low <= found.value <= found.high
    assert found.high - found.low < 1e-6 * value


def test_the_bootstrap_of_a_mean_has_its_standard_error():
    x, y = np.random.default_rng(0).normal(0, 3, 400), np.random.default_rng(1).normal(5, 4, 100)
    found = linear_bootstrap(1.0, x, y)
    assert found.mean() == pytest.approx(1, abs=0.06)
    assert found.std() == pytest.approx(np.sqrt(x.var() / 400 + y.var() / 100), rel=0.08)
    assert np.array_equal(found, linear_bootstrap(1.0, x, y))


def test_of_very_many_pictures_groups_are_drawn_and_the_spread_is_the_same():
    x = np.sort(np.random.default_rng(0).exponential(3, 35_001))  # sorted, as pictures may be
    found = linear_bootstrap(1.0, x)
    assert found.std() == pytest.approx(x.std() / np.sqrt(len(x)), rel=0.08)
    assert found.mean() == pytest.approx(1, abs=0.003)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_nobody_is_sure_of_a_share(share):
    """The chance that it covers the truth is at least 90%, and the interval no wider than it must be."""
    inside = np.repeat([1.0, 0.0], [round(500 * share), 500 - round(500 * share)])
    found = Estimate.of(share, linear_bootstrap(share, of_share(inside)), (0.0, 1.0))
    half = max(1.96 * np.sqrt(share * (1 - share) / 500), 3 / 500)
    assert max(found.high - share, share - found.low) == pytest.approx(half, rel=0.35)
    assert found.low < found.high


def test_what_chance_adds_to_counts_is_taken_off():
    rng = np.random.default_rng(0)
    rates = rng.gamma(4, 5, 20_000)
    counts = rng.poisson(rates).astype(float)
    assert beyond_chance(counts).var() == pytest.approx(rates.var(), rel=0.05)
    assert beyond_chance(counts).mean() == pytest.approx(counts.mean())
    assert beyond_chance(rng.poisson(3.0, 1000) * 1.0).var() < 0.3
    assert np.array_equal(beyond_chance(np.zeros(5)), np.zeros(5))


def test_memory_does_not_grow_with_the_size_of_pictures():
    for shape in ((1, 28, 28), (3, 256, 256), (4, 1024, 1024)):
        assert at_once(shape) * np.prod(shape) <= 2**22 + np.prod(shape)
    assert at_once((4, 4096, 4096)) == 1
    assert at_once((1, 8, 8), most=100) == 100
