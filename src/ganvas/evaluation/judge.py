"""A run's scores while it learns: on its validation pictures, quickly, and never on the test split."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..dataset import Dataset
from ..drawing import Drawer
from ..errors import UsageError
from ..metrics.rows import Rows
from ..metrics.score import Pair, Side
from ..run_config import RunConfig
from .choice import LEAST, Choice, Part, shuffled
from .collect import Collector, quietly
from .evaluate import all_scores, collected, extractor_for, score_all, shared_folder
from .team import Team

WORKS = 2000
"""Compared at most: a compromise between the time that it takes and the noise."""
FIRST_SEED = 10**9
"""Other works than those that a later evaluation draws."""
SCORES = ("frechet", "kernel", "precision", "recall", "coverage", "copying")
"""Those that take seconds, once the real pictures have been seen."""


class Judge:
    """Scores a generator against pictures kept from training. Runs in one process."""

    def __init__(self, config: RunConfig, choice: Choice, best_by: str, device: torch.device) -> None:
        self.config, self.choice, self.device = config, choice, device
        self.best_by = best_by
        self.scores = all_scores((*SCORES, best_by))
        self.lower_is_better = next(score.better for score in self.scores if score.name == best_by) == "lower"
        self.extractor, _ = extractor_for(choice, None, None, config.recipe)
        self._check()

    def __call__(self, generator: nn.Module, kimg: float) -> dict[str, Any]:
        """What metrics.jsonl keeps. The same seeds each time, so that what differs is the generator."""
        began = time.monotonic()
        drawer = Drawer(generator, self.config, "the run", self.device)
        alone = Team(None)  # the other processes of a training wait
        with shared_folder(alone) as folder:
            collector = Collector(self.extractor, self.device, folder, alone, quietly)
            pair = collected(collector, drawer, self.choice, FIRST_SEED, True)
            found = score_all(pair, self.scores, (self.extractor.name, collector.sha256))
        return {
            "scores": {line.score: line.works.value for line in found.lines},
            "intervals": {line.score: [line.works.low, line.works.high] for line in found.lines},
            "floors": {line.score: line.real.value for line in found.lines},
            "left_out": {one.score: one.reason for one in found.left_out},
            "count": len(self.choice.reference),
            "features": self.extractor.name,
            "features_sha256": collector.sha256,
            "took_seconds": time.monotonic() - began,
        }

    def _check(self) -> None:
        """Raises UsageError now, not after the first minutes, when the deciding score cannot be told."""
        side = self._empty(self.choice.reference)
        training, held_out = (
            self._empty(part).features for part in (self.choice.training, self.choice.held_out) if part
        )
        names = self.config.label_names
        pair = Pair(side, side, self.config.shape, names, self.device, stand_ins=side)
        pair = replace(pair, training=training, held_out=held_out)
        reason = next(score for score in self.scores if score.name == self.best_by).missing(pair)
        if reason is not None:
            raise UsageError(f"--best-by {self.best_by}: {reason}. Choose another score, such as kernel.")

    def _empty(self, part: Part) -> Side:
        """Rows without a file: as many as there will be."""
        rows = Rows(Path("none"), (len(part), self.extractor.dim), "float32")
        return Side(rows, part.labels(self.config.label_names), part.pictures)


def validation(config: RunConfig, dataset: Dataset) -> Choice:
    """The held-out pictures that are no test pictures, to compare with; training pictures for the floor.

    Raises UsageError when there are too few.
    """
    train, held = dataset.split(config.recipe.holdout, config.seed)
    tests = np.isin(dataset.content, dataset.content[dataset.is_test])
    kept = shuffled(held[~tests[held]])
    if len(kept) < LEAST:
        way = "Give a larger --holdout, or leave it out" if len(dataset) >= 2 * LEAST else "Leave it out"
        raise UsageError(
            f"--evaluate-every needs at least {LEAST} pictures kept from training, not counting test pictures; there "
            f"are {len(kept):,} of {len(dataset):,}. {way}."
        )
    n = min(len(kept), len(train), WORKS)
    return Choice(
        reference=Part(dataset, kept[:n]),
        stand_ins=Part(dataset, shuffled(train)[:n]),
        training=Part(dataset, train),
        held_out=Part(dataset, kept),
        compared_with=f"{n:,} validation pictures",
        warnings=(),
    )


def make_judge(config: RunConfig, dataset: Dataset, best_by: str, device: torch.device) -> Judge:
    """The judge of a run. Raises UnknownName, UsageError for a score that cannot be told with so few pictures."""
    return Judge(config, validation(config, dataset), best_by, device)
