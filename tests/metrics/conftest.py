"""Digits for the scores, made once; and scores that take seconds made to take less."""

import pytest

from ganvas.metrics import classifier, copying, laplacian, pairs

from .helpers import Digits


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Digits:
    return Digits.load(tmp_path_factory.mktemp("digits"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer patches, pairs and pictures; what is tested does not hang on how many."""
    monkeypatch.setattr(laplacian, "PATCHES", 8000)
    monkeypatch.setattr(laplacian, "DIRECTIONS", 32)
    monkeypatch.setattr(pairs, "MS_SSIM_PAIRS", 400)
    monkeypatch.setattr(classifier, "PICTURES_SEEN", 3000)
    monkeypatch.setattr(copying, "REPLICATES", 400)
