"""What a distance means: real pictures with a fault of known size, measured as works are.

    python bench/art_faults.py NAME=DATA [NAME=DATA ...] [--out bench/results/art_faults.json]

Half of the pictures, drawn by chance, stand for the works, the others are what they are compared with. Into the JSON
and the table go the kernel distances in `effnet` and `random`.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganvas.dataset import prepare
from ganvas.features.choose import make_features
from ganvas.files import write_file
from ganvas.metrics.kernel import Discrepancy
from ganvas.tensors import as_floats
from ganvas.training.events import rounded

RESULTS = Path(__file__).parent / "results" / "art_faults.json"
FEATURES = ("effnet", "random")
REACH = 4
"""Pixels that a blur looks at, to each side."""


def blurred(pictures: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
    """By a Gaussian of so many pixels."""
    row = torch.exp(-(torch.arange(-REACH, REACH + 1) ** 2) / (2 * sigma**2))
    channels = pictures.shape[1]
    kernel = (row / row.sum()).expand(channels, 1, 1, -1)
    across = F.conv2d(F.pad(pictures, (REACH, REACH, 0, 0), mode="replicate"), kernel, groups=channels)
    return F.conv2d(F.pad(across, (0, 0, REACH, REACH), mode="replicate"), kernel.mT, groups=channels)


def noisy(pictures: Tensor, amount: float, rng: torch.Generator) -> Tensor:
    return (pictures + amount * torch.randn(pictures.shape, generator=rng)).clamp(-1, 1)


def bent(pictures: Tensor, pixels: float, cell: int, rng: torch.Generator) -> Tensor:
    """Each place moved by so many pixels (a deviation), smoothly between places `cell` pixels apart."""
    count, _, height, width = pictures.shape
    knots = torch.randn(count, 2, height // cell + 1, width // cell + 1, generator=rng)
    moves = F.interpolate(knots, (height, width), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    moves = moves * 2 * pixels / torch.tensor([width, height])
    ys, xs = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return F.grid_sample(pictures, torch.stack([xs, ys], dim=-1) + moves, padding_mode="border", align_corners=True)


def pieced(pictures: Tensor, pieces: int, rng: torch.Generator) -> Tensor:
    """Put together of `pieces` x `pieces` parts, each of another picture."""
    made, side = pictures.clone(), pictures.shape[2] // pieces
    for row in range(pieces):
        for column in range(pieces):
            part = (..., slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side))
            made[part] = pictures[torch.randperm(len(pictures), generator=rng)][part]
    return made


def blended(pictures: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """With so much of another picture."""
    return torch.lerp(pictures, pictures[torch.randperm(len(pictures), generator=rng)], share)


FAULTS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "none": lambda x, rng: x,
    "blurred by 0.5 px": lambda x, rng: blurred(x, 0.5, rng),
    "blurred by 1 px": lambda x, rng: blurred(x, 1, rng),
    "noise of 6 levels": lambda x, rng: noisy(x, 0.05, rng),
    "noise of 13 levels": lambda x, rng: noisy(x, 0.1, rng),
    "bent by 1 px, places 8 px apart": lambda x, rng: bent(x, 1, 8, rng),
    "bent by 2 px, places 8 px apart": lambda x, rng: bent(x, 2, 8, rng),
    "bent by 2 px, places 16 px apart": lambda x, rng: bent(x, 2, 16, rng),
    "of 2x2 pictures": lambda x, rng: pieced(x, 2, rng),
    "of 4x4 pictures": lambda x, rng: pieced(x, 4, rng),
    "of 8x8 pictures": lambda x, rng: pieced(x, 8, rng),
    "a tenth of another picture": lambda x, rng: blended(x, 0.1, rng),
}


@torch.inference_mode()
def measured(data: str) -> dict[str, dict[str, float]]:
    dataset = prepare(data)
    pictures = as_floats(dataset.batch(np.random.default_rng(0).permutation(len(dataset))), torch.device("cpu"))
    compared, stand_in = pictures.chunk(2)
    found: dict[str, dict[str, float]] = {name: {} for name in FAULTS}
    for features in FEATURES:
        see = make_features(features, dataset.shape)
        real = see(compared)
        for name, fault in FAULTS.items():
            seen = see(fault(stand_in, torch.Generator().manual_seed(0)))
            found[name][features] = Discrepancy.of(seen, real).value
    return rounded(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="NAME=DATA")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE.json", help="bench/results/art_faults.json")
    asked = parser.parse_args()
    results = {name: measured(data) for name, data in (text.split("=", 1) for text in asked.sets)}
    write_file(asked.out, json.dumps(results, indent=1) + "\n")
    print(f"| fault | {' | '.join(f'{name}, {one}' for name in results for one in FEATURES)} |")
    print("|" + "---|" * (1 + len(results) * len(FEATURES)))
    for fault in FAULTS:
        cells = [f"{found[fault][one]:.3f}" for found in results.values() for one in FEATURES]
        print(f"| {fault} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
