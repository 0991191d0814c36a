"""Arrays on disk."""

import numpy as np
import pytest

from ganvas.metrics.rows import Rows


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(25, 3, 2)).astype(np.float32)


@pytest.fixture
def rows(array, tmp_path) -> Rows:
    made = Rows(tmp_path / "rows", array.shape, "float32").allocate()
    for start in (20, 0, 10):  # in any order
        made.write(start, array[start : start + 10])
    return made


def test_what_was_written_is_read(rows, array):
    assert len(rows) == 25
    assert rows.size_bytes == array.nbytes == rows.path.stat().st_size
    assert np.array_equal(rows.read(0, 25), array)
    assert np.array_equal(rows.read(7, 12), array[7:12])
    assert np.array_equal(rows.read(20, 2000), array[20:])


def test_any_rows_can_be_taken_again_and_again(rows, array):
    chosen = np.array([24, 0, 7, 7, 3])
    taken = rows.take(chosen)
    assert np.array_equal(taken, array[chosen])
    taken += 1  # a copy
    assert np.array_equal(rows.take(chosen), array[chosen])
    assert rows.take(np.array([], int)).shape == (0, 3, 2)


def test_blocks_hold_each_row_once(rows, array):
    blocks = list(rows.blocks(10))
    assert [start for start, _ in blocks] == [0, 10, 20]
    assert [len(block) for _, block in blocks] == [10, 10, 5]
    assert np.array_equal(np.concatenate([block for _, block in blocks]), array)


def test_rows_not_written_are_zero_and_bytes_are_as_said(tmp_path):
    rows = Rows(tmp_path / "pixels", (4, 2), "uint8").allocate()
    rows.write(1, np.array([[1, 2]], np.int64))
    assert rows.read(0, 4).dtype == np.uint8
    assert rows.read(0, 4).tolist() == [[0, 0], [1, 2], [0, 0], [0, 0]]
    assert rows.path.read_bytes() == bytes([0, 0, 1, 2, 0, 0, 0, 0])
