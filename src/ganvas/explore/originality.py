"""How near a picture is to what the model learned from, in units of what is too near to be new."""

import numpy as np
import torch

from ..dataset import Dataset
from ..drawing import BATCH, Drawer
from ..errors import UsageError
from ..evaluation.evaluate import ruled_out
from ..features.choose import default_features, make_features
from ..features.extractor import Extractor
from ..metrics.copying import LEAST_TRAINING, threshold
from ..metrics.neighbours import LEAST_HELD_OUT
from ..tensors import as_floats
from .near import Nearest

SAMPLE = 500
"""Pictures that decide which features to look through."""


def seen(extractor: Extractor, pictures: np.ndarray, device: torch.device) -> np.ndarray:
    """(n, dim) float32 features of (n, H, W, C) uint8."""
    with torch.inference_mode():
        parts = [
            extractor(as_floats(pictures[start : start + BATCH], device)).cpu().numpy()
            for start in range(0, len(pictures), BATCH)
        ]
    return np.concatenate(parts)


def distances(x: np.ndarray, others: np.ndarray, leave_out_self: bool = False) -> np.ndarray:
    """(n,) from each row of x to the nearest of the others; `leave_out_self`: x are the others."""
    found = []
    for start in range(0, len(x), BATCH):
        apart = exact_cdist(x[start : start + BATCH], others)
        if leave_out_self:
            rows = torch.arange(len(apart))
            apart[rows, rows + start] = torch.inf
        found.append(apart.min(dim=1).values.numpy())
    return np.concatenate(found)


def exact_cdist(x: np.ndarray, y: np.ndarray) -> torch.Tensor:
    """(n, m) distances from differences, so that a copy is at 0."""
    return torch.cdist(torch.from_numpy(x), torch.from_numpy(y), compute_mode="donot_use_mm_for_euclid_dist")


def make_nearest(drawer: Drawer, own: Dataset | None) -> Nearest:
    """Distances to the nearest training picture over that below which one in a hundred new pictures lies.

    As the score `copying` has it (`ganvas.metrics.copying`), through the features that suit the pictures. own: what the
    run learned from. Raises UsageError when it is not at hand, or too small to tell.
    """
    if own is None:
        raise UsageError(
            f"The pictures that {drawer.name} learned from are not at hand, so what is too near to them cannot be told."
        )
    config = drawer.config
    train, held = own.split(config.recipe.holdout, config.seed)
    if len(train) < LEAST_TRAINING:
        raise UsageError(f"{LEAST_TRAINING} pictures are needed to tell what is too near to them, not {len(train)}.")
    sample = np.random.default_rng(0).permutation(train)[:SAMPLE]
    barred = tuple(one.features for one in ruled_out(config.recipe))
    name, _ = default_features(own.batch(sample), own.labels[sample], own.label_names, barred)
    extractor = make_features(name, own.shape, None).to(drawer.device)
    parts = [train[start : start + BATCH] for start in range(0, len(train), BATCH)]
    known = np.concatenate([seen(extractor, own.batch(part), drawer.device) for part in parts])
    if len(held) >= LEAST_HELD_OUT:
        usual = distances(seen(extractor, own.batch(held), drawer.device), known)
    else:
        usual = distances(known, known, leave_out_self=True)
    too_near = max(threshold(usual), 1e-4 * float(np.median(usual)), 1e-12)

    def nearest(pictures: np.ndarray) -> np.ndarray:
        return distances(seen(extractor, pictures, drawer.device), known) / too_near

    return nearest
