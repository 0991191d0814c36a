"""Near a work, or away from what the model learned from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..config import check
from ..tensors import seeded
from .latent import Latent

Nearest = Callable[[np.ndarray], np.ndarray]
"""(n, H, W, C) uint8 pictures -> (n,) distances to the nearest training picture, in units of what is too near."""

AWAY_STEPS = 24
"""Tries of growing length, a few directions each."""
AWAY_TRIES = 8
FARTHEST = 1.5
"""Of a try, in deviations among works."""


def variations(latent: Latent, deviation: np.ndarray, amount: float, count: int, seed: int = 0) -> list[Latent]:
    """`count` works near one: its styles and a random change, the same for all layers.

    deviation: (style_dim,) of works' styles; 0 where a style says the label.   amount: in deviations; 0.3 is a
    relative, 1 another work of the kind. Variation k of a seed is the same whatever the count. Raises UsageError.
    """
    check(0 < amount <= 3, "near", amount, "above 0 and at most 3")
    found = []
    for number in range(seed, seed + count):
        rng = np.random.default_rng(seeded(number, "near").initial_seed() % 2**63)
        change = amount * deviation * rng.normal(size=len(deviation))
        found.append(latent.moved(change.astype(np.float32)[None], near=number, amount=amount))
    return found


@dataclass(frozen=True, eq=False)
class Away:
    """A work that was moved away from a training picture."""

    latent: Latent
    before: float
    """Distance to the nearest training picture in units of what is too near: below 1 is a near-copy."""
    after: float
    amount: float
    """How far it was moved, in deviations among works; 0 where it was far enough."""


def away(
    latent: Latent,
    deviation: np.ndarray,
    draw: Callable[[Sequence[Latent]], np.ndarray],
    nearest: Nearest,
    seed: int = 0,
) -> Away | None:
    """The work, moved as little as it takes until no training picture is too near; None when nothing helps.

    Tries random changes, shortest first, and takes the first length at which one of them is clear.
    """
    before = float(nearest(draw([latent]))[0])
    if before >= 1:
        return Away(latent, before, before, 0.0)
    for step in range(1, AWAY_STEPS + 1):
        amount = FARTHEST * step / AWAY_STEPS
        tried = variations(latent, deviation, amount, AWAY_TRIES, seed + step * AWAY_TRIES)
        distances = nearest(draw(tried))
        best = int(distances.argmax())
        if distances[best] >= 1:
            return Away(tried[best], before, float(distances[best]), amount)
    return None
