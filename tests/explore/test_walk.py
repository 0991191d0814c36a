"""Walks."""

import numpy as np
import pytest

from ganvas.errors import UsageError
from ganvas.explore.walk import loop, slerp, spline

from .helpers import model


def test_slerp_goes_along_the_arc():
    """Shoemake 1985: equal shares are equal angles, at the length of the ends."""
    a, b = np.array([2.0, 0, 0]), np.array([0, 2.0, 0])
    np.testing.assert_allclose(slerp(a, b, 0), a)
    np.testing.assert_allclose(slerp(a, b, 1), b, atol=1e-12)
    third = slerp(a, b, 1 / 3)
    np.testing.assert_allclose(third, [2 * np.cos(np.pi / 6), 2 * np.sin(np.pi / 6), 0])
    assert np.linalg.norm(slerp(a, 3 * b, 0.5)) == pytest.approx(4)
    np.testing.assert_allclose(slerp(a, a, 0.3), a)
    np.testing.assert_allclose(slerp(np.zeros(3), b, 0.25), b / 4)


def test_a_spline_meets_its_points_without_a_corner():
    points = list(np.random.default_rng(0).normal(size=(5, 3)))
    np.testing.assert_allclose(spline(points[:4], 0), points[1])
    np.testing.assert_allclose(spline(points[:4], 1), points[2])
    arriving = (spline(points[:4], 1) - spline(points[:4], 1 - 1e-6)) / 1e-6
    leaving = (spline(points[1:], 1e-6) - spline(points[1:], 0)) / 1e-6
    np.testing.assert_allclose(arriving, leaving, atol=1e-4)


@pytest.mark.parametrize("recipe", ["canvas", "style"])
@pytest.mark.parametrize("path", ["spline", "slerp"])
def test_a_loop_meets_every_work_and_closes(recipe, path):
    made = model(recipe)
    works = made.latents([1, 2, 3])
    walk = loop(works, made.centres(works), 60, path, on_sphere=not made.maps)
    assert len(walk) == 60
    for number, work in enumerate(works):
        np.testing.assert_allclose(walk[20 * number].styles, work.styles, atol=1e-6)
    steps = [np.linalg.norm(b.styles - a.styles) for a, b in zip(walk, [*walk[1:], walk[0]], strict=True)]
    assert max(steps) < 3 * np.median(steps)  # no jump, least of all from the last to the first
    assert walk[5].lineage["of"][1] == {"seed": 2, "truncation": 1.0, "label": works[1].label}
    assert (walk[5].lineage["frame"], walk[5].lineage["frames"]) == (5, 60)


@pytest.mark.parametrize("path", ["spline", "slerp"])
def test_on_the_sphere_lengths_stay(path):
    """Else what lies between two works would be as typical as with truncation."""
    made = model("canvas", labels=())
    works = made.latents([1, 2])
    lengths = [np.linalg.norm(one.styles) for one in loop(works, made.centres(works), 40, path)]
    low, high = sorted(np.linalg.norm(work.styles) for work in works)
    assert low - 1e-4 <= min(lengths)
    assert max(lengths) <= high + 1e-4


def test_what_cannot_be_walked_is_said():
    made = model()
    (one,) = made.latents([1])
    with pytest.raises(UsageError, match="a walk must be given at least two works"):
        loop([one], made.centres([one]), 10)
    with pytest.raises(UsageError, match="frames must be at least 2"):
        loop([one, one], made.centres([one, one]), 1)
