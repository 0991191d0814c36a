"""Who is held out, and how batches are cut."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas.dataset import FEWEST_TO_SPLIT, prepare
from ganvas.errors import DataError, UsageError


def test_holdout_depends_on_content_alone(pictures: Path) -> None:
    data = prepare("digits")
    train, held = data.split(0.1, seed=1)
    assert sorted([*train, *held]) == list(range(5000)) and 400 < len(held) < 600
    assert np.array_equal(data.split(0.1, seed=1)[1], held)
    assert len(np.intersect1d(data.split(0.1, seed=2)[1], held)) < 100
    assert set(data.split(0.05, seed=1)[1]) < set(held)
    assert len(data.split(0, seed=1)[1]) == 0
    for share in (-0.1, 1, 1.5, float("nan")):
        with pytest.raises(UsageError, match="holdout"):
            data.split(share, seed=0)
    # Doubles fall on the same side, and the others stay where they are when files are added.
    for index in range(6, 20):
        Image.new("L", (20, 30), 12 * index).save(pictures / "cat" / f"{index}.png")
    before = prepare(pictures, 16)
    sides = {work["sha256"]: index in before.split(0.5, 3)[1] for index, work in enumerate(before.works())}
    for index in range(6):
        label = ("cat", "dog")[index % 2]
        shutil.copy(pictures / label / f"{index}.png", pictures / label / f"0copy{index}.png")
    after = prepare(pictures, 16)
    held_after = set(after.split(0.5, 3)[1].tolist())
    assert len(after) == 26 and set(sides.values()) == {True, False}
    assert all((index in held_after) == sides[work["sha256"]] for index, work in enumerate(after.works()))


def test_of_few_pictures_none_is_held_out(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for index in range(FEWEST_TO_SPLIT - 1):
        Image.new("L", (8, 8), 12 * index).save(folder / f"{index}.png")
        Image.new("L", (8, 8), 12 * index).save(folder / f"double {index}.png")
    few = prepare(folder, 8)
    assert len(few) == 38
    for seed in range(50):
        train, held = few.split(0.9, seed)
        assert len(train) == 38 and len(held) == 0
    Image.new("L", (8, 8), 250).save(folder / "one more.png")
    train, held = prepare(folder, 8).split(0.5, seed=0)
    assert 0 < len(held) < 39 and len(train) + len(held) == 39


def test_a_group_is_never_on_both_sides(tmp_path: Path) -> None:
    """Nor are its doubles elsewhere, nor their groups."""
    folder = tmp_path / "art"
    folder.mkdir()
    for number in range(60):
        Image.new("L", (8, 8), 4 * number).save(folder / f"{number}.png")
    Image.new("L", (8, 8), 0).save(folder / "double.png")  # of 0.png, in the group of 3.png
    rows = [{"file_name": f"{number}.png", "group": f"{number // 3}"} for number in range(60)]
    rows.append({"file_name": "double.png", "group": "1"})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = prepare(folder, 8)
    groups = np.array([work["group"] for work in data.works()])
    sides = set()
    for seed in range(30):
        train, held = data.split(0.2, seed)
        assert len(train) and len(held) and not set(groups[train]) & set(groups[held])
        assert not set(data.content[train]) & set(data.content[held])
        assert ("0" in groups[held]) == ("1" in groups[held])  # whose pictures are the same in part
        sides.add("0" in groups[held])
    assert sides == {True, False}


def test_the_own_test_split_is_held_out(tmp_path: Path) -> None:
    folder = tmp_path / "idx"
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    for prefix, part in (("train", images), ("t10k", images[[0]])):
        header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in part.shape)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + part.tobytes())
    data = prepare(folder)
    assert data.is_test.tolist() == [False] * 6 + [True] and data.shape == (1, 8, 8) and not data.has_labels
    train, held = data.split(0, seed=0)
    assert held.tolist() == [0, 6] and train.tolist() == [1, 2, 3, 4, 5]  # the first is the same as the test work
    train, held = data.split(0.9, seed=0)
    assert held.tolist() == [0, 6] and train.tolist() == [1, 2, 3, 4, 5]  # too few to keep more of them back
    with pytest.raises(DataError, match="all 5000 works would be held out. Lower the holdout"):
        prepare("digits").split(np.nextafter(1, 0), seed=0)


def test_batches() -> None:
    data = prepare("digits")
    batch = data.batch(np.array([3, 0, 3]))
    assert (
        batch.shape == (3, 28, 28, 1) and batch.dtype == np.uint8 and batch.flags.c_contiguous and batch.flags.writeable
    )
    assert np.array_equal(batch, data.pictures[[3, 0, 3]]) and not isinstance(batch, np.memmap)
    assert data.batch([]).shape == (0, 28, 28, 1)


def test_random_crops_are_drawn_each_time(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    rows, columns = np.mgrid[:20, :25].astype(np.uint8)
    Image.fromarray(np.stack([rows, columns, rows], axis=2)).save(tmp_path / "art" / "x.png")
    data = prepare(tmp_path / "art", "20x16", crop="random")
    assert data.pictures.shape == (1, 20, 25, 3) and data.shape == (3, 16, 20)
    places = np.random.default_rng(0).random((300, 2))
    batch = data.batch([0] * 300, places)
    corners = {tuple(picture[0, 0, :2].tolist()) for picture in batch}
    assert batch.flags.c_contiguous and corners == {(row, column) for row in range(5) for column in range(6)}
    for picture in batch[:20]:
        row, column, _ = picture[0, 0]
        assert np.array_equal(picture, data.pictures[0, row : row + 16, column : column + 20])
    assert np.array_equal(batch, data.batch([0] * 300, places))
    assert data.batch([0])[0, 0, 0].tolist() == [2, 2, 2]
