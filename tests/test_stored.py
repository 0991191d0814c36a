"""Prepared folders from strangers: whatever a file says, it is checked, and the answer is a DataError."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganvas.dataset import Dataset, open_dataset, prepare
from ganvas.errors import DataError, GanvasError


def tampered(pictures: Path, name: str, change: dict[str, Any]) -> Path:
    """A prepared folder in which one of the files says something else."""
    data = prepare(pictures, 16)
    path = data.folder / name
    if name == "works.jsonl":
        lines = path.read_text().splitlines()
        lines[2] = json.dumps({**json.loads(lines[2]), **change})
        path.write_text("\n".join(lines) + "\n")
        change, name = {"works_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}, "dataset.json"
    path = data.folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    return data.folder


DESCRIPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"format": 2}, "expected format 1, found 2"),
    ({"kind": "other"}, "not made by ganvas prepare"),
    ({"digest": "../../../../etc/passwd"}, "64 hex digits as digest"),
    ({"digest": "0" * 64}, "cannot be used"),
    ({"shape": [6, 16, 16]}, "four numbers"),
    ({"shape": [6, 16, 16, 3.0]}, "a shape"),
    ({"shape": [1 << 39, 16, 16, 3]}, "header does not say uint8"),
    ({"shape": [5, 16, 16, 3]}, "header does not say uint8"),
    ({"settings": {"width": 17, "height": 16}}, "a width of at most 16"),
    ({"settings": {"width": "16", "height": 16}}, "a width"),
    ({"label_names": ["cat", "cat"]}, "different texts"),
    ({"label_names": ["cat"]}, "line 4: expected a label that dataset.json names"),
    ({"label_names": 3}, "different texts"),
    ({"skipped": [{"name": "x"}]}, "a name and a reason"),
    ({"warnings": [1]}, "texts as warnings"),
    ({"works_sha256": "0" * 64}, "content that dataset.json was written for"),
    ({"source": None}, "a text as source"),
]
WORKS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "a printable name"),
    ({"name": "a\x1b[2J"}, "a printable name"),
    ({"name": 3}, "a printable name"),
    ({"sha256": "xyz"}, "64 hex digits"),
    ({"label": "bird"}, "a label that"),
    ({"label": ["cat"]}, "a label that"),
    ({"split": "val"}, "train or test"),
    ({"author": {}}, "texts as"),
    ({"group": 3}, "texts as"),
    ({"text": 3}, "a text, or a list of texts"),
    ({"text": ["a", None]}, "a text, or a list of texts"),
    ({"width": -1}, "a width"),
    ({"height": True}, "a width and a height"),
]


@pytest.mark.parametrize(("change", "message"), DESCRIPTIONS)
def test_a_description_that_lies(pictures: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(tampered(pictures, "dataset.json", change))


@pytest.mark.parametrize(("change", "message"), WORKS)
def test_works_that_lie(pictures: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=rf"works.jsonl, line 3: expected {message}"):
        open_dataset(tampered(pictures, "works.jsonl", change))


@pytest.mark.parametrize("lines", [5, 7])
def test_works_that_are_too_few_or_too_many(pictures: Path, lines: int) -> None:
    folder = tampered(pictures, "works.jsonl", {})
    works = (folder / "works.jsonl").read_bytes().splitlines(keepends=True)
    works = (works + works)[:lines]
    (folder / "works.jsonl").write_bytes(b"".join(works))
    described = json.loads((folder / "dataset.json").read_text())
    described["works_sha256"] = hashlib.sha256(b"".join(works)).hexdigest()
    (folder / "dataset.json").write_text(json.dumps(described))
    with pytest.raises(DataError, match=r"expected 6 lines, (not 5|found more)"):
        open_dataset(folder)


def test_an_array_that_is_another(pictures: Path, tmp_path: Path) -> None:
    data = prepare(pictures, 16)
    path = data.folder / f"pictures-{data.digest[:12]}.npy"
    content = path.read_bytes()
    for other in (
        data.pictures.astype(np.float32),
        data.pictures[:3],
        np.asfortranarray(data.pictures),
        np.array([{}]),
    ):
        np.save(tmp_path / "other.npy", other, allow_pickle=True)
        (tmp_path / "other.npy").replace(path)
        with pytest.raises(DataError, match=r"pictures-.*npy"):
            open_dataset(data.folder)
    for damaged in (content[:-1], content + b"x", content[:100], b"", b"PK\3\4"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"pictures-.*npy"):
            open_dataset(data.folder)
    path.write_bytes(content)
    assert isinstance(open_dataset(data.folder), Dataset)
    (data.folder / "works.jsonl").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        open_dataset(data.folder)
    with pytest.raises(DataError, match="not a prepared folder"):
        open_dataset(pictures)


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=60), st.integers(0, 5000), st.sampled_from(["dataset.json", "works.jsonl"]))
def test_any_damage_is_a_data_error(content: bytes, place: int, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in").mkdir()
        for index in range(3):
            Image.new("L", (9, 9), index).save(Path(folder) / "in" / f"{index}.png")
        out = prepare(Path(folder) / "in", 8, out=Path(folder) / "out").folder
        data = (out / name).read_bytes()
        place %= len(data)
        (out / name).write_bytes(data[:place] + content + data[place + len(content) :])
        try:
            assert len(open_dataset(out)) == 3
        except GanvasError as error:
            assert isinstance(error, DataError)
