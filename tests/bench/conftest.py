import importlib
from pathlib import Path
from typing import Any

import pytest

from ganvas.dataset import Dataset, prepare

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From a module's name to the module: the bench's files stand beside each other, in no package."""
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module


@pytest.fixture
def digits(tmp_path: Path) -> Dataset:
    return prepare("digits", out=tmp_path / "digits")
