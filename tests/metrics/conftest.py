"""Digits for the scores, made once; and scores that take seconds made to take less."""

import pytest

from ganvas.metrics import classifier, laplacian, pairs

from .helpers import Digits


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Digits:
    return Digits.load(tmp_path_factory.mktemp("digits"))


@pytest.fixture(autouse=True, scope="session")
def quick():
    """Fewer patches, pairs and pictures; what is tested does not hang on how many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laplacian, "PATCHES", 8000)
        patch.setattr(laplacian, "DIRECTIONS", 32)
        patch.setattr(pairs, "MS_SSIM_PAIRS", 400)
        patch.setattr(classifier, "PICTURES_SEEN", 3000)
        yield
