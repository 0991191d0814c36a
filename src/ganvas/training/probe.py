"""How fast this machine is for these nets and pictures: two seconds of steps that are thrown away."""

import time
from dataclasses import replace

from ..config import Budget, Recipe
from .batches import Batch
from .players import Players
from .step import step

SECONDS = 2.0
SHARE = 0.01
"""Of a run's length that its probe may take."""
COLOUR = 2
"""So many times the pictures of grey ones."""
LEAST_STEPS = 3
"""The first one warms up and does not count."""


def seconds_for(budget: Budget) -> float:
    """How long the probe of a run of this length takes; 0 where the length is in pictures and may be a moment."""
    return min(SECONDS, SHARE * 60 * budget.amount) if budget.unit == "minutes" else 0.0


def images_per_second(players: Players, batch: Batch, seconds: float) -> float:
    """Pictures a second, of steps on the same batch. The players have learned from it afterwards: throw them away."""
    step(players, batch)
    began, steps = time.perf_counter(), 0
    while steps < LEAST_STEPS or time.perf_counter() - began < seconds:
        step(players, replace(batch, number=steps))
        steps += 1
    return steps * players.recipe.batch_size / (time.perf_counter() - began)


def likeness_kimg(recipe: Recipe, shape: tuple[int, int, int]) -> float | None:
    """Thousands of pictures until works first resemble what they are learned from; None where nobody has measured it.

    shape: (channels, height, width). The recipe says how many at 32 px in grey; larger pictures take more, by the root
    of their pixels, and those in colour twice as many (docs/experiments.md). Right within a factor of two.
    """
    if recipe.likeness_kimg is None:
        return None
    channels, height, width = shape
    return recipe.likeness_kimg * max(1.0, (height * width) ** 0.5 / 32) * (COLOUR if channels > 1 else 1)
