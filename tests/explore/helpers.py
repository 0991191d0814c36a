"""Untrained models, whose every layer changes the picture."""

import torch

from ganvas.config import Budget, Recipe
from ganvas.model import Model
from ganvas.opening import untrained
from ganvas.run_config import RunConfig
from ganvas.tensors import CPU
from tests.training.helpers import tiny

LABELS = ("circle", "square", "star")


def model(
    recipe: str | Recipe = "canvas", shape: tuple[int, int, int] = (3, 32, 32), labels: tuple[str, ...] = LABELS
) -> Model:
    made = tiny(recipe) if isinstance(recipe, str) else recipe
    counts = (1,) * len(labels)
    config = RunConfig(made, Budget("kimg", 1), 0, shape, labels, counts, "pictures", "0" * 64, ())
    torch.manual_seed(0)
    generator = untrained(config, "cpu")
    for weight in generator.parameters():
        if weight.ndim > 1 and not weight.any():
            torch.nn.init.normal_(weight, std=0.3)
    return Model(generator, config, "tried", 1.0, CPU)
