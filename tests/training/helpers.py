"""Tiny runs of the real thing."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.api import make_trainer
from ganvas.config import Budget, NetConfig, Recipe
from ganvas.dataset import Dataset, prepare
from ganvas.nets.dcgan import Dcgan
from ganvas.nets.mlp import Mlp
from ganvas.nets.projected import Projected
from ganvas.nets.residual import Residual
from ganvas.nets.style import Style
from ganvas.nets.tokens import Tokens
from ganvas.registry import recipes
from ganvas.runs import Run
from ganvas.training.events import Event, Scored
from ganvas.training.judging import Judging
from ganvas.training.trainer import Trainer

TINY_NETS: dict[str, NetConfig] = {
    "classic": Mlp(width=16, maxout_width=8),
    "dcgan": Dcgan(widths=(4, 6, 8)),
    "canvas": Residual(width=4),
    "style": Style(width=4, max_width=8, style_dim=8, glance=8),
    "projected": Projected(width=4, head_width=4, see_px=32),
    "tokens": Tokens(kinds=12, details=2, width=4, dim=8, layers=2),
}


def tiny(name: str = "canvas", **changes: object) -> Recipe:
    """The recipe with a net that trains in milliseconds."""
    recipe: Recipe = recipes.get(name)()
    latent_dim = 64 if recipe.net.tokenizes else 8  # one for each code
    small = {"net": TINY_NETS.get(name, recipe.net), "batch_size": 8, "latent_dim": latent_dim}
    return dataclasses.replace(recipe, **{**small, **changes})  # type: ignore[arg-type]


def trainer(out: Path, recipe: Recipe | None = None, kimg: float | None = 0.08, **changes: object) -> Trainer:
    """A trainer on the shipped digits, or on any few pictures; 0.08 kimg are ten steps of 8."""
    data: Dataset = changes.pop("data", None) or prepare("digits")  # type: ignore[assignment]
    return make_trainer(data, recipe or tiny(), kimg=kimg, out=out, few=True, **changes)  # type: ignore[arg-type]


class FakeJudge:
    """A judge that takes no time.

    value: a score of (generator, kimg), by default a sum of weights.   name: the score's, by default `best_by`.
    """

    def __init__(
        self,
        value: Callable[[torch.nn.Module, float], float | None] | None = None,
        best_by: str = "kernel",
        lower_is_better: bool = True,
        features: str = "digits",
        name: str | None = None,
    ) -> None:
        self.value = value or (lambda generator, kimg: float(sum(w.double().sum() for w in generator.parameters())))
        self.best_by, self.lower_is_better, self.features = best_by, lower_is_better, features
        self.name = name or best_by
        self.seen: list[tuple[float, dict[str, torch.Tensor]]] = []
        """kimg and weights of every generator that was judged."""

    def __call__(self, generator: torch.nn.Module, kimg: float) -> dict[str, Any]:
        self.seen.append((kimg, {name: value.clone() for name, value in generator.state_dict().items()}))
        value = self.value(generator, kimg)
        ends = [None, None] if value is None else [value - 0.5, value + 0.5]
        return {
            "scores": {self.name: value, "swd": 0.125},
            "intervals": {self.name: ends, "swd": [0.0625, 0.25]},
            "left_out": {"vendi": "needs 500 works"},
            "count": 100,
            "features": self.features,
            "features_sha256": "0" * 64,
            "took_seconds": 0.25,
        }

    @property
    def kimg(self) -> list[float]:
        return [kimg for kimg, _ in self.seen]


def judged(
    out: Path, judge: FakeJudge, recipe: Recipe | None = None, every: Budget | None = None, **changes: object
) -> Trainer:
    """`trainer`, with a judge; by default after 24, 40, 64 and 80 of its 80 pictures."""
    plain = trainer(out, recipe, **changes)  # type: ignore[arg-type]
    judging = Judging(every or Budget("kimg", 0.02), judge)
    return Trainer(plain.run, plain.dataset, plain.checkpoint_seconds, judging)


VALUES = {0.024: 3.0, 0.04: 1.0, 0.064: 2.0, 0.08: 1.0}
"""What a judge may say of such a run."""


def scripted(values: dict[float, float] | None = None, **changes: Any) -> FakeJudge:
    """A judge that says what it is told to, by kimg."""
    return FakeJudge(lambda generator, kimg: (values or VALUES)[kimg], **changes)


def scored(events: Iterable[Event]) -> list[Scored]:
    return [event for event in events if isinstance(event, Scored)]


def metrics(run: Run) -> list[dict[str, Any]]:
    """metrics.jsonl, which must be JSON that any program reads."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (run.folder / "metrics.jsonl").read_text()
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def arrays_of(tensors: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in tensors.items()}


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
