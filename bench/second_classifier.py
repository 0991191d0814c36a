"""A second pair of eyes for bench/quality.py: a classifier of another design than the library's, trained on the spot.

    python bench/second_classifier.py --data mnist       trains it, or finds it in the cache; prints its test accuracy

No training of any player has seen it, and nothing in ganvas was tuned by it. Two features that share neither design nor
training and still agree on who is better are hard to fool (Kynkäänniemi et al. 2023 show how easily one is).

The net: residual blocks (He et al. 2016, fig. 2) with batch norm (Ioffe & Szegedy 2015) and SiLU, no pooling but a mean
over space at the end. Its features are that mean, each of the numbers scaled to mean 0 and variance 1 over real
training pictures. It learns labels from training pictures alone, shifted by up to 2 px; about two CPU-minutes on MNIST.
"""

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ganvas.dataset import Dataset, cache_folder, prepare
from ganvas.errors import DataError, GanvasError
from ganvas.features.extractor import Extractor, resize
from ganvas.files import make_folder, write_file
from ganvas.tensors import as_floats, seeded

SEED = 20_011
"""Of its weights and of its batches: no seed that anything else uses."""
SIDE_PX = 32
"""Larger pictures are shrunk to it."""
EPOCHS, LEAST_SEEN = 3, 60_000
"""Pictures seen in training: so many epochs, and no fewer pictures than that."""
BATCH, LEARNING_RATE, SHIFT_PX = 64, 4e-3, 2
LOOK_AT = 500
"""Pictures seen at once."""
SCALED_BY = 10_000
"""Training pictures that decide on the features' scale, at most."""


class Residue(nn.Module):
    """silu(x + norm(3x3(silu(norm(3x3(x)))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.first_norm, self.second_norm = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.first_norm(self.first(x)))
        return F.silu(x + self.second_norm(self.second(y)))


class Down(nn.Module):
    """Half the size by a convolution of stride 2, norm, SiLU."""

    def __init__(self, width_in: int, width_out: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width_out, kernel, stride=2, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(width_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.norm(self.conv(x)))


class Second(Extractor):
    """Pictures of one shape to 64 numbers (4 times `width`); `classify` goes on to a logit for each label."""

    name = "second"
    design = "1: three stages of a strided convolution and a residual block, batch norm, SiLU, mean over space"

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, labels: int, width: int = 16) -> None:
        super().__init__()
        self.dim = 4 * width
        self.layers = nn.Sequential(
            *(Down(channels, width, 5), Residue(width)),
            *(Down(width, 2 * width), Residue(2 * width)),
            *(Down(2 * width, 4 * width), Residue(4 * width)),
        )
        self.decide = nn.Linear(self.dim, labels)
        self.register_buffer("mean", torch.zeros(self.dim))
        self.register_buffer("deviation", torch.ones(self.dim))

    def gathered(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) in [-1, 1] -> (n, dim), not yet scaled."""
        share = min(1.0, SIDE_PX / max(pictures.shape[2:]))
        x = resize(pictures, *(max(8, round(side * share)) for side in pictures.shape[2:]))
        return self.layers(x).mean(dim=(2, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        return (self.gathered(pictures) - self.mean) / self.deviation

    def classify(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) pictures in [-1, 1] -> (n, labels) logits."""
        return self.decide(self.gathered(pictures))


@dataclass(frozen=True)
class Trained:
    """The classifier, and the share of pictures that it has not seen whose label it names."""

    net: Second
    accuracy: float


def labelled(dataset: Dataset, indices: np.ndarray) -> np.ndarray:
    """Those of the pictures `indices` that have a label. Raises DataError when there is none, or only one label."""
    known = indices[dataset.labels[indices] >= 0]
    if len(np.unique(dataset.labels[known])) < 2:
        raise DataError(f"{dataset.source}: the second classifier needs pictures of at least two labels.")
    return known


def learn(dataset: Dataset, train: np.ndarray, seen: int, width: int = 16) -> Second:
    """A classifier that has looked at `seen` of the pictures `train`, with repetition. The same each time on a CPU."""
    known = labelled(dataset, train)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeded(SEED, "second classifier").initial_seed())
        net = Second(dataset.shape[0], len(dataset.label_names), width).train()
    steps, rng = max(2, seen // BATCH), np.random.default_rng(SEED)
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    left = np.empty(0, np.int64)
    for _ in range(steps):
        while len(left) < BATCH:
            left = np.concatenate([left, rng.permutation(known)])
        chosen, left = left[:BATCH], left[BATCH:]
        right, down = rng.integers(-SHIFT_PX, SHIFT_PX + 1, 2).tolist()
        pictures = as_floats(dataset.batch(chosen)).roll((down, right), dims=(2, 3))
        loss = F.cross_entropy(net.classify(pictures), torch.from_numpy(dataset.labels[chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval().requires_grad_(False)
    scale(net, dataset, rng.permutation(known)[:SCALED_BY])
    return net


@torch.inference_mode()
def scale(net: Second, dataset: Dataset, indices: np.ndarray) -> None:
    """Sets the features' mean and deviation to those over these pictures. A number that never changes stays small."""
    parts = np.array_split(indices, -(-len(indices) // LOOK_AT))
    features = torch.cat([net.gathered(as_floats(dataset.batch(part))) for part in parts]).double()
    deviation = features.std(dim=0)
    net.mean.copy_(features.mean(dim=0))
    net.deviation.copy_(deviation.clamp_min(1e-3 * float(deviation.max())))


@torch.inference_mode()
def read(net: Any, pictures: np.ndarray) -> np.ndarray:
    """(n, H, W, C) uint8 -> (n,) the label that `net.classify` finds likeliest."""
    parts = np.array_split(pictures, max(1, -(-len(pictures) // LOOK_AT)))
    return np.concatenate([net.classify(as_floats(part)).argmax(dim=1).numpy() for part in parts])


def second_classifier(dataset: Dataset, train: np.ndarray, test: np.ndarray, seen: int | None = None) -> Trained:
    """The classifier of these pictures: out of the cache, or trained now and kept there.

    train, test: indices; what it learns from, and what its accuracy is told on.   seen: pictures looked at in training.
    The cache is named by what decides on the weights: pictures, which of them are learned from, and this very file.
    Raises DataError without labels, StorageError.
    """
    seen = max(EPOCHS * len(train), LEAST_SEEN) if seen is None else seen
    source = hashlib.sha256(Path(__file__).read_bytes() + f" {seen} {torch.__version__}".encode())
    source.update(np.sort(train).astype(np.int64).tobytes())
    folder = make_folder(cache_folder() / "second-classifier")
    path = folder / f"{dataset.digest[:16]}-{source.hexdigest()[:16]}.safetensors"
    if not path.exists():
        made = learn(dataset, train, seen)
        write_file(path, save(made.state_dict()))
    net = Second(dataset.shape[0], len(dataset.label_names))
    with safe_open(path, "pt") as file:
        net.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118, it is no dict
    net.eval().requires_grad_(False)
    known = labelled(dataset, test)
    return Trained(net, float((read(net, dataset.batch(known)) == dataset.labels[known]).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", help="labelled pictures, as `ganvas prepare` takes them; digits")
    asked = parser.parse_args()
    try:
        dataset = prepare(asked.data)
        train, test = dataset.split(0.0 if dataset.is_test.any() else 0.45, 0)
        found = second_classifier(dataset, train, test)
    except GanvasError as error:
        sys.exit(str(error))
    print(f"features {found.net.sha256()[:12]}: names {found.accuracy:.2%} of {len(test):,} unseen pictures right")


if __name__ == "__main__":
    main()
