"""How bench/quality.py measures: works of a generator beside real test pictures, through two independent features.

Everything that is not about this bench is the library's: which real pictures, features on the disk, scores, intervals.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from second_classifier import read, second_classifier  # pyrefly: ignore[missing-import]
from torch import Tensor

from ganvas.api import run_config
from ganvas.config import Budget
from ganvas.dataset import Dataset
from ganvas.evaluation.choice import Choice, choose
from ganvas.evaluation.collect import Collector
from ganvas.evaluation.evaluate import all_scores, extractor_for, score_all, shared_folder
from ganvas.evaluation.team import Team
from ganvas.features.extractor import Extractor
from ganvas.metrics.score import Estimate, Pair, Side, linear_bootstrap, of_share
from ganvas.registry import recipes
from ganvas.tensors import CPU, seeded, to_uint8
from ganvas.training.events import rounded

SCORES = ("frechet", "precision", "recall", "coverage")
DRAWN_AT_ONCE = 100
HOLDOUT = 0.1
"""Share of the pictures kept from all players besides the test split: what `ganvas train` does by default."""
HOLDOUT_WITHOUT_TEST = 0.45
"""Where there is no test split: so many that a Fréchet distance, which takes 2,000, can be told of the 5,000 digits."""

Draw = Callable[[Tensor, Tensor], Tensor]
"""z (n, latent_dim), labels (n,) in [0, labels] -> works (n, C, H, W) in [-1, 1]."""


def holdout(dataset: Dataset) -> float:
    """The share that no player learns from, besides the test split."""
    return HOLDOUT if dataset.is_test.any() else HOLDOUT_WITHOUT_TEST


def real_parts(dataset: Dataset, count: int, seed: int) -> Choice:
    """Test pictures to compare with, training pictures for the floor. Raises DataError when there are too few."""
    recipe = replace(recipes.get("canvas")(), holdout=holdout(dataset))  # of which nothing but the holdout matters here
    config = run_config(dataset, recipe, Budget("minutes", 1.0), seed, labels=True)
    return choose(config, dataset, None, count, "held-out")


@dataclass
class Space:
    """One pair of eyes, and the real pictures as it sees them."""

    extractor: Extractor
    collector: Collector
    reference: Side
    stand_ins: Side
    memo: dict[Any, Any] = field(default_factory=dict)

    @property
    def reads_labels(self) -> bool:
        return hasattr(self.extractor, "classify")


class Measuring:
    """Scores generators against the same real pictures, as often as wanted. See `measuring`."""

    def __init__(self, dataset: Dataset, count: int, seed: int, folder: Path) -> None:
        self.dataset, self.names = dataset, dataset.label_names
        self.choice = real_parts(dataset, count, seed)
        first, self.warnings = extractor_for(self.choice, None, None)
        train, test = learned_and_unseen(dataset, seed)
        self.second = second_classifier(dataset, train, test)
        self.spaces = [self._space(extractor, folder) for extractor in (first, self.second.net)]
        self.labels = self.choice.reference.labels(self.names)
        """(n,) of the works: those of the real pictures that they are compared with."""

    def _space(self, extractor: Extractor, above: Path) -> Space:
        folder = above / extractor.name
        folder.mkdir()
        collector = Collector(extractor, CPU, folder, Team(None))
        reference = collector.real(self.choice.reference, "reference", self.names)
        return Space(extractor, collector, reference, collector.real(self.choice.stand_ins, "stand-ins", self.names))

    def __len__(self) -> int:
        """Works compared."""
        return len(self.choice.reference)

    def about(self) -> dict[str, Any]:
        """What the JSON says about the measuring, the same for all players."""
        return {
            "compared with": self.choice.compared_with,
            "works": len(self),
            "features": {space.extractor.name: space.collector.sha256 for space in self.spaces},
            "second classifier, accuracy on unseen pictures": round(self.second.accuracy, 4),
            "warnings": [*self.choice.warnings, *self.warnings],
        }

    def drawn(self, draw: Draw, latent_dim: int, seed: int) -> np.ndarray:
        """(n, H, W, C) uint8: a work for each of `labels`."""
        asked = torch.from_numpy(np.where(self.labels < 0, len(self.names), self.labels))
        parts = []
        for start in range(0, len(asked), DRAWN_AT_ONCE):
            label = asked[start : start + DRAWN_AT_ONCE]
            z = torch.randn(len(label), latent_dim, generator=seeded(seed, "quality", start))
            with torch.inference_mode():
                parts.append(to_uint8(draw(z, label)))
        return np.concatenate(parts)

    def measure(self, works: np.ndarray, is_conditional: bool, with_accuracy: bool) -> dict[str, Any]:
        """All that is told about these works (n, H, W, C), uint8, in the order of `labels`."""
        began = time.monotonic()
        labels = self.labels if is_conditional else np.full(len(works), -1)
        found: dict[str, Any] = {"spaces": {}}
        for space in self.spaces:
            found["spaces"][space.extractor.name] = self._scored(space, works, labels)
        if with_accuracy and is_conditional:
            found["accuracy"] = self._scores(self.spaces[0], works, labels, ("accuracy",)).get("accuracy")
        found["labels read"] = self._histogram(works)
        found["measuring took, s"] = time.monotonic() - began
        return rounded(found)

    def _scores(self, space: Space, works: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
        side = space.collector.made(lambda start, stop: works[start:stop], labels, self.dataset.shape)
        pair = Pair(side, space.reference, self.dataset.shape, self.names, CPU, stand_ins=space.stand_ins)
        pair.memo.update(space.memo)  # what is known of real pictures is computed once
        result = score_all(pair, all_scores(names), (space.extractor.name, space.collector.sha256))
        of_works = (side, side.features)
        space.memo = {key: value for key, value in pair.memo.items() if not _holds(key, of_works)}
        lines = {line.score: {**asdict(line.works), "floor": asdict(line.real)} for line in result.lines}
        return lines | {one.score: {"left out": one.reason} for one in result.left_out}

    def _scored(self, space: Space, works: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        found = self._scores(space, works, labels, SCORES)
        if space.reads_labels and (labels >= 0).any():
            reference = self.choice.reference
            real = reference.pictures(np.arange(len(reference)))
            found["agreement"] = {
                **asdict(self._agreement(space, works)),
                "floor": asdict(self._agreement(space, real)),
            }
        return found

    def _agreement(self, space: Space, pictures: np.ndarray) -> Estimate:
        """Share of the pictures, in the order of `labels`, in which the space's classifier reads the label asked."""
        known = self.labels >= 0
        named = self._read(space, pictures[known])
        right = (named == self.labels[known]).astype(np.float64)
        return Estimate.of(right.mean(), linear_bootstrap(right.mean(), of_share(right)), (0.0, 1.0))

    def _read(self, space: Space, pictures: np.ndarray) -> np.ndarray:
        """(n,) places in the labels' names; the library's classifier of digits answers with the digit itself."""
        answers = read(space.extractor, pictures)
        if space.extractor.name != "digits":
            return answers
        places = {name: place for place, name in enumerate(self.names)}
        return np.array([places.get(str(digit), -1) for digit in range(10)])[answers]

    def _histogram(self, works: np.ndarray) -> dict[str, Any]:
        """How often the second classifier reads each label in the works, and how rare and how frequent that is.

        The shares are told relative to those that it reads in the real pictures: 1 is right, 0 a label never drawn.
        """
        real = self.choice.reference.pictures(np.arange(len(self)))
        counts, expected = (
            np.bincount(self._read(self.spaces[1], pictures), minlength=len(self.names)) for pictures in (works, real)
        )
        ratio = (counts / len(works)) / np.maximum(expected / len(real), 1 / len(real))
        return {
            "counts": dict(zip(self.names, counts.tolist(), strict=True)),
            "rarest, relative to real": float(ratio.min()),
            "most frequent, relative to real": float(ratio.max()),
        }


def _holds(key: Any, parts: tuple[object, ...]) -> bool:
    """Whether a key of `Pair.once`, a name and what the thing is made of, has one of `parts` in it."""
    return any(any(part is one for one in parts) for part in key[1:])


def learned_and_unseen(dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What the second classifier learns from, and what its accuracy is told on.

    With a test split it learns from all other pictures, so that it is the same one for every seed.
    """
    if dataset.is_test.any():
        return dataset.split(0.0, 0)
    return dataset.split(HOLDOUT_WITHOUT_TEST, seed)


@contextmanager
def measuring(dataset: Dataset, count: int, seed: int) -> Iterator[Measuring]:
    """count: works, or as many as there are test pictures. Raises DataError, StorageError."""
    with shared_folder(Team(None)) as folder:
        yield Measuring(dataset, count, seed, folder)
