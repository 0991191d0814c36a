"""What every test gets."""

import os
from pathlib import Path

import pytest

# Before torch is imported: two test processes with two threads each would wait for each other on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def cache_in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepared pictures go into the test's own folder, never into the user's cache."""
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
