"""What every test gets."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

# Before torch is imported: two test processes with two threads each would wait for each other on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The recipe and the nets `projected` are tested where the packages of their frozen net are installed."""
    from ganvas import efficientnet

    for item in items:
        if "projected" in item.name and "[" in item.name and not efficientnet.installed():
            item.add_marker(pytest.mark.skip("the packages of EfficientNet are not installed"))


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


@pytest.fixture
def one_group_at_a_time() -> Iterator[None]:
    """For tests that start a group of processes: two groups at once may both be given the port that is free."""
    with (Path(tempfile.gettempdir()) / "ganvas-tests-group.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
