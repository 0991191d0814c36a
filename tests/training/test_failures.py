"""Real runs on the shipped digits, some made to fail: what the doctor says, and after how many steps.

Without labels, and with a check every 16 steps instead of every 128, so that a few hundred steps are enough.
bench/doctor.py does the same with the real recipe, in its full length.
"""

import dataclasses
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import pytest
import torch
from torch import nn

from ganvas.config import Recipe
from ganvas.nets.mlp import Mlp
from ganvas.nets.residual import Residual
from ganvas.registry import nets, recipes
from ganvas.training import ward
from ganvas.training.events import Diagnosed
from ganvas.training.trainer import Trainer

from .helpers import trainer

BATCH, EVERY, STEPS = 16, 16, 240


class OneLayer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.linear = nn.Linear(prod(shape), 1)

    def forward(self, pictures, label):
        return self.linear(pictures.flatten(1))[:, 0]


@nets.register("test-one-layer")
@dataclass(frozen=True)
class AgainstOneLayer(Residual):
    family: ClassVar[str] = "test-one-layer"

    def discriminator(self, shape, labels):
        return OneLayer(shape)


@nets.register("test-maxout")
@dataclass(frozen=True)
class AgainstMaxout(Residual):
    """A D with many weights."""

    family: ClassVar[str] = "test-maxout"

    def discriminator(self, shape, labels):
        return Mlp(maxout_width=128, pieces=2).discriminator(shape, labels)


def a_recipe(**changes: object) -> Recipe:
    small = {"net": Residual(width=8), "latent_dim": 16}
    return dataclasses.replace(recipes.get("canvas")(), **{**small, **changes})  # type: ignore[arg-type]


def told(one: Trainer) -> dict[str, int]:
    """Steps after which each finding was told first."""
    found: dict[str, int] = {}
    for event in one.fit():
        if isinstance(event, Diagnosed):
            found.setdefault(event.name, one.images // BATCH)
    return found


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(ward, "FEWEST_STEPS", EVERY)
    monkeypatch.setattr(ward, "PICTURES_PER_WORK", 0)


def a_run(out, recipe: Recipe, steps: int = STEPS, **changes: object) -> Trainer:
    return trainer(out, recipe, kimg=BATCH * steps / 1000, labels=False, **changes)


@pytest.mark.parametrize("seed", [0, 1])
def test_healthy_runs_are_not_called_ill(tmp_path, seed):
    one = a_run(tmp_path / "run", a_recipe(), seed=seed)
    assert told(one) == {}
    assert len(one.ward.history) == STEPS // EVERY - 1


def test_learning_rates_times_100(tmp_path):
    found = told(a_run(tmp_path / "run", a_recipe(generator_lr=0.2, discriminator_lr=0.2)))
    assert found["too-strong"] <= 112
    assert found["far"] <= 112


def test_no_gradient_penalty(tmp_path):
    """Against a D with many weights that learns fast; a small convolutional one holds out longer."""
    recipe = a_recipe(net=AgainstMaxout(width=8), r1_gamma=0.0, r2_gamma=0.0, discriminator_lr=5e-2)
    found = told(a_run(tmp_path / "run", recipe, steps=144))
    assert found["too-strong"] <= 128


def test_a_d_of_one_layer(tmp_path):
    found = told(a_run(tmp_path / "run", a_recipe(net=AgainstOneLayer(width=8))))
    assert min(found.get("too-weak", STEPS), found.get("stalled", STEPS)) <= 208


def test_one_class_only(tmp_path):
    """From step 80 on there are only threes to learn from: found by step 320, when G draws little else."""
    one = a_run(tmp_path / "run", a_recipe(), steps=420)
    step, threes = one._step, one.train_works[one.dataset.labels[one.train_works] == 3]

    def fed() -> torch.Tensor:
        if one.images == 80 * BATCH:
            one.batches.indices, one.batches._order = threes, (-1, threes)
        return step()

    one._step = fed  # type: ignore[method-assign]
    found = told(one)
    assert 80 < found["collapse"] <= 320
