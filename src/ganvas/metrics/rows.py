"""Arrays on disk, read and written a block at a time, so that memory does not grow with the number of works."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

BLOCK = 2000
"""Rows held in memory at once."""


class Rows:
    """n rows of equal shape in a file of raw numbers in C order.

    Unlike a memory map, what was read does not stay in the process's memory. Several processes may write into
    different rows of one file.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype)
        self._row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size_bytes(self) -> int:
        """Of the whole file."""
        return len(self) * self._row_bytes

    def allocate(self) -> "Rows":
        """Makes the file; full of zeros, if it is new. What another process has written into it stays."""
        with self.path.open("ab") as file:
            file.truncate(self.size_bytes)
        return self

    def write(self, start: int, rows: np.ndarray) -> None:
        """Puts `rows` in from row `start` on. The file must exist."""
        with self.path.open("r+b") as file:
            file.seek(start * self._row_bytes)
            file.write(np.ascontiguousarray(rows, self.dtype).tobytes())

    def put(self, indices: np.ndarray, rows: np.ndarray) -> None:
        """Puts `rows` in at the rows `indices`. The file must exist."""
        content = np.ascontiguousarray(rows, self.dtype)
        with self.path.open("r+b") as file:
            for index, row in zip(indices, content, strict=True):
                if os.pwrite(file.fileno(), row.tobytes(), int(index) * self._row_bytes) < self._row_bytes:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows start to stop, a copy."""
        stop = min(stop, len(self))
        count = (stop - start) * self._row_bytes // self.dtype.itemsize
        numbers = np.fromfile(self.path, self.dtype, count, offset=start * self._row_bytes)
        return numbers.reshape(stop - start, *self.shape[1:])

    def take(self, indices: np.ndarray) -> np.ndarray:
        """The rows `indices`, a copy."""
        with self.path.open("rb") as file:
            content = b"".join(
                os.pread(file.fileno(), self._row_bytes, int(index) * self._row_bytes) for index in indices
            )
        return np.frombuffer(content, self.dtype).reshape(len(indices), *self.shape[1:]).copy()

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, rows) from the start to the end."""
        for start in range(0, len(self), size):
            yield start, self.read(start, start + size)
