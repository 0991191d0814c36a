"""How often 95% intervals are right: scores of many small sets drawn anew, against the mean of all.

    python bench/intervals.py --write           300 repetitions of 700 points; about ten minutes on one core
    python bench/intervals.py --repeat 50 --scores kernel coverage

Points have 8 numbers and five clusters. Works are as the real ones, shifted, narrower without a cluster, or wider with
uneven clusters. Printed: the share of the intervals that hold the mean value, and their width against the true spread.
"""

import argparse
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from ganvas.metrics.rows import Rows
from ganvas.metrics.score import Pair, Side
from ganvas.registry import scores

RESULTS = Path(__file__).parent / "results" / "intervals.json"
DIM, CLUSTERS = 8, 5
CENTRES = np.random.default_rng(0).normal(size=(CLUSTERS, DIM)) * 1.5
MIXING = np.random.default_rng(1).normal(size=(DIM, DIM)) / np.sqrt(DIM) * np.geomspace(1, 0.3, DIM)
KINDS = ("same", "shift", "narrow", "wide")
SCORES = (
    *("frechet", "kernel", "precision", "recall", "density", "coverage"),
    *("vendi", "diversity", "copying", "closeness"),
)


def real(rng: np.random.Generator, n: int) -> np.ndarray:
    return CENTRES[rng.integers(0, CLUSTERS, n)] + rng.normal(size=(n, DIM)) @ MIXING


def works(rng: np.random.Generator, n: int, kind: str) -> np.ndarray:
    match kind:
        case "shift":
            return real(rng, n) + 0.25
        case "narrow":
            return CENTRES[rng.integers(0, CLUSTERS - 1, n)] + 0.8 * rng.normal(size=(n, DIM)) @ MIXING
        case "wide":
            chosen = rng.choice(CLUSTERS, n, p=[0.5, 0.2, 0.1, 0.1, 0.1])
            return CENTRES[chosen] + 1.4 * rng.normal(size=(n, DIM)) @ MIXING
        case _:
            return real(rng, n)


def pair(folder: Path, rng: np.random.Generator, n: int, kind: str) -> Pair:
    numbers = itertools.count()

    def rows(points: np.ndarray) -> Rows:
        stored = Rows(folder / str(next(numbers)), points.shape, "float32").allocate()
        stored.write(0, points)
        return stored

    def side(points: np.ndarray) -> Side:
        return Side(rows(points), np.full(n, -1), lambda indices: np.zeros((len(indices), 8, 8, 1), np.uint8))

    sides = side(works(rng, n, kind)), side(real(rng, n))
    known = {"training": rows(real(rng, 2 * n)), "held_out": rows(real(rng, n))}
    return Pair(*sides, (1, 8, 8), (), torch.device("cpu"), **known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", nargs="+", default=list(SCORES))
    parser.add_argument("--count", type=int, default=700)
    parser.add_argument("--repeat", type=int, default=300)
    parser.add_argument("--write", action="store_true", help="into bench/results")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, dict[str, list[float]]] = {}
    for kind in KINDS:
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in asked.scores}
        for number in range(asked.repeat):
            with tempfile.TemporaryDirectory() as folder:
                drawn = pair(Path(folder), np.random.default_rng([7, number]), asked.count, kind)
                for name in asked.scores:
                    one = scores.get(name)().measure(drawn)
                    found[name].append((one.value, one.low, one.high))
        for name, estimates in found.items():
            values, low, high = np.array(estimates).T
            held = np.mean((low <= values.mean()) & (values.mean() <= high))
            width = np.mean(high - low) / (2 * 1.96) / values.std() if values.std() > 0 else float("nan")
            results.setdefault(name, {})[kind] = [round(float(held), 3), round(float(width), 2)]
            print(f"{kind:7} {name:10} mean {values.mean():8.4f}: held by {held:6.1%}, {width:.2f} as wide", flush=True)
    settings = {"count": asked.count, "repeat": asked.repeat, "each": "[share that holds the mean, width / true width]"}
    if asked.write:
        RESULTS.write_text(json.dumps({**settings, "scores": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
