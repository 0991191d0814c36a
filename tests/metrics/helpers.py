"""Sides and pairs from arrays, and real digits spoilt in known ways."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from ganvas.metrics.rows import Rows
from ganvas.metrics.score import Estimate, Pair, Score, Side
from ganvas.registry import features
from ganvas.sources.digits import ARCHIVE
from ganvas.tensors import as_floats

CPU = torch.device("cpu")
N = 1000
_numbers = itertools.count()


def stored(folder: Path, array: np.ndarray) -> Rows:
    """The array as float32 rows in a new file."""
    rows = Rows(folder / f"rows-{next(_numbers)}", array.shape, "float32").allocate()
    rows.write(0, array)
    return rows


def side_of(
    folder: Path, seen: np.ndarray, pictures: np.ndarray | None = None, labels: np.ndarray | None = None
) -> Side:
    """Features (n, d), with black pictures and no labels unless given."""
    pictures = np.zeros((len(seen), 14, 14, 1), np.uint8) if pictures is None else pictures
    labels = np.full(len(seen), -1) if labels is None else labels
    return Side(stored(folder, seen), labels, lambda indices: pictures[indices])


def pair_of(folder: Path, works: np.ndarray, real: np.ndarray, **more: np.ndarray) -> Pair:
    """Of features alone. more: `training`, `held_out`."""
    sides = side_of(folder, works), side_of(folder, real)
    return Pair(*sides, (1, 14, 14), (), CPU, **{name: stored(folder, array) for name, array in more.items()})


def blobs(seed: int, n: int, shift: float = 0.0) -> np.ndarray:
    """(n, 8): five clusters, correlated."""
    shape, rng = np.random.default_rng(0), np.random.default_rng(seed)
    centres, mixing = 1.5 * shape.normal(size=(5, 8)), shape.normal(size=(8, 8)) / np.sqrt(8)
    return centres[rng.integers(0, 5, n)] + rng.normal(size=(n, 8)) @ mixing + shift


@dataclass(frozen=True)
class Digits:
    """5,000 digits in five parts of N: fresh ones, reference, stand-ins, training and held out."""

    folder: Path
    pictures: np.ndarray
    labels: np.ndarray
    see: Callable[[np.ndarray], np.ndarray]
    real: Pair
    """With the fresh ones in the works' place."""

    @classmethod
    def load(cls, folder: Path) -> "Digits":
        net = features.get("digits")((1, 28, 28)).eval()

        @torch.inference_mode()
        def see(pictures: np.ndarray) -> np.ndarray:
            return torch.cat([net(as_floats(part)) for part in np.array_split(pictures, 10)]).numpy()

        with np.load(ARCHIVE) as archive:
            order = np.random.default_rng(0).permutation(5 * N)
            pictures, labels = archive["images"][order, :, :, None], archive["labels"][order].astype(np.int64)
        seen = see(pictures)
        parts = [slice(start, start + N) for start in range(0, 5 * N, N)]
        fresh, reference, stand_ins = (side_of(folder, seen[p], pictures[p], labels[p]) for p in parts[:3])
        training, held_out = (stored(folder, seen[p]) for p in parts[3:])
        names = tuple("0123456789")
        pair = Pair(fresh, reference, (1, 28, 28), names, CPU, training, held_out, stand_ins)
        return cls(folder, pictures, labels, see, pair)

    def pair(self, pictures: np.ndarray, labels: np.ndarray) -> Pair:
        """With these as works. What is known of the real ones is shared."""
        return replace(self.real, works=side_of(self.folder, self.see(pictures), pictures, labels))

    def floor(self, score: Score) -> Estimate:
        """Measured once."""
        return self.real.once(("floor", score.name), lambda: floor_of(score, self.real))

    def spoilt(self, how: str) -> Pair:
        return self.pair(*getattr(self, how)(self.pictures[:N], self.labels[:N]))

    def noise(self, pictures: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noisy = pictures + np.random.default_rng(1).normal(0, 60, pictures.shape)
        return noisy.clip(0, 255).astype(np.uint8), labels

    def blur(self, pictures: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        blurred = [Image.fromarray(picture[:, :, 0]).filter(ImageFilter.GaussianBlur(1.5)) for picture in pictures]
        return np.stack([np.asarray(picture) for picture in blurred])[..., None], labels

    def repeated(self, pictures: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One work of each label."""
        first = np.array([np.flatnonzero(labels == label)[0] for label in range(10)])
        return pictures[first[labels]], labels

    def copies(self, pictures: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.pictures[3 * N : 4 * N], self.labels[3 * N : 4 * N]

    def without_a_class(self, pictures: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Asked for a 9, it draws a 4."""
        fours = np.flatnonzero(labels == 4)
        source = np.arange(N)
        source[labels == 9] = np.resize(fours, (labels == 9).sum())
        return pictures[source], labels

    def disobedient(self, pictures: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A fifth shows the next label."""
        return pictures, np.where(np.arange(N) % 5 == 0, (labels + 1) % 10, labels)


def floor_of(score: Score, pair: Pair) -> Estimate:
    assert pair.stand_ins is not None
    return score.floor(pair, replace(pair, works=pair.stand_ins))


def worse(score: Score, works: Estimate, real: Estimate) -> bool:
    """Whether the intervals say so."""
    return works.low > real.high if score.better == "lower" else works.high < real.low
