"""Diversity by pairs: how unlike two works are, on average; within a label where there are labels."""

import importlib.util

import numpy as np
import torch

from ..registry import scores
from ..tensors import as_floats
from .neighbours import EXACT_AT_ONCE, exact_distances
from .score import Estimate, Pair, Score, Side, at_once, linear_bootstrap

PARTNERS = 10
"""Others that each work is compared with."""
MS_SSIM_PAIRS = 2000
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales, fine to coarse. Wang et al. 2003, sect. 3.2."""
WINDOW_PX = 11


def partners(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Works (w,) that have others of their label, and for each `count` of these, (w, count); the same each time.

    Where some have a label, those without one have no partners; where none has, all are partners.

    Pictures are laid in a row, shuffled and then sorted by label; partners are those at fixed steps ahead within the
    label. So every picture is a partner as often as it has partners. In a small group they come more than once.
    """
    shuffled = np.random.default_rng(0).permutation(len(labels))
    groups = [shuffled[labels[shuffled] == label] for label in np.unique(labels) if label >= 0 or labels.max() < 0]
    groups = [group for group in groups if len(group) > 1]
    steps = [1 + np.arange(count) % (len(group) - 1) for group in groups]
    others = [
        np.stack([np.roll(group, -step) for step in some], axis=1) for group, some in zip(groups, steps, strict=True)
    ]
    return np.concatenate(groups), np.concatenate(others)


def pair_influences(works: int, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(works,) how much each work's weight moves the mean of `values` (p,), those of the pairs a (p,) with b (p,).

    A work moves all its pairs, so each pair counts at both its works. What is a pair's own would then count twice: the
    influences are shrunk until it counts once. What two works have to do with it by themselves stays.
    """
    apart = values - values.mean()
    moved = np.bincount(a, apart, works) + np.bincount(b, apart, works)
    twice, own = np.square(moved).sum(), np.square(apart).sum()
    kept = max(twice - own, own) / twice if twice > 0 else 0.0
    return moved * np.sqrt(kept) * works / len(values)


class Pairwise(Score):
    """Base of the two."""

    question = "How varied?"

    def missing(self, pair: Pair) -> str | None:
        for side, who in ((pair.works, "works"), (pair.stand_ins, "real pictures")):
            if side is None:
                continue
            labels = side.labels[side.labels >= 0] if pair.label_names else side.labels
            _, sizes = np.unique(labels, return_counts=True)
            paired = int(sizes[sizes > 1].sum())
            if paired < self.least:
                return f"needs {self.least:,} {who} that share their label with another, has {paired:,}"
        return None


@scores.register("diversity")
class Diversity(Pairwise):
    name = "diversity"
    title = "Pairwise diversity"
    sentence = (
        "How unlike two works of the same label are, in their features; real pictures show how unlike they should be."
    )
    source = "Zhu et al. 2017, sect. 5.2"
    better = "higher"

    def measure(self, pair: Pair) -> Estimate:
        features = pair.works.features
        works, others = partners(pair.works.labels, PARTNERS)
        apart = np.empty(others.shape)
        step = max(1, EXACT_AT_ONCE // (PARTNERS * features.shape[1]))
        for start in range(0, len(works), step):
            part = slice(start, start + step)
            apart[part] = exact_distances(features.take(works[part]), features, others[part])
        moved = pair_influences(len(features), np.repeat(works, PARTNERS), others.ravel(), apart.ravel())
        return Estimate.of(apart.mean(), linear_bootstrap(apart.mean(), moved), self.limits)


@scores.register("ms_ssim")
class MsSsim(Pairwise):
    """Mean multi-scale structural similarity of pairs of works; torchmetrics computes it."""

    name = "ms_ssim"
    title = "MS-SSIM of pairs"
    sentence = "How alike two works of the same label are, pixel by pixel; 1 would be the same picture again and again."
    source = "Odena et al. 2017, sect. 4.2"
    better = "lower"
    limits = (0.0, 1.0)
    uses_features = False

    def missing(self, pair: Pair) -> str | None:
        if importlib.util.find_spec("torchmetrics") is None:
            return "needs torchmetrics: pip install 'ganvas[metrics]'"
        if min(pair.shape[1:]) < WINDOW_PX:
            return f"needs pictures of {WINDOW_PX} px and more, has {min(pair.shape[1:])} px"
        return super().missing(pair)

    def measure(self, pair: Pair) -> Estimate:
        works, others = partners(pair.works.labels, 1)
        chosen = np.random.default_rng(0).permutation(len(works))[:MS_SSIM_PAIRS]
        a, b = works[chosen], others[chosen, 0]
        step = at_once(pair.shape, 100)
        parts = [slice(start, start + step) for start in range(0, len(a), step)]
        values = np.concatenate([similarity(pair.works, a[part], b[part], pair.device) for part in parts])
        moved = pair_influences(len(pair.works), a, b, values)
        return Estimate.of(values.mean(), linear_bootstrap(values.mean(), moved), self.limits)


def scales_of(side_px: int) -> int:
    """How many of the five fit: the coarsest is halved n = scales - 1 times, and torchmetrics wants n^2 windows."""
    fitting = [n for n in range(1, len(SCALE_WEIGHTS)) if side_px // max(2**n, n**2) >= WINDOW_PX]
    return 1 + len(fitting)


def similarity(side: Side, a: np.ndarray, b: np.ndarray, device: torch.device) -> np.ndarray:
    """(k,) MS-SSIM of pictures a and b, by as many of the five scales as fit into the picture."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim

    x, y = (as_floats(side.pictures(indices), device).add(1).div(2) for indices in (a, b))
    scales = scales_of(min(x.shape[2:]))
    weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    found = ms_ssim(x, y, data_range=1.0, betas=tuple(weights.tolist()), reduction="none", normalize="relu")
    return found.double().cpu().numpy()
