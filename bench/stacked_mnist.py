"""How many of 1000 modes: stacked MNIST, three digits as the three channels of a colour picture.

    python bench/stacked_mnist.py --all DATA --minutes 30       all of the following, into runs/stacked-...
    python bench/stacked_mnist.py --make DATA --out FOLDER     60,000 real stacked pictures to train on, 28x28
    ganvas train FOLDER --out RUN
    python bench/stacked_mnist.py RUN                          modes and KL of 26,000 works, beside their floor
    python bench/stacked_mnist.py --floor DATA                 the floor alone
    python bench/stacked_mnist.py RUN --floor DATA             works beside the floor of other digits than `digits`

DATA: digits, as `ganvas prepare` takes them: `digits`, or a folder with the files of MNIST. KL(works || uniform) = sum
over modes of p log(1000 p), p the share of the works whose three channels the classifier of the features `digits`
reads as that number. Metz et al. 2017, "Unrolled GANs"; Lin et al. 2018, "PacGAN". The floor is what as many real
pictures score. Intervals: 95%, bootstrap; close to the floor that of KL is 1.7 times too wide, as chance in the counts
is taken for unevenness.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganvas
from ganvas.dataset import Dataset, prepare
from ganvas.errors import GanvasError
from ganvas.metrics.modes import expected_kl, mode_numbers, modes_and_kl, resampled
from ganvas.metrics.score import REPLICATES, Estimate
from ganvas.registry import features, sources
from ganvas.sources.artwork import Artwork
from ganvas.tensors import as_floats

MODES, WORKS, SIDE_PX = 1000, 26_000, 28
BATCH = 500


class Stacked:
    """A source of pictures: `count` times three digits drawn at random, without labels."""

    folder = None

    def __init__(self, digits: Dataset, count: int, seed: int) -> None:
        self.name = "stacked-digits"
        self.warnings: list[str] = []
        self.notes = [f"stacked from {digits.source} ({digits.digest[:12]}) with seed {seed}"]
        self._digits, self._count, self._seed = digits, count, seed

    def native_size(self) -> tuple[int, int]:
        return SIDE_PX, SIDE_PX

    def count(self) -> int:
        return self._count

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self._digits.digest} {self._count} {self._seed}".encode()).hexdigest()

    def artworks(self) -> Iterator[Artwork]:
        rights = [{key: work.get(key) for key in ("author", "licence", "source")} for work in self._digits.works()]
        for number, three in enumerate(triples(len(self._digits), self._count, self._seed)):
            pixels = np.stack([self._digits.pictures[index, :, :, 0] for index in three], axis=2)
            shared = {
                key: value for key, value in rights[three[0]].items() if all(rights[i][key] == value for i in three)
            }
            yield Artwork(f"stacked/{number:06}", pixels, **shared)


def triples(digits: int, count: int, seed: int) -> np.ndarray:
    """(count, 3) indices of digits."""
    return np.random.default_rng(seed).integers(0, digits, (count, 3))


def prepared_digits(data: str) -> Dataset:
    dataset = prepare(data)
    if dataset.shape != (1, SIDE_PX, SIDE_PX):
        sys.exit(
            f"{data}: expected grey pictures of {SIDE_PX}x{SIDE_PX}, found (channels, height, width) {dataset.shape}."
        )
    return dataset


def make(data: str, out: Path, count: int, seed: int) -> None:
    """Writes the pictures as a prepared folder, by the way of all pictures: a source that `ganvas.prepare` knows."""
    digits = prepared_digits(data)
    sources.register("stacked-digits")(lambda: Stacked(digits, count, seed))
    made = prepare("stacked-digits", channels=3, out=out)
    print(f"{out}: {len(made):,} pictures, digest {made.digest[:12]}. Next: ganvas train {out}")


def classified(batches: Iterable[np.ndarray]) -> np.ndarray:
    """Batches of (n, H, W, C) uint8 -> (all n, C) digits, each channel read by itself."""
    net = features.get("digits")((1, SIDE_PX, SIDE_PX)).eval()
    found = []
    with torch.inference_mode():
        for pictures in batches:
            channels = as_floats(pictures).flatten(0, 1)[:, None]
            found.append(net.classify(channels).argmax(dim=1).view(len(pictures), -1).numpy())
    return np.concatenate(found)


def real_counts(data: str, seed: int) -> np.ndarray:
    """(1000,) real stacked pictures of each mode, read by the same classifier: its errors belong to the floor."""
    digits = prepared_digits(data)
    read = classified(np.array(digits.pictures[i : i + BATCH]) for i in range(0, len(digits), BATCH))
    return np.bincount(mode_numbers(read[:, 0][triples(len(digits), WORKS, seed)]), minlength=MODES)


def counts_of(run: str) -> np.ndarray:
    """(1000,) works of each mode."""
    model = ganvas.open(run)
    if model.shape != (3, SIDE_PX, SIDE_PX):
        sys.exit(
            f"{run}: expected works of (3, {SIDE_PX}, {SIDE_PX}), found {model.shape}. It is not of stacked MNIST."
        )
    return np.bincount(mode_numbers(classified(model.pixels(range(WORKS)))), minlength=MODES)


def show(name: str, counts: np.ndarray) -> None:
    modes, kl = modes_and_kl(counts)
    modes_again, kl_again = resampled(counts, REPLICATES)
    m = Estimate.of(modes, modes_again, (0, MODES))
    k = Estimate.of(kl, kl_again, (0, float("inf")))
    covered = f"{modes:5} of {MODES} modes ({m.low:.0f} to {m.high:.0f})"
    print(f"{name:22} {covered}   KL {k.value:.4f} ({k.low:.4f} to {k.high:.4f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run trained on stacked digits")
    parser.add_argument("--floor", metavar="DATA", help="the digits that the floor is made of; digits")
    parser.add_argument("--make", metavar="DATA", help="stack these digits")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="with --make: where to")
    parser.add_argument("--count", type=int, default=60_000, help="with --make: how many; 60000")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing of three digits; 0")
    parser.add_argument("--all", metavar="DATA", help="stack these digits, train, measure; again: go on")
    parser.add_argument("--minutes", type=float, default=30.0, help="with --all: of training; 30")
    asked = parser.parse_args()
    if asked.all:
        asked.floor, asked.run = asked.all, f"runs/stacked-{asked.minutes:g}-minutes"
    if asked.make and not asked.out:
        parser.error("--make needs --out FOLDER")
    if not (asked.run or asked.make or asked.floor):
        parser.error("give a RUN, --make or --floor")
    try:
        answer(asked)
    except GanvasError as error:
        sys.exit(str(error))


def answer(asked: Any) -> None:
    if asked.make:
        make(asked.make, asked.out, asked.count, asked.seed)
        return
    if asked.all:
        data = Path("runs/stacked-pictures")
        make(asked.all, data, asked.count, asked.seed)
        ganvas.train(data, minutes=asked.minutes, out=asked.run)
    print(f"{WORKS:,} pictures each; KL(pictures || uniform), 95% intervals")
    if asked.run:
        show("works", counts_of(asked.run))
    floor = asked.floor or "digits"
    # Another draw than the set to train on.
    show(f"real, of {floor}"[:22], real_counts(floor, asked.seed + 1))
    print(f"{'perfect, by theory':22} {MODES:5} of {MODES} modes   KL {expected_kl(MODES, WORKS):.4f} = 999 / 52,000")


if __name__ == "__main__":
    main()
