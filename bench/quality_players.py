"""Who plays in bench/quality.py: the library's recipes and the peers of peers.py, each trained by its CPU-seconds.

A player's time is that of its process on all cores (`time.process_time`), while it trains. What is around it - imports,
building nets, drawing works and measuring them - is not counted, for nobody. The library's own pauses, for previews and
checkpoints, are counted, as its users pay for them.
"""

import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from peers import PEERS, Feed, Match  # pyrefly: ignore[missing-import]
from quality_measure import Draw, holdout  # pyrefly: ignore[missing-import]
from torch import Tensor

import ganvas
from ganvas.api import make_trainer
from ganvas.config import Recipe, to_json
from ganvas.dataset import Dataset
from ganvas.errors import NonFiniteLoss
from ganvas.registry import recipes
from ganvas.tensors import as_levels
from ganvas.training import machine
from ganvas.training.events import Finished, Started

RECIPES = ("canvas", "dcgan", "classic")
PLAYERS = (*RECIPES, *PEERS)
Clock = Callable[[], float]


@dataclass(frozen=True)
class Standing:
    """A player at a point of its training."""

    minutes: float
    """The point: CPU-minutes that it was given."""
    cpu_seconds: float
    """That it took: up to a step more."""
    wall_seconds: float
    kimg: float
    """Thousands of real pictures that D has seen."""
    parameters: dict[str, int]
    draw: Draw
    latent_dim: int
    is_conditional: bool

    def record(self) -> dict[str, Any]:
        """What the JSON says of it."""
        return {
            "cpu_seconds": round(self.cpu_seconds, 2),
            "wall_seconds": round(self.wall_seconds, 2),
            "kimg": self.kimg,
            "images_per_cpu_second": round(1000 * self.kimg / max(self.cpu_seconds, 1e-9), 1),
            "parameters": self.parameters,
            "conditional": self.is_conditional,
        }


def recipe_of(name: str, dataset: Dataset) -> Recipe:
    """The library's recipe as the bench runs it: nothing evaluated on the way, the same pictures kept from training."""
    return replace(recipes.get(name)(), evaluate_each_epoch=False, holdout=holdout(dataset))


def described(name: str, dataset: Dataset) -> dict[str, Any]:
    """What the JSON says of a player: its paper, labels, schedule, settings and their hash."""
    if name in RECIPES:
        settings = to_json(recipe_of(name, dataset))
        told, paper = bool(dataset.label_names), f"ganvas, docs/recipes/{name}.md"
    else:
        peer = PEERS[name]()
        settings, told, paper = peer.settings(), peer.is_conditional and bool(dataset.label_names), peer.paper
    return {
        "source": paper,
        "conditional": told,
        "schedule": "a run for each point" if one_run_a_point(name) else "one run, measured on the way",
        "settings": settings,
        "settings_sha256": sha256_of(settings),
    }


def sha256_of(settings: dict[str, Any]) -> str:
    """What a player's settings are known by: of those of a recipe, those that are not at their defaults.

    So a setting that is new in the library, and off, makes no other player of the same recipe.
    """
    defaults = {field.name: to_json(field.default) for field in fields(Recipe) if field.default is not MISSING}
    told = {name: value for name, value in settings.items() if name not in defaults or value != defaults[name]}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def one_run_a_point(name: str) -> bool:
    """Whether the length of the run changes the player, as with learning rates that fall towards the end."""
    return name in RECIPES or PEERS[name]().anneals


def runs_of(name: str, points: Sequence[float]) -> list[list[float]]:
    """The points, ascending, by the runs that measure them."""
    ordered = sorted(points)
    return [[point] for point in ordered] if one_run_a_point(name) else [ordered] if ordered else []


def play(
    name: str, dataset: Dataset, points: Sequence[float], seed: int, clock: Clock = time.process_time
) -> Iterator[Standing]:
    """One run of a player, standing still at each of the points (CPU-minutes, ascending).

    What the caller does with a standing is not counted.   Raises NonFiniteLoss for a player that broke.
    """
    if name in RECIPES:
        (minutes,) = points
        yield from play_recipe(recipe_of(name, dataset), dataset, minutes, seed, clock)
    else:
        machine.keep_freed_memory()  # as the library's trainer does, so for the peers too
        train, _ = dataset.split(holdout(dataset), seed)
        match = Match(PEERS[name](), Feed(dataset, train, seed), dataset.shape, seed)
        yield from play_match(match, points, clock)


def play_recipe(
    recipe: Recipe, dataset: Dataset, minutes: float, seed: int, clock: Clock, start_from: str | None = None
) -> Iterator[Standing]:
    """As a user would: the library's trainer, into a folder, then the model opened from it."""
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        run = Path(folder) / recipe.name
        trainer = make_trainer(dataset, recipe, minutes=minutes, out=run, seed=seed, clock=clock, start_from=start_from)
        sizes, kimg, seconds, began = {}, 0.0, 0.0, time.monotonic()
        for event in trainer.fit():
            if isinstance(event, Started):
                sizes = {"G": event.generator_parameters, "D": event.discriminator_parameters}
            if isinstance(event, Finished):
                kimg, seconds = event.kimg, event.seconds
        took, model = time.monotonic() - began, ganvas.open(run)
        yield Standing(minutes, seconds, took, kimg, sizes, drawer(model), recipe.latent_dim, bool(model.labels))


def drawer(model: ganvas.Model) -> Draw:
    """Its works as peers' nets paint theirs: levels in [-1, 1]."""
    return lambda z, label: as_levels(model.generator(z, label), model.config.recipe.tones)


def play_match(match: Match, points: Sequence[float], clock: Clock) -> Iterator[Standing]:
    """A peer's loop. Its learning rate, if it anneals, reaches its end at the last point."""
    origin, wall_origin = clock(), time.monotonic()
    losses = torch.zeros(2)
    for point in points:
        while (seconds := clock() - origin) < 60 * point:
            losses = match.step(seconds / (60 * points[-1]))
        if not is_sound(match, losses):
            raise NonFiniteLoss(f"{match.peer.name}: a loss or weight is no number by {match.images / 1000:.1f} kimg.")
        paused, wall_paused = clock(), time.monotonic()
        yield Standing(
            minutes=point,
            cpu_seconds=paused - origin,
            wall_seconds=wall_paused - wall_origin,
            kimg=match.images / 1000,
            parameters=match.parameters(),
            draw=match.drawer(),
            latent_dim=match.peer.latent_dim,
            is_conditional=match.labels > 0,
        )
        origin, wall_origin = origin + clock() - paused, wall_origin + time.monotonic() - wall_paused


def is_sound(match: Match, losses: Tensor) -> bool:
    """Whether the losses and all of G's weights are numbers."""
    weights = (bool(torch.isfinite(weight).all()) for weight in match.G.parameters())
    return all(math.isfinite(loss) for loss in losses.tolist()) and all(weights)
