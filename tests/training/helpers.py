"""Tiny runs of the real thing."""

import dataclasses
from pathlib import Path

import numpy as np

from ganvas.api import make_trainer
from ganvas.config import NetConfig, Recipe
from ganvas.dataset import Dataset, prepare
from ganvas.nets.dcgan import Dcgan
from ganvas.nets.mlp import Mlp
from ganvas.nets.residual import Residual
from ganvas.registry import recipes
from ganvas.runs import Run
from ganvas.training.events import Event
from ganvas.training.trainer import Trainer

TINY_NETS: dict[str, NetConfig] = {
    "classic": Mlp(width=16, maxout_width=8),
    "dcgan": Dcgan(widths=(4, 6, 8)),
    "canvas": Residual(width=4),
}


def tiny(name: str = "canvas", **changes: object) -> Recipe:
    """The recipe with a net that trains in milliseconds."""
    recipe: Recipe = recipes.get(name)()
    small = {"net": TINY_NETS.get(name, recipe.net), "batch_size": 8, "latent_dim": 8}
    return dataclasses.replace(recipe, **{**small, **changes})  # type: ignore[arg-type]


def trainer(out: Path, recipe: Recipe | None = None, kimg: float | None = 0.08, **changes: object) -> Trainer:
    """A trainer on the shipped digits; 0.08 kimg are ten steps of 8."""
    arguments = {"minutes": None, "epochs": None, "seed": 0, "labels": True, "checkpoint_seconds": 60.0}
    data: Dataset = changes.pop("data", None) or prepare("digits")  # type: ignore[assignment]
    return make_trainer(data, recipe or tiny(), kimg=kimg, out=out, **{**arguments, **changes})  # type: ignore[arg-type]


def stop_after(trainer: Trainer, steps: int) -> list[Event]:
    """Runs `fit`, asking it to stop after that many steps of this sitting. returns: the events."""
    step, taken = trainer._step, 0

    def counted():
        nonlocal taken
        taken += 1
        if taken == steps:
            trainer.stop()
        return step()

    trainer._step = counted  # type: ignore[method-assign]
    return list(trainer.fit())


def final_arrays(run: Run) -> dict[str, np.ndarray]:
    """Everything the newest checkpoint holds."""
    latest = run.latest()
    assert latest is not None
    return {**latest.tensors(), **{f"ema.{name}": value for name, value in latest.ema().items()}}


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    """Bit for bit."""
    assert a.keys() == b.keys()
    different = [name for name in a if a[name].tobytes() != b[name].tobytes()]
    assert not different
