"""Captions as numbers, and what is kept of a sentence model's work."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas.config import TextEncoder
from ganvas.dataset import prepare
from ganvas.sentences import described, numbers_of
from ganvas.training import reading
from ganvas.training.captions import Captions
from ganvas.training.reading import as_numbers, read_ahead

from ..sentence_models import make_model

pytest.importorskip("transformers")

TEXTS = ["a red circle", "", "blue", "a red circle", "左上角"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    return described(make_model(tmp_path_factory.mktemp("models") / "tiny"))


def test_numbers_are_those_that_drawing_uses(encoder: TextEncoder) -> None:
    assert (as_numbers(TEXTS, None) == numbers_of(TEXTS).numpy()).all()
    said = [text for text in TEXTS if text]
    assert (as_numbers(said, encoder) == numbers_of(said, encoder).numpy()).all()
    assert as_numbers([], encoder).shape == (0, 1 + encoder.dim) and as_numbers([], None).shape == (0, 264)


def test_steps_get_vectors_their_own_and_others(encoder: TextEncoder, tmp_path: Path) -> None:
    data = prepare("shapes:30", 16, out=tmp_path / "art")
    captions, said = Captions(data, np.arange(30), encoder), data.captions()
    rng, label = torch.Generator().manual_seed(0), torch.from_numpy(data.labels)
    known = [numbers_of(texts, encoder) for texts in said]
    mixed = 0
    for _ in range(5):
        found = captions.said_of(np.arange(30), label, 0.25, rng)
        for number, (own, other) in enumerate(zip(found.own, found.other, strict=True)):
            assert own.dtype == torch.float32 and own[0] == other[0] == label[number]
            assert (own[1:] == known[number]).all(dim=1).any() if own[1] else not own[1:].any()
            assert (own == other).all() or (other[1] == 1 and not (other[1:] == known[number]).all(dim=1).any())
        mixed += int((found.share > 0).sum())
        assert not found.own[found.share > 0, 1:].any()
    assert mixed > 5


def test_what_was_read_is_kept_block_by_block(
    encoder: TextEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK", 20)
    data = prepare("shapes:16", 16, out=tmp_path / "art")
    every = len({text for of_one in data.captions() for text in of_one})
    counted: list[int] = []

    def killed(done: int, total: int) -> None:
        assert total == every
        counted.append(done)
        if done > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_ahead(data, encoder, killed)
    assert counted == sorted(counted)
    kept = sorted((tmp_path / "cache" / "sentences").iterdir())
    assert len(kept) == 2
    kept[0].write_bytes(kept[0].read_bytes()[:200])  # cut off
    again: list[int] = []
    read_ahead(data, encoder, lambda done, total: again.append(done))
    assert again[-1] == every and len([done for done in again if done <= 40]) > 0
    texts = [text for of_one in data.captions() for text in of_one]
    assert (as_numbers(texts, encoder)[:, 1:] == numbers_of(texts, encoder).numpy()[:, 1:]).all()
    assert all(np.load(path).shape[1] == encoder.dim for path in (tmp_path / "cache" / "sentences").iterdir())
