"""An .npy file that grows picture by picture, in flat memory, though its length and channels are known at the end."""

import contextlib
import io
import math
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HEADER = 128  # bytes, what numpy itself uses for such an array
CHUNK = 1 << 20  # bytes read at a time
STALE_SECONDS = 3600
TEMPORARY = re.compile(r"\.(pictures|works\.jsonl|dataset\.json)\.[0-9a-f]{8}\.tmp")


def header(shape: tuple[int, ...]) -> bytes:
    """What an .npy file of uint8 in C order begins with (NumPy's format 1.0), HEADER bytes long."""
    description = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    text = description.ljust(HEADER - 11).encode("ascii") + b"\n"
    return np.lib.format.magic(1, 0) + len(text).to_bytes(2, "little") + text


def open_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """The array in the file, read only. Raises ValueError or OSError unless it is just as ArrayWriter writes it.

    Comparing the header with the only right one leaves a file from a stranger nothing to parse.
    """
    with path.open("rb") as file:
        if file.read(HEADER) != header(shape):
            raise ValueError(f"its header does not say uint8 {shape}")
    if (size := path.stat().st_size) != HEADER + math.prod(shape):
        raise ValueError(f"expected {HEADER + math.prod(shape):,} bytes, found {size:,}")
    return np.memmap(path, np.uint8, mode="r", offset=HEADER, shape=shape)


class ArrayWriter:
    """Appends uint8 pictures (height, width, channels) of one size. Starts grey, widens at the first in colour."""

    def __init__(self, folder: Path, height: int, width: int, channels: int) -> None:
        self.channels = channels
        self.count = 0
        self._folder, self._height, self._width = folder, height, width
        self._temporary, self._file = self._open()

    def _open(self) -> tuple[Path, io.BufferedRandom]:
        temporary = self._folder / f".pictures.{uuid.uuid4().hex[:8]}.tmp"
        file = temporary.open("w+b")
        file.write(bytes(HEADER))
        return temporary, file

    def append(self, pixels: np.ndarray) -> None:
        """pixels: uint8 (height, width, 1 or self.channels); more channels than so far widen what is written."""
        if pixels.shape[2] > self.channels:
            self._widen(pixels.shape[2])
        elif pixels.shape[2] < self.channels:
            pixels = np.repeat(pixels, self.channels, axis=2)
        self._file.write(np.ascontiguousarray(pixels).data)
        self.count += 1

    def _widen(self, channels: int) -> None:
        grey, grey_path = self._file, self._temporary
        self._temporary, self._file = self._open()
        try:
            grey.seek(HEADER)
            while chunk := grey.read(CHUNK):
                self._file.write(np.repeat(np.frombuffer(chunk, np.uint8), channels).data)
        finally:
            grey.close()
            grey_path.unlink()
        self.channels = channels

    def finish(self, path: Path) -> None:
        """Gives the array its header and its name."""
        shape = (self.count, self._height, self._width, self.channels)
        self._file.seek(0)
        self._file.write(header(shape))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(path)

    def close(self) -> None:
        """Removes the temporary file; after `finish` there is none."""
        with contextlib.suppress(OSError):  # a full disk can refuse the last flush
            self._file.close()
        self._temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def array_writer(folder: Path, height: int, width: int, channels: int) -> Iterator[ArrayWriter]:
    """An ArrayWriter that leaves nothing behind unless it was finished."""
    writer = ArrayWriter(folder, height, width, channels)
    try:
        yield writer
    finally:
        writer.close()


def remove_stale(folder: Path) -> None:
    """Removes temporary files that a killed process left: those not written to for an hour."""
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if TEMPORARY.fullmatch(path.name) and time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()
