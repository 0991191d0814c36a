"""What is read off works for naming directions: attributes.py, and labels by a classifier of the model's own works."""

import numpy as np
import torch

from ..drawing import BATCH, Drawer
from ..metrics.classifier import SIDE_PX, Classifier, trained
from ..tensors import as_floats
from .attributes import measured
from .directions import Look
from .latent import of_seeds

EACH = 200
"""Works of each label that the classifier learns from."""
MOST_LABELS = 50
"""Models with more are not asked for their labels."""
FIRST_SEED = 2_000_000


def reader(drawer: Drawer) -> Look:
    """Attributes, and of models with 2 to 50 labels the probability of each ("label 7").

    The classifier learns from works as they were asked for, a few seconds; what it says is what the model means by a
    label.
    """
    labels = drawer.labels
    if not 2 <= len(labels) <= MOST_LABELS:
        return measured
    pictures, numbers = [], []
    for number, label in enumerate(labels):
        latents = of_seeds(drawer, range(FIRST_SEED, FIRST_SEED + EACH), label)
        for start in range(0, EACH, BATCH):
            part = np.stack([one.styles for one in latents[start : start + BATCH]])
            pictures.append(small(drawer.drawn(torch.from_numpy(part))))
            numbers += [number] * len(part)
    net = trained(np.concatenate(pictures), np.array(numbers), len(labels), drawer.device, seed=0)

    def look(shown: np.ndarray) -> dict[str, np.ndarray]:
        return measured(shown) | {f"label {labels[k]}": share for k, share in enumerate(shares(net, shown, drawer))}

    return look


def small(pictures: np.ndarray) -> np.ndarray:
    """Every so many pixels, so that no side is longer than twice what the classifier looks at."""
    step = max(1, max(pictures.shape[1:3]) // SIDE_PX)
    return np.ascontiguousarray(pictures[:, ::step, ::step])


@torch.inference_mode()
def shares(net: Classifier, pictures: np.ndarray, drawer: Drawer) -> np.ndarray:
    """(labels, n) probabilities."""
    parts = [small(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)]
    found = torch.cat([net(as_floats(part, drawer.device)).softmax(dim=1) for part in parts])
    return found.T.double().cpu().numpy()
