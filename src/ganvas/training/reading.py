"""The captions of prepared pictures as numbers; a sentence model's are kept in the cache, as it takes a while."""

import contextlib
import hashlib
import io
from collections.abc import Sequence

import numpy as np

from ..config import TextEncoder
from ..dataset import Dataset, cache_folder
from ..files import make_folder, write_file
from ..sentences import Progress, opened, quietly
from ..words import IDS, READ, ids_of

BLOCK = 1000
"""Captions that are kept in one file."""


def read_ahead(dataset: Dataset, encoder: TextEncoder, progress: Progress = quietly) -> None:
    """Has a sentence model read all captions, so that a `Captions` made later need not wait.

    progress: called with how many different captions are read, and of how many. Raises UsageError, StorageError.
    """
    _vectors(tuple(dict.fromkeys(text for of_one in dataset.captions() for text in of_one)), encoder, progress)


def as_numbers(texts: Sequence[str], encoder: TextEncoder | None) -> np.ndarray:
    """What `ganvas.sentences.numbers_of` makes of captions, in less memory: half a kilobyte each.

    (n, READ * IDS) int16 numbers of words; of a sentence model (n, 1 + dim) float32, four bytes a number.
    """
    if encoder is None:
        found = np.zeros((len(texts), READ * IDS), np.int16)
        for row, text in enumerate(texts):
            found[row] = ids_of(text)
        return found
    place = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    found = np.ones((len(texts), 1 + encoder.dim), np.float32)
    if texts:
        found[:, 1:] = _vectors(tuple(place), encoder, quietly)[[place[text] for text in texts]]
    return found


def _vectors(texts: Sequence[str], encoder: TextEncoder, progress: Progress) -> np.ndarray:
    """(n, dim) float32 vectors of different captions. Kept block by block, so that a kill costs a block."""
    found = np.empty((len(texts), encoder.dim), np.float32)
    for start in range(0, len(texts), BLOCK):
        block = texts[start : start + BLOCK]
        found[start : start + len(block)] = _kept(
            block, encoder, lambda done, _, start=start: progress(start + done, len(texts))
        )
    return found


def _kept(texts: Sequence[str], encoder: TextEncoder, progress: Progress) -> np.ndarray:
    """The same of one block, out of the cache where it was read before."""
    digest = hashlib.sha256("\n".join((encoder.fingerprint, *texts)).encode(errors="replace"))
    path = cache_folder() / "sentences" / f"{digest.hexdigest()[:32]}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):  # where it is not there, or cut off
        found = np.load(path, allow_pickle=False)
        if found.shape == (len(texts), encoder.dim) and found.dtype == np.float32:
            return found
    found = opened(encoder).read(texts, progress)
    written = io.BytesIO()
    np.save(written, found)
    make_folder(path.parent)
    write_file(path, written.getvalue())
    return found
