"""Pictures to features on the disk: works as they are drawn, real pictures once and for all.

Nothing here grows with the number of pictures but files. What real pictures look like through given features is kept in
a cache named by the pictures' content and the features' hash, so that the next evaluation costs only the works.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ..dataset import Dataset, cache_folder
from ..drawing import BATCH, Drawer
from ..errors import DataError
from ..features.extractor import Extractor, file_sha256
from ..files import make_folder, storage_errors, write_file
from ..metrics.rows import BLOCK, Rows
from ..metrics.score import Side
from ..stored import array_name
from ..tensors import as_floats
from .choice import Part
from .team import Team

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""

Draw = Callable[[int, int], np.ndarray]


def quietly(doing: str, done: int, total: int) -> None:
    """Shows no progress."""


class Collector:
    """Sees pictures through features and keeps what it saw in `folder`, which all processes of the team share."""

    def __init__(
        self, extractor: Extractor, device: torch.device, folder: Path, team: Team, progress: Progress = quietly
    ) -> None:
        self.extractor, self.device, self.folder, self.team = extractor.to(device), device, folder, team
        self.progress, self.sha256 = progress, extractor.sha256()
        self._pixels: dict[Path, str] = {}

    def cache_of(self, dataset: Dataset) -> Path:
        """The folder for what the dataset's pictures look like: named by the pixels themselves, whatever they claim.

        Features whose hash does not tell everything are kept for this evaluation alone.
        """
        path = dataset.folder / array_name(dataset.digest)
        if path not in self._pixels:
            with storage_errors(path):
                self._pixels[path] = file_sha256(path)
        height, width = dataset.size
        above = cache_folder() / "features" if self.extractor.is_known_by_hash else self.folder
        return above / f"{self._pixels[path][:16]}-{width}x{height}-{self.sha256[:16]}"

    def see(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 (n, H, W, C) -> (n, dim) float32. Raises DataError when a feature is not finite."""
        with torch.inference_mode():
            seen = self.extractor(as_floats(pictures, self.device)).float().cpu().numpy()
        if not np.isfinite(seen).all():
            raise DataError(
                f"The features {self.extractor.name!r} gave NaN or infinite numbers. Choose other features."
            )
        return seen

    def rows(self, name: str, shape: tuple[int, ...], dtype: str) -> Rows:
        """A file in the folder that all processes may write into."""
        rows = Rows(self.folder / name, shape, dtype)
        if self.team.leads:
            with storage_errors(rows.path):
                rows.allocate()
        self.team.wait()
        return rows

    def works(self, drawer: Drawer, seeds: range) -> Side:
        """The works of `seeds`, each with the label that its seed chose. Truncation is off, as for all scores."""
        numbers = np.array(drawer.label_numbers(seeds), np.int64)
        labels = np.where(numbers < len(drawer.labels), numbers, -1)
        return self.made(lambda start, stop: next(drawer.pixels(seeds[start:stop])), labels, drawer.config.shape)

    def made(self, draw: Draw, labels: np.ndarray, shape: tuple[int, int, int]) -> Side:
        """A work for each of `labels`: draw(start, stop) makes those from start to stop, uint8 (n, H, W, C)."""
        count, (channels, height, width) = len(labels), shape
        pixels = self.rows("works.pixels", (count, height, width, channels), "uint8")
        features = self.rows("works.features", (count, self.extractor.dim), "float32")
        for start, stop in self.team.blocks(count, BATCH):
            drawn = draw(start, stop)
            with storage_errors(self.folder):
                pixels.write(start, drawn)
                features.write(start, self.see(drawn))
            self.progress("Drawing works", stop, count)
        self.team.wait()
        return Side(features, labels, pixels.take)

    def real(self, part: Part, name: str, label_names: tuple[str, ...]) -> Side:
        """The part's pictures, with their labels as places in `label_names`."""
        cache = FeatureCache(self.cache_of(part.dataset), part.dataset, self.extractor.dim, self.team)
        cache.complete(part, self)
        rows = self.rows(f"{name}.features", (len(part), self.extractor.dim), "float32")
        if self.team.leads:
            with storage_errors(self.folder):
                for start in range(0, len(part), BLOCK):
                    rows.write(start, cache.rows.take(part.indices[start : start + BLOCK]))
        self.team.wait()
        return Side(rows, part.labels(label_names), part.pictures)


class FeatureCache:
    """Features of a dataset's pictures, in a folder that is theirs alone.

    `features` holds a row for each picture of the dataset, `seen` a byte for each: 1 once its row is there. A process
    that is killed leaves rows that are not marked, and they are made again.
    """

    def __init__(self, folder: Path, dataset: Dataset, dim: int, team: Team) -> None:
        self.folder = folder
        self.rows = Rows(folder / "features", (len(dataset), dim), "float32")
        self.dataset, self.team = dataset, team

    def complete(self, part: Part, collector: Collector) -> None:
        """Makes what is missing of the part's rows. Raises StorageError."""
        if self.team.leads:
            make_folder(self.folder)
            with storage_errors(self.folder):
                if not self._is_whole():
                    self.rows.allocate()
                    write_file(self.folder / "seen", bytes(len(self.dataset)))
        self.team.wait()
        with storage_errors(self.folder):
            seen = np.fromfile(self.folder / "seen", np.uint8)
        missing = np.sort(part.indices[seen[part.indices] == 0])
        self.team.wait()  # all have read it before it changes
        for start, stop in self.team.blocks(len(missing), BATCH):
            block = missing[start:stop]
            features = collector.see(self.dataset.batch(block))
            with storage_errors(self.folder):
                self.rows.put(block, features)
            collector.progress("Looking at real pictures", stop, len(missing))
        self.team.wait()
        if self.team.leads and len(missing):
            with storage_errors(self.folder):
                sync(self.rows.path)
            seen[missing] = 1
            write_file(self.folder / "seen", seen.tobytes())
        self.team.wait()

    def _is_whole(self) -> bool:
        sizes = {"features": self.rows.size_bytes, "seen": len(self.dataset)}
        return all(
            (self.folder / name).is_file() and (self.folder / name).stat().st_size == size
            for name, size in sizes.items()
        )


def sync(path: Path) -> None:
    """What was written into the file is on the disk, before it is said to be there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
