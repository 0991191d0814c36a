"""What every test gets."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepared pictures go into the test's own folder, never into the user's cache."""
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
