"""Trains src/ganvas/features/digits.safetensors on the digits that come with ganvas: about two minutes.

    python scripts/train_digits_features.py --test PATH     PATH: MNIST's idx files, to print the accuracy on t10k

Pictures are turned, sheared, scaled and shifted at random, so that 5,000 are enough.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from ganvas.dataset import Dataset, prepare
from ganvas.features.digits import WEIGHTS, Digits
from ganvas.files import write_file
from ganvas.tensors import as_floats

EPOCHS, BATCH, LEARNING_RATE = 60, 100, 3e-3
TURN, SHEAR, SCALE, SHIFT = math.radians(15), 0.25, 0.15, 0.15


def bent(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Each picture through a random affine map."""
    n = len(pictures)
    turn, shear, scale, right, down = torch.rand(5, n, generator=rng) * 2 - 1
    turn, factor = turn * TURN, 1 + scale * SCALE
    cos, sin = turn.cos() * factor, turn.sin() * factor
    rows = [cos, -sin + shear * SHEAR, right * SHIFT, sin, cos, down * SHIFT]
    grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures + 1, grid, align_corners=False) - 1  # outside is black, -1


def accuracy(net: Digits, dataset: Dataset, indices: np.ndarray) -> float:
    with torch.inference_mode():
        right = [
            (net.classify(as_floats(dataset.batch(part))).argmax(1).numpy() == dataset.labels[part])
            for part in np.array_split(indices, -(-len(indices) // 500))
        ]
    return float(np.concatenate(right).mean())


@torch.no_grad()
def standardise(net: Digits, pictures: Tensor) -> None:
    """Scales the features to a mean variance of 1, so that distances are in readable units. The logits stay."""
    scale = net(pictures).var(dim=0).mean().sqrt()
    net.gather.weight /= scale
    net.gather.bias /= scale
    net.decide.weight *= scale  # a ReLU lets the scale pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", type=Path)
    asked = parser.parse_args()
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    dataset = prepare("digits")
    pictures = as_floats(np.asarray(dataset.pictures))
    labels = torch.tensor([int(dataset.label_names[label]) for label in dataset.labels])
    net = Digits()
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=1e-2)
    steps = EPOCHS * len(pictures) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        losses = []
        for chosen in torch.randperm(len(pictures), generator=rng).split(BATCH):
            seen = F.dropout(F.relu(net(bent(pictures[chosen], rng))), 0.2)
            loss = F.cross_entropy(net.decide(seen), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    net.eval()
    standardise(net, pictures)
    write_file(WEIGHTS, save({key: value.contiguous() for key, value in net.state_dict().items()}))
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size:,} bytes, sha256 of the features {net.sha256()}")
    if asked.test:
        real = prepare(asked.test)
        print(
            f"accuracy on {real.is_test.sum():,} test pictures: {accuracy(net, real, np.flatnonzero(real.is_test)):.4f}"
        )


if __name__ == "__main__":
    main()
