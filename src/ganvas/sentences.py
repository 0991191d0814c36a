"""A sentence model of one's own reads the captions: a folder on this machine, read through `transformers`.

A caption's vector is the mean of the model's last hidden states over all of the caption's tokens, brought to length 1
(Reimers & Gurevych 2019, sect. 3). The model stays as it is. Only safetensors, JSON and lists of words are read of it,
nothing is downloaded, and no code that comes with it is run.
"""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .config import TextEncoder
from .errors import UsageError
from .words import IDS, READ, ids_of

DECIDING = (
    "*.safetensors",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
)
"""Files of a model's folder that decide what a caption becomes: its weights, its shape, how it cuts words."""
LONGEST = 512
"""Tokens of a caption that are read, where the model does not read fewer."""
AT_ONCE = 32
REMEMBERED = 4096
"""Captions whose vectors are kept in memory while drawing."""
Progress = Callable[[int, int], None]
"""Called with how many captions are read, and of how many."""


def quietly(done: int, total: int) -> None:
    """Progress that nobody is told of."""


def numbers_of(captions: Sequence[str], encoder: TextEncoder | None = None) -> Tensor:
    """What nets are given of captions, "" for none: (n, READ * IDS) int64 numbers of words.

    Where a sentence model reads, (n, 1 + dim) float32: 1, then the caption's vector. Either way the first number is
    above 0 where there is a caption, and all are 0 where there is none. Raises UsageError as `opened` does.
    """
    if encoder is None:
        return torch.tensor([ids_of(caption) for caption in captions]).view(len(captions), READ * IDS)
    found = torch.zeros(len(captions), 1 + encoder.dim)
    told = [number for number, caption in enumerate(captions) if caption]
    if told:
        found[told, 0] = 1.0
        vectors = opened(encoder).vectors([captions[number] for number in told])
        found[told, 1:] = torch.from_numpy(vectors)
    return found


class Sentences:
    """A sentence model, ready to read. Get one with `opened`."""

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        # In double precision, on the CPU: rounded to single, a caption's vector does not depend on those beside it.
        self._model, self._tokenizer, self._name = model.double().eval().requires_grad_(False), tokenizer, name
        positions = getattr(model.config, "max_position_embeddings", None) or LONGEST + 2
        self._longest = max(1, min(LONGEST, tokenizer.model_max_length, positions - 2))  # some count from 2
        self._known: dict[str, np.ndarray] = {}
        self.dim = self.read(["a"]).shape[1]

    def vectors(self, captions: Sequence[str]) -> np.ndarray:
        """(n, dim) float32 of length 1; those of the last few thousand captions are remembered."""
        new = [caption for caption in dict.fromkeys(captions) if caption not in self._known]
        if new:
            if len(self._known) + len(new) > REMEMBERED:
                self._known.clear()
                new = list(dict.fromkeys(captions))
            self._known.update(zip(new, self.read(new), strict=True))
        return np.stack([self._known[caption] for caption in captions])

    def read(self, captions: Sequence[str], progress: Progress = quietly) -> np.ndarray:
        """(n, dim) float32 of length 1. Raises UsageError where the model makes no numbers of a caption."""
        ids = self._tokenizer(list(captions), truncation=True, max_length=self._longest)["input_ids"]
        found: np.ndarray | None = None
        done = 0
        # Captions of as many tokens at once: nothing is padded, so there is nothing to mask.
        by_length = itertools.groupby(
            sorted(range(len(ids)), key=lambda one: len(ids[one])), key=lambda one: len(ids[one])
        )
        for _, alike in by_length:
            alike = list(alike)
            for start in range(0, len(alike), AT_ONCE):
                part = alike[start : start + AT_ONCE]
                vectors = self._means(torch.tensor([ids[one] for one in part]))
                if not np.isfinite(vectors).all():
                    raise UsageError(f"{self._name} makes no numbers of the caption {captions[part[0]]!r}.")
                found = np.zeros((len(ids), vectors.shape[1]), np.float32) if found is None else found
                found[part] = vectors
                done += len(part)
                progress(done, len(ids))
        assert found is not None
        return found

    def _means(self, tokens: Tensor) -> np.ndarray:
        """(n, length) numbers of tokens -> (n, dim)."""
        with torch.inference_mode():
            states = self._model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
            return F.normalize(states.mean(dim=1), dim=1).float().numpy()


def described(path: str | Path) -> TextEncoder:
    """The sentence model in a folder, to learn with. Raises UsageError where there is none that can be read."""
    folder = Path(path).expanduser().resolve()
    fingerprint = fingerprint_of(folder)
    return TextEncoder(str(folder), _opened(folder, fingerprint).dim, fingerprint)


def moved(encoder: TextEncoder, path: str | Path) -> TextEncoder:
    """The same sentence model at another place. Raises UsageError where another one lies there, or none."""
    folder = Path(path).expanduser().resolve()
    check_same(encoder, folder)
    return TextEncoder(str(folder), encoder.dim, encoder.fingerprint)


def opened(encoder: TextEncoder) -> Sentences:
    """The sentence model that a run learned with, kept open.

    Raises UsageError where it is not there any more, is another by now, or `transformers` is not installed.
    """
    folder = Path(encoder.path)
    if not folder.is_dir():
        raise UsageError(
            f"Captions are read by the sentence model {encoder.path}, which is not there. Say where it lies now: "
            "--text-encoder PATH, or ganvas.open(..., text_encoder=PATH)."
        )
    return _open_checked(encoder)


@lru_cache(maxsize=4)
def _open_checked(encoder: TextEncoder) -> Sentences:
    check_same(encoder, Path(encoder.path))
    return _opened(Path(encoder.path), encoder.fingerprint)


def check_same(encoder: TextEncoder, folder: Path) -> None:
    found = fingerprint_of(folder)
    if found != encoder.fingerprint:
        raise UsageError(
            f"{folder} is another sentence model than the one learned with: expected sha256 "
            f"{encoder.fingerprint[:16]}..., found {found[:16]}.... Say where that one lies: --text-encoder PATH."
        )


def fingerprint_of(folder: Path) -> str:
    """SHA-256 of the files that decide what captions become. Raises UsageError where it is no model's folder."""
    if not folder.is_dir():
        raise UsageError(
            f"Expected a folder with a sentence model, found none at {folder}. Nothing is downloaded; fetch one first, "
            "such as: hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir minilm"
        )
    if not any(folder.glob("*.safetensors")) or not (folder / "config.json").is_file():
        raise UsageError(
            f"{folder}: expected a sentence model, config.json and its weights as *.safetensors, found no such files. "
            "Weights in other forms, such as pytorch_model.bin, can run code when they are read, so they are not."
        )
    if (folder / "adapter_config.json").exists():
        raise UsageError(f"{folder}: expected a whole model, found an adapter to one. Merge it into its model first.")
    digest = hashlib.sha256()
    try:
        for path in sorted({path for pattern in DECIDING for path in folder.glob(pattern) if path.is_file()}):
            with path.open("rb") as file:
                digest.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise UsageError(f"{folder}: the sentence model cannot be read ({error}).") from None
    return digest.hexdigest()


@lru_cache(maxsize=2)
def _opened(folder: Path, fingerprint: str) -> Sentences:
    """The model whose fingerprint was just found to be that."""
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise UsageError("A sentence model needs one more package: pip install 'ganvas[text]'") from error
    safe = {"local_files_only": True, "trust_remote_code": False}
    try:
        with _silent(), torch.device("cpu"), torch.random.fork_rng(devices=[]):
            tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
            model, told = AutoModel.from_pretrained(folder, use_safetensors=True, output_loading_info=True, **safe)
            if model.config.is_encoder_decoder:
                model = model.get_encoder()
            sentences = Sentences(model, tokenizer, str(folder))
    except Exception as error:  # transformers, and the files, fail in many ways
        raise UsageError(f"{folder} cannot be read as a sentence model: {str(error)[:300] or repr(error)}") from error
    lacks = [name for name in told["missing_keys"] if "pooler" not in name and not name.startswith("decoder.")]
    if lacks:
        raise UsageError(f"{folder} lacks weights of its model, such as {min(lacks)}: it would read by chance.")
    return sentences


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without the lines and bars of `transformers`; the caller's settings for these come back."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
