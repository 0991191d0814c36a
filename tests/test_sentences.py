"""A sentence model that reads captions."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas import sentences
from ganvas.config import TextEncoder
from ganvas.errors import UsageError
from ganvas.sentences import described, moved, numbers_of, opened

from .sentence_models import make_model

pytest.importorskip("transformers")

TEXTS = [
    "a red circle",
    "a blue square",
    "左上角一个大的红色圆形",
    "red",
    "a large red circle on the left, a small star",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TextEncoder:
    return described(folder)


def test_a_caption_s_vector_is_the_mean_of_the_last_states(folder: Path, encoder: TextEncoder) -> None:
    from transformers import AutoModel, AutoTokenizer

    found = opened(encoder).vectors(TEXTS)
    assert found.shape == (len(TEXTS), encoder.dim) and found.dtype == np.float32
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")  # padded, where ours are not
    with torch.no_grad():
        states, seen = model(**batch).last_hidden_state, batch["attention_mask"][..., None]
    means = torch.nn.functional.normalize((states * seen).sum(dim=1) / seen.sum(dim=1), dim=1)
    np.testing.assert_allclose(found, means.numpy(), atol=1e-5)
    apart = found @ found.T
    assert (apart[~np.eye(len(TEXTS), dtype=bool)] < 0.999).all()


def test_a_vector_does_not_depend_on_those_beside_it(encoder: TextEncoder) -> None:
    reader, many = opened(encoder), [f"{text} {number}" for number in range(20) for text in TEXTS]
    counted: list[tuple[int, int]] = []
    together = reader.read(many, lambda *one: counted.append(one))
    assert counted[-1] == (100, 100) and counted == sorted(counted) and len(counted) > 3
    for number in (0, 37, 99):
        assert (reader.read([many[number]])[0] == together[number]).all()
    assert (reader.vectors(many[::-1]) == together[::-1]).all()
    assert (reader.vectors(many[:3]) == together[:3]).all()  # remembered


def test_memory_of_captions_is_bounded(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "REMEMBERED", 4)
    reader = opened(encoder)
    reader._known.clear()
    for text in (*TEXTS, *TEXTS):
        assert (reader.vectors([text, "red"]) == reader.read([text, "red"])).all()
        assert len(reader._known) <= 4


def test_captions_become_numbers_and_no_caption_zeros(encoder: TextEncoder) -> None:
    told = numbers_of(["red", "", "blue"], encoder)
    assert told.dtype == torch.float32 and told[:, 0].tolist() == [1, 0, 1] and not told[1].any()
    assert told[0, 1:].norm() == pytest.approx(1, abs=1e-6)
    gone = replace(encoder, path="/nowhere")
    assert not numbers_of(["", ""], gone).any()  # nothing to read, so nothing is opened
    with pytest.raises(UsageError, match="--text-encoder PATH"):
        numbers_of(["red"], gone)
    assert numbers_of(["red", ""]).shape == (2, 264) and numbers_of([""]).dtype == torch.int64


def test_long_captions_are_cut_where_the_model_ends(encoder: TextEncoder) -> None:
    found = opened(encoder).read(["red " * 200, "red " * 150, "red"])
    assert (found[0] == found[1]).all() and not (found[0] == found[2]).all()


def test_reading_leaves_no_trace(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    before, state = (logging.get_verbosity(), logging.is_progress_bar_enabled()), torch.get_rng_state()
    sentences._opened.cache_clear()
    described(folder)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    assert (torch.get_rng_state() == state).all()
    assert capfd.readouterr() == ("", "")


def test_a_moved_model_is_known_and_a_changed_one_too(folder: Path, encoder: TextEncoder, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    found = moved(encoder, copy)
    assert found.path == str(copy) and found.fingerprint == encoder.fingerprint == described(copy).fingerprint
    (copy / "README.md").write_text("hello")  # which decides nothing
    assert described(copy).fingerprint == encoder.fingerprint
    other = make_model(tmp_path / "other", seed=1)
    (copy / "vocab.txt").write_text("[PAD]\n[UNK]\nred\n")
    for place in (other, copy):
        with pytest.raises(UsageError, match="another sentence model"):
            moved(encoder, place)
    with pytest.raises(UsageError, match="another sentence model"):
        opened(replace(encoder, path=str(other)))


def test_what_is_no_sentence_model_is_refused(folder: Path, tmp_path: Path) -> None:
    def broken(name: str) -> Path:
        return shutil.copytree(folder, tmp_path / name)

    with pytest.raises(UsageError, match="Nothing is downloaded"):
        described("sentence-transformers/all-MiniLM-L6-v2")
    pickled = broken("pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(UsageError, match="can run code"):
        described(pickled)
    cut = broken("cut")
    (cut / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:2000])
    with pytest.raises(UsageError, match="cannot be read as a sentence model"):
        described(cut)
    deeper = broken("deeper")
    config = json.loads((deeper / "config.json").read_text()) | {"num_hidden_layers": 2}
    (deeper / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match="lacks weights of its model, such as encoder.layer.1"):
        described(deeper)
    adapter = broken("adapter")
    (adapter / "adapter_config.json").write_text("{}")
    with pytest.raises(UsageError, match="an adapter"):
        described(adapter)
    strange = broken("strange")
    own = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (strange / "config.json").write_text(json.dumps(own))
    (strange / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(UsageError, match="cannot be read as a sentence model"):
        described(strange)
    assert not (tmp_path / "ran").exists()


def test_without_the_extra_it_says_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences._opened.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match=r"pip install 'ganvas\[text\]'"):
        described(folder)


@pytest.mark.parametrize("wrong", [{"path": ""}, {"path": "a\0b"}, {"dim": 0}, {"fingerprint": "zz"}])
def test_a_stranger_s_settings_are_checked(encoder: TextEncoder, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="text_encoder"):
        replace(encoder, **wrong)  # type: ignore[arg-type]
