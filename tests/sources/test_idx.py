"""Folders with the classic MNIST files, whole and damaged."""

import gzip
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganvas.errors import DataError
from ganvas.sources.artwork import Artwork
from ganvas.sources.idx import Idx

COUNT, HEIGHT, WIDTH = 12, 10, 9
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, HEIGHT, WIDTH), np.uint8)
LABELS = np.arange(COUNT, dtype=np.uint8) % 3


def images_file(images: np.ndarray = IMAGES) -> bytes:
    return struct.pack(">4I", 0x803, *images.shape) + images.tobytes()


def labels_file(labels: np.ndarray = LABELS) -> bytes:
    return struct.pack(">2I", 0x801, len(labels)) + labels.tobytes()


def write(
    folder: Path, prefix: str, images: bytes | None, labels: bytes | None, dotted: bool = False, packed: bool = True
) -> None:
    separator = "." if dotted else "-"
    for content, data in ((f"images{separator}idx3", images), (f"labels{separator}idx1", labels)):
        if data is not None:
            path = folder / f"{prefix}-{content}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(data) if packed else data)


def works(folder: Path) -> list[Artwork]:
    return list(Idx(folder).artworks())


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dotted", [True, False])
def test_train_and_test_files(tmp_path: Path, dotted: bool, packed: bool) -> None:
    write(tmp_path, "train", images_file(), labels_file(), dotted, packed)
    write(tmp_path, "t10k", images_file(IMAGES[:5, ::-1]), labels_file(LABELS[:5]), dotted, packed)
    source = Idx(tmp_path)
    assert Idx.recognises(tmp_path) and source.native_size() == (WIDTH, HEIGHT) and source.count() == COUNT + 5
    found = list(source.artworks())
    assert [work.split for work in found] == ["train"] * COUNT + ["test"] * 5
    assert [work.label for work in found[:4]] == ["0", "1", "2", "0"]
    assert (found[0].name, found[-1].name) == ("train/00000", "t10k/00004")
    assert np.array_equal(np.stack([work.image for work in found[:COUNT]]), IMAGES)  # pyrefly: ignore
    assert np.array_equal(found[COUNT].image, IMAGES[0, ::-1])  # pyrefly: ignore
    assert source.warnings == [] and len(source.notes) == 1


def test_t10k_alone_is_trained_on_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, "t10k", images_file(), labels_file())
    source = Idx(tmp_path)
    assert {work.split for work in source.artworks()} == {"train"}
    assert any("t10k files are what is trained on" in warning for warning in source.warnings)


def test_images_without_labels(tmp_path: Path) -> None:
    write(tmp_path, "train", images_file(), None)
    source = Idx(tmp_path)
    assert {work.label for work in source.artworks()} == {None}
    assert any("no file of labels" in warning for warning in source.warnings)


def test_labels_without_images_and_files_twice_are_named(tmp_path: Path) -> None:
    write(tmp_path, "train", images_file(), labels_file())
    write(tmp_path, "train", images_file(), None, packed=False)
    write(tmp_path, "t10k", None, labels_file())
    warnings = " ".join(Idx(tmp_path).warnings)
    assert "t10k-labels-idx1-ubyte.gz is not used" in warnings
    assert "train-images-idx3-ubyte is used" in warnings and "not train-images-idx3-ubyte.gz" in warnings


def test_no_files_at_all(tmp_path: Path) -> None:
    assert not Idx.recognises(tmp_path)
    with pytest.raises(DataError, match="expected train-images-idx3-ubyte"):
        Idx(tmp_path)


BAD = {
    "magic number": (struct.pack(">4I", 0x802, 1, 8, 8) + bytes(64), None, "magic number 0x803.*found 0x802"),
    "labels as images": (labels_file() + bytes(8), None, "magic number 0x803.*found 0x801"),
    "empty": (b"", None, "header of 16 bytes, found 0"),
    "short header": (images_file()[:10], None, "header of 16 bytes, found 10"),
    "too few pixels": (
        images_file()[:-1],
        None,
        f"expected {COUNT} images, found {COUNT - 1}|1,096 bytes in all, the file holds 1,095",
    ),
    "too many pixels": (images_file() + b"x", None, "found more bytes|holds 1,097"),
    "absurd size": (struct.pack(">4I", 0x803, 2**32 - 1, 2**32 - 1, 2**32 - 1), None, "header claims"),
    "absurd count": (struct.pack(">4I", 0x803, 2**31, 28, 28) + bytes(784), None, "header claims"),
    "tiny": (images_file(IMAGES[:, :4, :4]), None, "sides of 8 to 4096 px, found 4x4"),
    "too few labels": (images_file(), labels_file(LABELS[:-1]), "expected 12 labels, one a picture, found 11"),
    "labels cut off": (images_file(), labels_file()[:-2], "expected 12 labels, found 10|holds 18"),
    "wrong labels": (images_file(), images_file(), "magic number 0x801.*found 0x803"),
}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("kind", BAD)
def test_damaged_files_name_file_expected_and_found(tmp_path: Path, kind: str, packed: bool) -> None:
    images, labels, message = BAD[kind]
    write(tmp_path, "train", images, labels, packed=packed)
    with pytest.raises(DataError, match=message) as raised:
        works(tmp_path)
    assert str(tmp_path / "train-") in str(raised.value)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "not gzip"])
def test_damaged_gzip(tmp_path: Path, damage: str) -> None:
    write(tmp_path, "train", images_file(), labels_file())
    path = tmp_path / "train-images-idx3-ubyte.gz"
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    path.write_bytes({"truncated": data[: len(data) // 2], "flipped": data, "not gzip": b"hello" * 9}[damage])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz: .*Download it again"):
        works(tmp_path)


def test_the_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    write(tmp_path, "train", images_file(), None)
    first = Idx(tmp_path).fingerprint()
    assert Idx(tmp_path).fingerprint() == first
    write(tmp_path, "train", images_file(IMAGES[::-1]), None)
    second = Idx(tmp_path).fingerprint()
    write(tmp_path, "train", None, labels_file())
    assert len({first, second, Idx(tmp_path).fingerprint()}) == 3


@settings(deadline=None, max_examples=40)
@given(
    magic=st.sampled_from([0x803, 0x803, 0x801, 0, 2**32 - 1]),
    sizes=st.lists(st.one_of(st.integers(0, 20), st.integers(0, 2**32 - 1)), min_size=3, max_size=3),
    pixels=st.binary(max_size=2000),
    packed=st.booleans(),
)
def test_whatever_the_header_says(magic: int, sizes: list[int], pixels: bytes, packed: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), "train", struct.pack(">4I", magic, *sizes) + pixels, None, packed=packed)
        try:
            found = works(Path(name))
        except DataError:
            return
        assert len(found) == sizes[0] and sizes[0] * sizes[1] * sizes[2] == len(pixels)
