"""Walks through the latent space: from work to work, back to the first, and on without a seam."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..config import check
from .latent import Latent

Route = Literal["spline", "slerp"]


def slerp(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """From a (share 0) to b (share 1) along a great circle, lengths in proportion: for normals, whose length is all but
    fixed, so that what lies between looks as likely as the ends.

    a, b: of any one shape, as one vector each.   Shoemake 1985, sect. 3.3.   Opposite or equal ones: a straight line.
    """
    long_a, long_b = np.linalg.norm(a), np.linalg.norm(b)
    if min(long_a, long_b) < 1e-12:
        return a + share * (b - a)
    cosine = float(np.clip((a / long_a * (b / long_b)).sum(), -1, 1))
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return a + share * (b - a)
    between = (np.sin((1 - share) * angle) * a / long_a + np.sin(share * angle) * b / long_b) / np.sin(angle)
    return between * (long_a + share * (long_b - long_a))


def spline(points: Sequence[np.ndarray], share: float) -> np.ndarray:
    """From the second of four points to the third, in the directions that the others ask for: no corner at any.

    Catmull & Rom 1974, the cubic of parameter 1/2.
    """
    (before, a, b, after), t = points, share
    return 0.5 * (
        2 * a + (b - before) * t + (2 * before - 5 * a + 4 * b - after) * t**2 + (3 * a - before - 3 * b + after) * t**3
    )


def loop(
    works: Sequence[Latent], centres: Sequence[np.ndarray], frames: int, path: Route = "spline", on_sphere: bool = True
) -> list[Latent]:
    """`frames` latents through all works in turn and back to the first; the last lies one step before the first.

    works: at least two.   centres: of each the typical styles of its label, (layers, style_dim) (`centre_of`).
    frames: at least as many as works; each work is met exactly where they divide evenly.
    path: "spline" has no corners, "slerp" goes along arcs around the centres.
    on_sphere: distances from the centre stay between those of the works, as normals want it, whose length is all but
    fixed; without, a spline is as Catmull and Rom have it, for styles of a mapping network.
    Raises UsageError.
    """
    check(len(works) >= 2, "a walk", f"{len(works)}", "given at least two works")
    check(frames >= len(works), "frames", frames, f"at least {len(works)}, one for each work: more seconds or fps")
    middles = [centre.astype(np.float64) for centre in centres]
    points = [work.styles - middle for work, middle in zip(works, middles, strict=True)]
    lineage: dict[str, Any] = {"walk": path, "frames": frames, "of": [work.lineage for work in works]}
    found = []
    for frame in range(frames):
        place, share = divmod(frame * len(works) / frames, 1)
        near = [(int(place) + step) % len(works) for step in (-1, 0, 1, 2)]
        middle = spline([middles[number] for number in near], share)
        _, a, b, _ = (points[number] for number in near)
        if path == "slerp":
            point = slerp(a, b, share)
        else:
            point = spline([points[number] for number in near], share)
            if on_sphere:
                long = np.linalg.norm(a) + share * (np.linalg.norm(b) - np.linalg.norm(a))
                point *= long / max(np.linalg.norm(point), 1e-12)
        found.append(Latent((middle + point).astype(np.float32), None, {**lineage, "frame": frame}))
    return found
