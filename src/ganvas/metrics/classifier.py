"""What a classifier can learn from works, and what it sees in them: two scores for models with labels."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import scores
from ..tensors import as_floats, seeded, to_uint8
from .score import Estimate, Pair, Score, Side, at_once, linear_bootstrap, of_share

SIDE_PX = 32
"""Larger pictures are shrunk to it."""
PICTURES_SEEN = 30_000
"""In training, whatever the number of pictures; so no more than these are kept."""
BATCH, LEARNING_RATE = 50, 1e-2
SHIFT_PX = 2
LEAST_PER_LABEL = 20
REFITS = 4
"""Further trainings on resampled pictures, which tell how much hangs on them and on chance."""


class Classifier(nn.Module):
    """Three convolutions and a linear layer: 98.5% on MNIST after 30,000 pictures, in 4 CPU-seconds."""

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        self.strokes = nn.Conv2d(channels, 8, 5, stride=2, padding=2, bias=False)
        self.corners = nn.Conv2d(8, 16, 3, padding=1, bias=False)
        self.parts = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in (8, 16, 32))
        self.decide = nn.Linear(32 * 4 * 4, labels)

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) in [-1, 1] -> (n, labels) logits."""
        x = F.relu(self.norms[0](self.strokes(pictures)))
        x = F.max_pool2d(F.relu(self.norms[1](self.corners(x))), 2)
        x = F.adaptive_max_pool2d(F.relu(self.norms[2](self.parts(x))), 4)
        return self.decide(x.flatten(1))


def shrunk(side: Side, indices: np.ndarray, pair: Pair) -> np.ndarray:
    """uint8 (k, h, w, C): the pictures `indices`, no side longer than SIDE_PX."""
    share = SIDE_PX / max(pair.shape[1:])
    if share >= 1:
        return side.pictures(indices)
    size = [max(8, round(side_px * share)) for side_px in pair.shape[1:]]
    step, parts = at_once(pair.shape), []
    for start in range(0, len(indices), step):
        x = as_floats(side.pictures(indices[start : start + step]), pair.device)
        parts.append(to_uint8(F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)))
    return np.concatenate(parts)


def trained(pictures: np.ndarray, labels: np.ndarray, label_count: int, device: torch.device, seed: int) -> Classifier:
    """A classifier of uint8 pictures (k, h, w, C) with labels (k,) >= 0; each batch is shifted a little.

    The same each time on a CPU.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeded(seed, "classifier").initial_seed())
        net = Classifier(pictures.shape[3], label_count).to(device)
    steps, rng = PICTURES_SEEN // BATCH, seeded(seed, "classifier", "batches")
    optimizer = torch.optim.Adam(net.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(labels), (BATCH,), generator=rng).numpy()
        right, down = torch.randint(-SHIFT_PX, SHIFT_PX + 1, (2,), generator=rng).tolist()
        x = as_floats(pictures[chosen], device).roll((down, right), dims=(2, 3))
        loss = F.cross_entropy(net(x), torch.from_numpy(labels[chosen]).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


def classifiers(pair: Pair, side: Side) -> list[Classifier]:
    """One that learned from the labelled pictures of `side`, then REFITS that learned from resamples of them."""
    rng = np.random.default_rng(0)
    known = rng.permutation(np.flatnonzero(side.labels >= 0))[:PICTURES_SEEN]
    pictures, labels = shrunk(side, known, pair), side.labels[known]
    of = len(pair.label_names), pair.device
    nets = [trained(pictures, labels, *of, 0)]
    for refit in range(1, 1 + REFITS):
        again = rng.integers(0, len(known), len(known))
        nets.append(trained(pictures[again], labels[again], *of, refit))
    return nets


@torch.inference_mode()
def named_right(nets: Sequence[Classifier], side: Side, pair: Pair) -> np.ndarray:
    """(nets, k) float64: 1 for each labelled picture of `side` whose label the net names."""
    known = np.flatnonzero(side.labels >= 0)
    step, found = at_once(pair.shape), []
    for start in range(0, len(known), step):
        chosen = known[start : start + step]
        x = as_floats(shrunk(side, chosen, pair), pair.device)
        named = torch.stack([net(x).argmax(dim=1) for net in nets]).cpu().numpy()
        found.append(named == side.labels[chosen])
    return np.concatenate(found, axis=1).astype(np.float64)


def estimate(right: np.ndarray) -> Estimate:
    """right: (1 + REFITS, k) of `classifiers`. The share of the first one.

    Its interval covers the choice of the k pictures, by the bootstrap, and what the classifier learned from, by the
    spread of the refits: a Student's t as wide as the few of them demand. Of refits on resamples only the spread is
    used, as they see fewer different pictures and are a little worse.
    """
    value, spread = right[0].mean(), right[1:].mean(axis=1).std(ddof=1)
    replicates = linear_bootstrap(value, of_share(right[0]))
    replicates += spread * np.random.default_rng(1).standard_t(REFITS - 1, len(replicates))
    return Estimate.of(value, replicates, (0.0, 1.0))


class Labelled(Score):
    """Base of the two."""

    question = "Does it obey?"
    better = "higher"
    as_percent = True
    limits = (0.0, 1.0)
    uses_features = False
    least = 1000

    def missing(self, pair: Pair) -> str | None:
        if not pair.label_names:
            return "the model learned without labels"
        if len(pair.label_names) == 1:
            return "there is only one label"
        sides = [pair.works, pair.reference] + ([pair.stand_ins] if pair.stand_ins else [])
        counts = [np.bincount(side.labels[side.labels >= 0], minlength=len(pair.label_names)) for side in sides]
        fewest = np.min(counts, axis=0)
        if fewest.min() < LEAST_PER_LABEL:
            rarest = pair.label_names[fewest.argmin()]
            return f"needs {LEAST_PER_LABEL} works and real pictures of each label, has {fewest.min()} of {rarest!r}"
        return super().missing(pair)

    def share(self, pair: Pair, learned: Side, tested: Side) -> Estimate:
        """Of the pictures of `tested` that a classifier names right which learned from `learned`."""
        nets = pair.once(("classifiers", learned), lambda: classifiers(pair, learned))
        return estimate(named_right(nets, tested, pair))


@scores.register("accuracy")
class Accuracy(Labelled):
    """The classification accuracy score; Shmelkov et al. 2018 call it GAN-train."""

    name = "accuracy"
    title = "Classifier accuracy"
    sentence = "A classifier that learned from works alone names this share of real pictures right."
    source = "Ravuri & Vinyals 2019"

    def measure(self, pair: Pair) -> Estimate:
        return self.share(pair, pair.works, pair.reference)

    def floor(self, pair: Pair, stand_ins: Pair) -> Estimate:
        return self.share(pair, stand_ins.works, pair.reference)  # by `pair`, so that the agreement learns no more


@scores.register("agreement")
class Agreement(Labelled):
    """GAN-test of Shmelkov et al. 2018. Works, too, that lie where no real picture is can be named right."""

    name = "agreement"
    title = "Label agreement"
    sentence = "Asked for a label, the model draws it: a classifier that learned from real pictures agrees this often."
    source = "Shmelkov et al. 2018, sect. 3"

    def missing(self, pair: Pair) -> str | None:
        if pair.label_names and pair.stand_ins is None:
            return "there are no other real pictures to learn from"
        return super().missing(pair)

    def measure(self, pair: Pair) -> Estimate:
        assert pair.stand_ins is not None
        return self.share(pair, pair.stand_ins, pair.works)

    def floor(self, pair: Pair, stand_ins: Pair) -> Estimate:
        """The same classifier on real pictures that it did not learn from."""
        assert pair.stand_ins is not None
        return self.share(pair, pair.stand_ins, pair.reference)
