"""What a classifier can learn from works, and what it sees in them: two scores for models with labels."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import scores
from ..tensors import as_floats, seeded
from .score import Estimate, Pair, Score, Side, linear_bootstrap

SIDE_PX = 32
"""Larger pictures are shrunk to it."""
PICTURES_SEEN = 60_000
"""In training, whatever the number of pictures."""
BATCH, LEARNING_RATE = 100, 3e-3
SHIFT_PX = 2
LEAST_PER_LABEL = 20
REFITS = 3


class Classifier(nn.Module):
    """Three convolutions, a pooling after each, and a linear layer."""

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        self.strokes = nn.Conv2d(channels, 32, 5, stride=2, padding=2)
        self.corners = nn.Conv2d(32, 64, 3, padding=1)
        self.parts = nn.Conv2d(64, 64, 3, padding=1)
        self.decide = nn.Linear(64 * 4 * 4, labels)

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) in [-1, 1] -> (n, labels) logits."""
        x = F.relu(self.strokes(pictures))
        x = F.max_pool2d(F.relu(self.corners(x)), 2)
        x = F.adaptive_max_pool2d(F.relu(self.parts(x)), 4)
        return self.decide(x.flatten(1))


def small(pictures: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (n, H, W, C) -> (n, C, h, w) in [-1, 1], no side longer than SIDE_PX."""
    x = as_floats(pictures, device)
    share = SIDE_PX / max(x.shape[2:])
    if share >= 1:
        return x
    size = [max(8, round(side * share)) for side in x.shape[2:]]
    return F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)


def trained(side: Side, labels: int, shape: tuple[int, int, int], device: torch.device, seed: int) -> Classifier:
    """A classifier of the labelled pictures of `side`, each shifted a little anew. The same each time on a CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeded(seed, "classifier").initial_seed())
        net = Classifier(shape[0], labels).to(device)
    known, rng = np.flatnonzero(side.labels >= 0), seeded(seed, "classifier", "batches")
    steps = PICTURES_SEEN // BATCH
    optimizer = torch.optim.Adam(net.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in range(steps):
        chosen = known[torch.randint(len(known), (BATCH,), generator=rng).numpy()]
        right, down = torch.randint(-SHIFT_PX, SHIFT_PX + 1, (2,), generator=rng).tolist()
        pictures = small(side.pictures(chosen), device).roll((down, right), dims=(2, 3))
        loss = F.cross_entropy(net(pictures), torch.from_numpy(side.labels[chosen]).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


@torch.inference_mode()
def right(net: Classifier, side: Side, device: torch.device) -> np.ndarray:
    """(k,) float64, 1 for each labelled picture of `side` whose label the classifier names."""
    known = np.flatnonzero(side.labels >= 0)
    found = []
    for chosen in np.array_split(known, -(-len(known) // 500)):
        named = net(small(side.pictures(chosen), device)).argmax(dim=1).cpu().numpy()
        found.append(named == side.labels[chosen])
    return np.concatenate(found).astype(np.float64)


class Labelled(Score):
    """Base of the two."""

    question = "Does it obey?"
    better = "higher"
    as_percent = True
    limits = (0.0, 1.0)
    uses_features = False
    least = 1000

    def missing(self, pair: Pair) -> str | None:
        if len(pair.label_names) < 2:
            return "the model learned without labels"
        sides = [pair.works, pair.reference] + ([pair.stand_ins] if pair.stand_ins else [])
        rarest = min(
            np.bincount(side.labels[side.labels >= 0], minlength=len(pair.label_names)).min() for side in sides
        )
        if rarest < LEAST_PER_LABEL:
            return f"needs {LEAST_PER_LABEL} pictures and works of each label, has {rarest} of the rarest"
        return super().missing(pair)

    def classifier(self, pair: Pair, side: Side) -> Classifier:
        return trained(side, len(pair.label_names), pair.shape, pair.device, seed=0)


@scores.register("accuracy")
class Accuracy(Labelled):
    """The interval covers which real pictures test it, and by three more trainings on resampled works their choice."""

    name = "accuracy"
    title = "Classifier accuracy"
    sentence = "A classifier that learned from works alone names this share of real pictures right."
    source = "Ravuri & Vinyals 2019"

    def measure(self, pair: Pair) -> Estimate:
        net = pair.once("learned from works", lambda: self.classifier(pair, pair.works))
        found = right(net, pair.reference, pair.device)
        return Estimate.of(found.mean(), linear_bootstrap(found.mean(), found), self.limits)


@scores.register("agreement")
class Agreement(Labelled):
    name = "agreement"
    title = "Label agreement"
    sentence = "Asked for a label, the model draws it: a classifier that learned from real pictures agrees this often."
    source = "Miyato & Koyama 2018, sect. 5"

    def missing(self, pair: Pair) -> str | None:
        return super().missing(pair) or (None if pair.stand_ins else "there are no other real pictures to learn from")

    def measure(self, pair: Pair) -> Estimate:
        raise NotImplementedError
