"""A folder with the classic files of MNIST and its descendants (Fashion-MNIST, KMNIST ...), packed or not.

The format, big endian: magic number 0x803 (three dimensions of bytes) or 0x801 (one), the size of each dimension as
uint32, then the bytes. Described on the MNIST page, http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import DataError
from ..registry import sources
from .artwork import Artwork

SIDES = range(8, 4097)  # of a picture, px
DEFLATE_LIMIT = 1032  # deflate never packs more than 1032 bytes into one
NAMES = {"images": ("images-idx3-ubyte", "images.idx3-ubyte"), "labels": ("labels-idx1-ubyte", "labels.idx1-ubyte")}
DIMENSIONS = {"images": 3, "labels": 1}


@dataclass(frozen=True)
class Half:
    """One of the two sets of files. file_prefix: "train" or "t10k".   split: "train" or "test"."""

    file_prefix: str
    split: str
    images: Path
    labels: Path | None


def _candidates(folder: Path, prefix: str, content: str) -> list[Path]:
    names = [f"{prefix}-{name}{packed}" for name in NAMES[content] for packed in ("", ".gz")]
    return [folder / name for name in names if (folder / name).is_file()]


def _open(path: Path) -> BinaryIO:
    # GzipFile is a BinaryIO in all but its declared type.
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # pyrefly: ignore[bad-return]


def _read_header(file: BinaryIO, path: Path, content: str) -> tuple[int, ...]:
    """The size of each dimension, after checking the magic number and that the file can be as large as it claims."""
    count = DIMENSIONS[content]
    header = file.read(4 + 4 * count)
    if len(header) < 4 + 4 * count:
        raise DataError(f"{path}: expected an idx header of {4 + 4 * count} bytes, found {len(header)} bytes.")
    magic, *sizes = struct.unpack(f">{1 + count}I", header)
    if magic != 0x800 + count:
        raise DataError(f"{path}: expected the magic number 0x{0x800 + count:x} of idx {content}, found 0x{magic:x}.")
    claimed, size = len(header) + int(np.prod([int(s) for s in sizes], dtype=object)), path.stat().st_size
    packed = path.suffix == ".gz"
    if (packed and claimed > size * DEFLATE_LIMIT) or (not packed and claimed != size):
        raise DataError(
            f"{path}: its header claims {' x '.join(map(str, sizes))} = {claimed:,} bytes in all, the file holds "
            f"{f'at most {size * DEFLATE_LIMIT:,}' if packed else f'{size:,}'}. Download it again."
        )
    if content == "images" and not (sizes[1] in SIDES and sizes[2] in SIDES):
        raise DataError(f"{path}: expected sides of {SIDES[0]} to {SIDES[-1]} px, found {sizes[2]}x{sizes[1]}.")
    return tuple(sizes)


def _records(path: Path, content: str, expected: int | None = None) -> Iterator[bytes]:
    """The records one by one (a picture's pixels, a label's byte). Raises DataError for what is damaged."""
    index = 0
    try:
        with _open(path) as file:
            sizes = _read_header(file, path, content)
            if expected is not None and sizes[0] != expected:
                raise DataError(f"{path}: expected {expected} labels, one a picture, found {sizes[0]}.")
            length = int(np.prod(sizes[1:], dtype=np.int64))
            for index in range(sizes[0]):
                record = file.read(length)
                if len(record) < length:
                    raise DataError(f"{path}: expected {sizes[0]} {content}, found {index}. Download it again.")
                yield record
            if file.read(1):  # in a gzip file this also compares the checksum
                raise DataError(f"{path}: expected {sizes[0]} {content}, found more bytes after them.")
    except (EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path}: cannot be read after {index} {content} ({error}). Download it again.") from error


@sources.register("idx")
class Idx:
    """A folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-...`, each with or without `.gz`.

    The t10k files become the split "test"; where they are alone, "train". Files without labels give works without.
    """

    reads_folders = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.name = self.folder.name
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self._halves = [half for prefix in ("train", "t10k") if (half := self._find(prefix)) is not None]
        if not self._halves:
            raise DataError(
                f"{folder}: expected train-images-idx3-ubyte or t10k-images-idx3-ubyte, with or without .gz."
            )
        if [half.split for half in self._halves] == ["test"]:
            self._halves = [Half("t10k", "train", self._halves[0].images, self._halves[0].labels)]
            self.warnings.append("there are no train files, so the t10k files are what is trained on")
        if any(half.labels for half in self._halves):
            self.notes.append("labels: the numbers in the files of labels")

    @staticmethod
    def recognises(folder: Path) -> bool:
        return any(_candidates(folder, prefix, "images") for prefix in ("train", "t10k"))

    def _find(self, prefix: str) -> Half | None:
        found = {content: _candidates(self.folder, prefix, content) for content in NAMES}
        for content, paths in found.items():
            if len(paths) > 1:
                others = ", ".join(path.name for path in paths[1:])
                self.warnings.append(f"{paths[0].name} is used for the {prefix} {content}, not {others}")
        images, labels = found["images"], found["labels"]
        if not images:
            if labels:
                self.warnings.append(f"{labels[0].name} is not used: there are no {prefix} images beside it")
            return None
        if not labels:
            self.warnings.append(f"{images[0].name} has no file of labels beside it, so its works are without labels")
        return Half(prefix, "train" if prefix == "train" else "test", images[0], labels[0] if labels else None)

    def _shape(self, half: Half) -> tuple[int, ...]:
        """(pictures, rows, columns)."""
        try:
            with _open(half.images) as file:
                return _read_header(file, half.images, "images")
        except (EOFError, zlib.error, OSError) as error:
            raise DataError(f"{half.images}: cannot be read ({error}). Download it again.") from error

    def native_size(self) -> tuple[int, int] | None:
        sizes = {self._shape(half)[1:] for half in self._halves}
        if len(sizes) > 1:
            return None
        height, width = sizes.pop()
        return width, height

    def count(self) -> int:
        return sum(self._shape(half)[0] for half in self._halves)

    def fingerprint(self) -> str:
        summary = hashlib.sha256()
        for half in self._halves:
            for path in (half.images, half.labels):
                if path is not None:
                    status = path.stat()
                    entry = (
                        half.split,
                        path.name,
                        status.st_size,
                        status.st_mtime_ns,
                        status.st_ctime_ns,
                        status.st_ino,
                    )
                    summary.update(repr(entry).encode())
        return summary.hexdigest()

    def artworks(self) -> Iterator[Artwork]:
        for half in self._halves:
            count, height, width = self._shape(half)
            labels = None if half.labels is None else b"".join(_records(half.labels, "labels", count))
            for index, pixels in enumerate(_records(half.images, "images")):
                image = np.frombuffer(pixels, np.uint8).reshape(height, width)
                label = None if labels is None else str(labels[index])
                yield Artwork(f"{half.file_prefix}/{index:05d}", image, label=label, split=half.split)
