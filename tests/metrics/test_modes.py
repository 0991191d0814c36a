"""Modes and the distance to how often they should come: where it can be worked out by hand."""

import numpy as np
import pytest

from ganvas.metrics.modes import expected_kl, mode_numbers, modes_and_kl, resampled


def test_even_works_are_at_distance_0() -> None:
    assert modes_and_kl(np.full(1000, 26)) == (1000, pytest.approx(0, abs=1e-12))


def test_collapse_onto_a_tenth_costs_log_10() -> None:
    counts = np.zeros(1000, int)
    counts[:100] = 5
    assert modes_and_kl(counts) == (100, pytest.approx(np.log(10)))


def test_uneven_works_by_hand() -> None:
    modes, kl = modes_and_kl(np.array([3, 1, 0, 0]))
    assert (modes, kl) == (2, pytest.approx(0.75 * np.log(3) + 0.25 * np.log(1)))


def test_against_uneven_real_ones() -> None:
    counts, real = np.array([1, 3]), np.array([20, 20])
    assert modes_and_kl(counts, real) == (2, pytest.approx(0.25 * np.log(0.5) + 0.75 * np.log(1.5)))
    assert modes_and_kl(real, counts)[1] == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))  # not symmetric
    assert modes_and_kl(np.array([20, 60]), counts)[1] == pytest.approx(0)


def test_a_mode_that_does_not_exist_costs_infinitely_much() -> None:
    assert modes_and_kl(np.array([5, 5]), np.array([1, 0])) == (2, float("inf"))


def test_perfect_works_cost_what_chance_costs() -> None:
    rng = np.random.default_rng(0)
    found = [modes_and_kl(rng.multinomial(26_000, np.full(1000, 1e-3)))[1] for _ in range(50)]
    assert expected_kl(1000, 26_000) == pytest.approx(999 / 52_000)
    assert np.mean(found) == pytest.approx(expected_kl(1000, 26_000), rel=0.03)  # its deviation here is 0.6%


def test_bootstrap_spreads_as_fresh_works_do() -> None:
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.full(100, 2.0))
    fresh = [modes_and_kl(rng.multinomial(5000, shares))[1] for _ in range(500)]
    modes, kl = resampled(rng.multinomial(5000, shares), 500)
    assert np.std(kl) == pytest.approx(np.std(fresh), rel=0.15)
    assert modes.max() <= 100
    same = np.array([7, 1, 2])
    assert np.array_equal(resampled(same, 20)[1], resampled(same, 20)[1])


def test_digits_make_a_number() -> None:
    assert mode_numbers(np.array([[0, 0, 0], [9, 9, 9], [1, 0, 7]])).tolist() == [0, 999, 107]
