"""Models whose works are known beforehand."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from ganvas.api import run_config
from ganvas.config import Budget
from ganvas.dataset import Dataset
from ganvas.evaluation.choice import Choice
from ganvas.evaluation.evaluate import all_scores, evaluate, extractor_for
from ganvas.evaluation.report import Report
from ganvas.evaluation.team import Team
from ganvas.run_config import RunConfig

from ..training.helpers import tiny


def config_of(dataset: Dataset, labels: bool = True, **changes: object) -> RunConfig:
    return run_config(dataset, tiny(**changes), Budget("kimg", 1), 0, labels)


class Shower:
    """In a Drawer's place: shows pictures (n, H, W, C) uint8 with labels (n,), the work of seed 3 being the fourth."""

    def __init__(self, config: RunConfig, pictures: np.ndarray, labels: np.ndarray) -> None:
        self.config, self.pictures, self._labels = config, pictures, labels
        self.labels, self.name, self.device = config.label_names, "shower", torch.device("cpu")

    def pixels(self, seeds: Sequence[int]) -> Iterator[np.ndarray]:
        yield self.pictures[list(seeds)]

    def label_numbers(self, seeds: Sequence[int]) -> list[int]:
        return self._labels[list(seeds)].tolist() if self.labels else [0] * len(seeds)


def evaluated(drawer, choice: Choice, names: Sequence[str], features: str | None = "digits") -> Report:
    extractor, warnings = extractor_for(choice, features, None, drawer.config.recipe)
    settings = {"kimg": 1.0, "seed": 0, "team": Team(None), "warnings": warnings}
    return evaluate(drawer, choice, all_scores(names), extractor, **settings)
