"""How fast this machine is for these nets and pictures: two seconds of steps that are thrown away."""

import time
from dataclasses import replace

from ..config import Budget, Recipe
from ..dataset import Dataset
from ..nets.tokens import WRITING, TokensGenerator
from ..run_config import RunConfig
from .batches import Batch, Batches
from .growth import Growth
from .machine import accelerator
from .players import Players, make_players
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
    if isinstance(players.bare_G, TokensGenerator):
        players.bare_G.stage.fill_(WRITING)  # most of its run, and the slowest part
    step(players, batch).tolist()
    began, steps = time.perf_counter(), 0
    while steps < LEAST_STEPS or time.perf_counter() - began < seconds:
        step(players, replace(batch, number=steps)).tolist()  # a GPU is only told what to do until it is asked
        steps += 1
    return steps * players.recipe.batch_size / (time.perf_counter() - began)


def rates(players: Players, batch: Batch, seconds: float, growth: Growth) -> list[float]:
    """Pictures a second at each level of nets that grow, of any other net once; in so many seconds altogether."""
    found = []
    for level in range(growth.levels):
        growth.set_level((players.bare_G, players.bare_D), level)
        found.append(images_per_second(players, batch, seconds / growth.levels))
    return found


def likeness_seconds(recipe: Recipe, shape: tuple[int, int, int], rate: float) -> float | None:
    """Seconds until works first resemble pictures, at `rate` pictures a second; None where nobody has measured it."""
    kimg = likeness_kimg(recipe, shape)
    return None if kimg is None else 1000 * kimg / rate


def rate_of(config: RunConfig, dataset: Dataset, seconds: float = 1.0) -> float:
    """Pictures a second that a run of these settings would see, measured for so long."""
    recipe, (works, _) = config.recipe, dataset.split(config.recipe.holdout, config.seed)
    batches = Batches(dataset, works, recipe, config.asked, config.seed, 0, 1)
    players = make_players(config, recipe, accelerator(grows=recipe.net.levels(config.shape) > 1), alone=True)
    return images_per_second(players, batches.batch(0, recipe.batch_size, players.accelerator.device), seconds)


def likeness_kimg(recipe: Recipe, shape: tuple[int, int, int]) -> float | None:
    """Thousands of pictures until works first resemble what they are learned from; None where nobody has measured it.

    shape: (channels, height, width). The recipe says how many at 32 px in grey; larger pictures take more, by the root
    of their pixels, and those in colour twice as many (docs/experiments.md). Right within a factor of two.
    """
    if recipe.likeness_kimg is None:
        return None
    channels, height, width = shape
    return recipe.likeness_kimg * max(1.0, (height * width) ** 0.5 / 32) * (COLOUR if channels > 1 else 1)
