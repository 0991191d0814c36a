"""The doctor proved: healthy runs and runs that were made to fail, on real pictures.

    python bench/doctor.py DATA        all: five healthy runs, five that fail; into bench/results/doctor.json
    python bench/doctor.py DATA --only "gamma 0" --vitals vitals.jsonl     one, with all that was measured

DATA: as `ganvas prepare` takes it, with labels: `digits`, or a folder with MNIST's files. Each run is a `canvas` run of
--kimg thousand pictures with --doctor warn, in a temporary folder. A failure counts as found when one of the findings
that are named for it is told at all; a finding on a healthy run is a false alarm. Exits with 1 when either goes wrong.
The cost is the checks' share of the run's time, previews and checkpoints counted in.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import ganvas
from ganvas.api import make_trainer
from ganvas.config import Conditions, Recipe
from ganvas.dataset import Dataset, prepare
from ganvas.errors import NonFiniteLoss
from ganvas.nets.residual import Residual
from ganvas.registry import nets
from ganvas.training.doctor import NON_FINITE
from ganvas.training.events import Diagnosed
from ganvas.training.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "doctor.json"
FEW = 40
"""Pictures of the case "30 works": a quarter is held out."""


class OneLayer(nn.Module):
    """A D that is a weighted sum of pixels."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.linear = nn.Linear(prod(shape), 1)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        return self.linear(pictures.flatten(1))[:, 0]


@nets.register("one-layer")
@dataclass(frozen=True)
class ResidualAgainstOneLayer(Residual):
    """The usual G, with a D that cannot see more than the mean picture."""

    family: ClassVar[str] = "one-layer"

    def discriminator(self, shape: tuple[int, int, int], asked: int | Conditions) -> nn.Module:
        return OneLayer(shape)


@dataclass(frozen=True)
class Case:
    """A run, and what the doctor should say of it: one of `expected`; nothing, when there is none."""

    name: str
    expected: tuple[str, ...]
    recipe: Callable[[Recipe], Recipe] = lambda recipe: recipe
    pictures: Callable[[Dataset, Path], Dataset] = lambda dataset, folder: dataset
    break_at: float | None = None
    """Progress from which on the run gets pictures of one class only."""
    labels: bool = True
    seed: int = 0


def few(dataset: Dataset, folder: Path) -> Dataset:
    """The first pictures of each label in turn, as files in a folder."""
    places = np.concatenate([np.flatnonzero(dataset.labels == label)[: FEW // 10] for label in range(10)])
    for number, picture in enumerate(dataset.batch(places)):
        path = folder / str(dataset.labels[places[number]]) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.squeeze()).save(path)
    height, width = dataset.size
    return prepare(folder, f"{width}x{height}")


def lr_by_100(recipe: Recipe) -> Recipe:
    lr_g, lr_d = 100 * recipe.generator_lr, 100 * recipe.discriminator_lr
    return dataclasses.replace(recipe, generator_lr=lr_g, discriminator_lr=lr_d)


def without_penalty(recipe: Recipe) -> Recipe:
    return dataclasses.replace(recipe, r1_gamma=0.0, r2_gamma=0.0)


def one_layer(recipe: Recipe) -> Recipe:
    assert isinstance(recipe.net, Residual)
    return dataclasses.replace(
        recipe, matching=0.0, net=ResidualAgainstOneLayer(recipe.net.width, recipe.net.max_width)
    )


def quarter_held_out(recipe: Recipe) -> Recipe:
    return dataclasses.replace(recipe, holdout=0.25)


CASES = [
    *[Case(f"healthy, seed {seed}", (), seed=seed) for seed in range(5)],
    Case("lr x100", ("too-strong", "out-of-range", "far", NON_FINITE), lr_by_100),
    Case("gamma 0", ("too-strong", "collapse"), without_penalty),
    Case("D of one layer", ("too-weak", "stalled"), one_layer),
    Case("30 works", ("overfitting", "copying"), quarter_held_out, few),
    Case("one class from a third on", ("collapse",), break_at=1 / 3, labels=False),
]


@dataclass(frozen=True)
class Result:
    """What the doctor said of a run."""

    case: str
    findings: dict[str, int]
    """Steps at the first telling of each."""
    found_after: int | None
    """Steps from the failure's beginning until one of the expected findings was told."""
    steps: int
    doctor_share: float
    seconds: float

    def is_right(self, case: Case) -> bool:
        return self.found_after is not None if case.expected else not self.findings


def run(case: Case, dataset: Dataset, recipe: Recipe, kimg: float, vitals: Path | None) -> Result:
    """Trains it in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        data = case.pictures(dataset, Path(folder) / "pictures")
        changed, out = case.recipe(recipe), Path(folder) / "run"
        trainer = make_trainer(
            data, changed, kimg=kimg, out=out, seed=case.seed, labels=case.labels, clock=time.process_time
        )
        start = int((case.break_at or 0) * kimg * 1000) // recipe.batch_size
        if case.break_at is not None:
            break_feed(trainer, start)
        findings: dict[str, int] = {}
        began = time.process_time()
        try:
            for event in trainer.fit():
                if isinstance(event, Diagnosed):
                    findings.setdefault(event.name, trainer.images // recipe.batch_size)
                    print(f"  {trainer.images // recipe.batch_size} steps: {event.sentence}", flush=True)
        except NonFiniteLoss:
            findings.setdefault(NON_FINITE, trainer.images // recipe.batch_size)
        seconds = time.process_time() - began
    if vitals is not None:
        with vitals.open("a") as file:
            for one in trainer.ward.history:
                file.write(json.dumps({"case": case.name, **dataclasses.asdict(one)}) + "\n")
    right = [steps for name, steps in findings.items() if name in case.expected]
    found_after = min(right) - start if right else None
    share = trainer.ward.seconds / seconds
    return Result(case.name, findings, found_after, trainer.images // recipe.batch_size, share, seconds)


def break_feed(trainer: Trainer, start: int) -> None:
    """From the step `start` on the run gets pictures of one class."""
    step, batches = trainer._step, trainer.batches
    kind = trainer.dataset.labels[trainer.train_works] == 3
    one_class = trainer.train_works[kind]

    def broken() -> Tensor:
        if trainer.images // trainer.recipe.batch_size == start:
            batches.indices, batches._order = one_class, (-1, one_class)
        return step()

    trainer._step = broken  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--kimg", type=float, default=24.0)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--only", nargs="*", default=[], help="names of cases, or their beginnings")
    parser.add_argument("--vitals", type=Path, help="a file to which all measurements are added")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    dataset = prepare(asked.data)
    recipe = dataclasses.replace(ganvas.recipe("canvas"), net=Residual(width=asked.width))
    wrong, results = [], []
    for case in CASES:
        if asked.only and not any(case.name.startswith(name) for name in asked.only):
            continue
        print(case.name, flush=True)
        result = run(case, dataset, recipe, asked.kimg, asked.vitals)
        results.append(dataclasses.asdict(result))
        if not result.is_right(case):
            wrong.append(case.name)
        after = "" if result.found_after is None else f", found after {result.found_after} steps"
        print(f"  {result.steps} steps, the checks took {result.doctor_share:.2%}{after}", flush=True)
    if not asked.only:
        about = {"data": dataset.source, "digest": dataset.digest, "kimg": asked.kimg, "width": asked.width}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"torch": torch.__version__, **about, "runs": results}, indent=2) + "\n")
    sys.exit(f"Not as it should be: {', '.join(wrong)}." if wrong else 0)


if __name__ == "__main__":
    main()
