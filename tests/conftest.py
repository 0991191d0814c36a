"""What every test gets."""

import os
from pathlib import Path

import pytest
from PIL import Image

# Before torch is imported: two test processes with two threads each would wait for each other on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def cache_in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepared pictures go into the test's own folder, never into the user's cache."""
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six pictures: three greys called cat, three colours called dog."""
    folder = tmp_path / "pictures"
    for index in range(6):
        label = ("cat", "dog")[index % 2]
        (folder / label).mkdir(parents=True, exist_ok=True)
        colour = (40 * index,) * 3 if label == "cat" else (40 * index, 0, 9)
        Image.new("RGB", (20 + index, 30), colour).save(folder / label / f"{index}.png")
    return folder
