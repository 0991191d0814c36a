"""Diversity by pairs: how unlike two works are, on average; within a label where there are labels."""

import importlib.util

import numpy as np
import torch

from ..registry import scores
from ..tensors import as_floats
from .rows import BLOCK
from .score import Estimate, Pair, Score, Side, linear_bootstrap

PARTNERS = 10
"""Others that each work is compared with."""
MS_SSIM_PAIRS = 2000
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales, fine to coarse. Wang et al. 2003, sect. 3.2."""
WINDOW_PX = 11


def partners(labels: np.ndarray, count: int) -> np.ndarray:
    """(n, count) indices: for each picture others, of the same label where there are enough; the same each time.

    Pictures are laid in a row, shuffled and then sorted by label; partners are those at fixed steps ahead within the
    label. So every picture is a partner as often as it has partners.
    """
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(len(labels))
    found = np.empty((len(labels), count), np.int64)
    for label in np.unique(labels):
        group = shuffled[labels[shuffled] == label]
        steps = 1 + np.arange(count) % max(len(group) - 1, 1)
        for column, step in enumerate(steps):
            found[group, column] = np.roll(group, -step)
    return found


@scores.register("diversity")
class Diversity(Score):
    name = "diversity"
    title = "Pairwise diversity"
    question = "How varied?"
    sentence = (
        "How unlike two works of the same label are, in their features; real pictures show how unlike they should be."
    )
    source = "Zhu et al. 2017, sect. 4"
    better = "higher"

    def measure(self, pair: Pair) -> Estimate:
        side = pair.works
        others = partners(side.labels, PARTNERS)
        moved = np.zeros(len(side))
        for start, block in side.features.blocks(BLOCK // PARTNERS):
            indices = others[start : start + len(block)]
            apart = np.linalg.norm(
                block[:, None] - side.features.take(indices.ravel()).reshape(*indices.shape, -1), axis=2
            )
            moved[start : start + len(block)] += apart.mean(axis=1)
            np.add.at(moved, indices.ravel(), apart.ravel() / PARTNERS)
        value = float(moved.mean() / 2)
        return Estimate.of(value, linear_bootstrap(value, moved), self.limits)


@scores.register("ms_ssim")
class MsSsim(Score):
    """Mean multi-scale structural similarity of pairs of works; torchmetrics computes it."""

    name = "ms_ssim"
    title = "MS-SSIM of pairs"
    question = "How varied?"
    sentence = "How alike two works of the same label are, pixel by pixel; 1 would be the same picture again and again."
    source = "Odena et al. 2017, sect. 4.2"
    better = "lower"
    limits = (-1.0, 1.0)
    uses_features = False

    def missing(self, pair: Pair) -> str | None:
        if importlib.util.find_spec("torchmetrics") is None:
            return "needs torchmetrics: pip install 'ganvas[metrics]'"
        return super().missing(pair)

    def measure(self, pair: Pair) -> Estimate:
        side = pair.works
        chosen = np.random.default_rng(0).permutation(len(side))[:MS_SSIM_PAIRS]
        others = partners(side.labels, 1)[chosen, 0]
        alike = [similarity(side, a, b, pair.device) for a, b in batched(chosen, others, 100)]
        values = np.concatenate(alike)
        value = float(values.mean())
        # The two works of a pair come and go together, which counts each work's part once.
        return Estimate.of(value, linear_bootstrap(value, values), self.limits)


def batched(a: np.ndarray, b: np.ndarray, size: int):
    for start in range(0, len(a), size):
        yield a[start : start + size], b[start : start + size]


def similarity(side: Side, a: np.ndarray, b: np.ndarray, device: torch.device) -> np.ndarray:
    """(k,) MS-SSIM of pictures a and b, by as many of the five scales as fit into the picture."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim

    x, y = (as_floats(side.pictures(indices), device).add(1).div(2) for indices in (a, b))
    scales = 1
    while scales < len(SCALE_WEIGHTS) and min(x.shape[2:]) // 2**scales >= WINDOW_PX:
        scales += 1
    weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    found = ms_ssim(x, y, data_range=1.0, betas=tuple(weights.tolist()), reduction="none", normalize="relu")
    return found.double().cpu().numpy()
