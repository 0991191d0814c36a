"""Which features to use, and to make them ready."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from .. import efficientnet
from ..errors import UsageError
from ..registry import features
from ..tensors import as_floats
from . import effnet
from .digits import Digits
from .extractor import Extractor
from .own import wrap

DIGITS = frozenset("0123456789")
AGREEMENT = 0.9
"""Share of labels that the classifier of digits must read from the pictures; of Fashion-MNIST's it reads about 10%."""
LEAST = 20
"""Labelled pictures, lest they agree by chance."""
BATCH = 500


def default_features(
    pictures: np.ndarray, labels: np.ndarray, label_names: tuple[str, ...], ruled_out: tuple[str, ...] = ()
) -> tuple[str, list[str]]:
    """The name of the features that suit these pictures best, and warnings.

    pictures: a sample, (n, H, W, C) uint8.   labels: (n,) int64, indices of `label_names`, -1 for none.
    ruled_out: names of features that may not judge here.
    """
    if "digits" not in ruled_out and are_digits(pictures, labels, label_names):
        return "digits", []
    if "effnet" in ruled_out:
        return "random", [
            "The features 'random' never learned to see, and notice little of what pictures show; 'effnet' did, but is "
            "no judge of a recipe that learned from it."
        ]
    if efficientnet.installed():
        return "effnet", []
    return "random", [
        "The features 'random' never learned to see, and notice little of what pictures show; 'effnet' did: "
        f"{effnet.INSTALL}"
    ]


def are_digits(pictures: np.ndarray, labels: np.ndarray, label_names: tuple[str, ...]) -> bool:
    """Whether they are grey, labelled 0 to 9, and look like their labels to the classifier of `digits`."""
    known = np.flatnonzero(labels >= 0)
    if pictures.shape[3] != 1 or not DIGITS.issuperset(label_names) or len(known) < LEAST:
        return False
    net = make_features("digits", (1, *pictures.shape[1:3]))
    assert isinstance(net, Digits)
    right, written = 0, np.array([int(name) for name in label_names])[labels[known]]
    with torch.inference_mode():
        for start in range(0, len(known), BATCH):
            read = net.classify(as_floats(pictures[known[start : start + BATCH]])).argmax(dim=1).numpy()
            right += int((read == written[start : start + BATCH]).sum())
    return right >= AGREEMENT * len(known)


def make_features(
    name_or_module: str | nn.Module, shape: tuple[int, int, int], weights: Path | None = None
) -> Extractor:
    """The features called so, or a module of the user's own as features, for (C, H, W) pictures; in eval mode.

    weights: a file, for features that take one.   Raises UnknownName; UsageError for weights that do not fit or that
    the features do not take, for packages that are missing and for a module that gives no features.
    """
    if isinstance(name_or_module, str):
        net = features.get(name_or_module)(shape, weights)
    elif weights is not None:
        raise UsageError(f"A module of your own has its weights, but {weights} was given too. Leave it out.")
    else:
        net = name_or_module if isinstance(name_or_module, Extractor) else wrap(name_or_module, shape)
    return net.eval().requires_grad_(False)
