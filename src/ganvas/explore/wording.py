"""Which word did what: the same works without it, or with another in its place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..drawing import Drawer
from ..errors import UsageError
from ..prompts import Prompt, without
from ..words import read_of, words_of
from .latent import Latent, of_seeds

AS_SAID = "as said"


@dataclass(frozen=True, eq=False)
class Rewording:
    """A text with one word changed, and the latents that it gives."""

    name: str
    """What was changed: `AS_SAID`, "-red" or "red>blue"."""
    latents: list[Latent]


def rewordings(
    drawer: Drawer, seeds: Sequence[int], text: str, swaps: Sequence[str] = (), truncation: float = 1.0
) -> list[Rewording]:
    """First the text as it is; then without each word that was learned; then with each swap, such as "red:blue".

    Raises UsageError for a text that is no prompt, and a swap of a word that is not in it.
    """
    reads_all = drawer.config.text_encoder is not None
    known = set(words_of(" ".join((text, *swaps)))) if reads_all else set(drawer.config.words)
    words = [word for word in dict.fromkeys(words_of(text)) if word in known]
    changed = [(AS_SAID, text), *((f"-{word}", without(text, word)) for word in words)]
    for swap in swaps:
        old, colon, new = swap.partition(":")
        if not colon or old.casefold() not in words_of(text) or not words_of(new):
            raise UsageError(f"Expected swaps such as {words[0] if words else 'red'}:blue, found {swap!r}.")
        swapped = [new if word == old.casefold() else word for word in read_of(text)]
        changed.append((f"{old}>{new}", " ".join(swapped)))
    found = []
    for name, said in changed:
        if said == text or not known.isdisjoint(words_of(said)):
            found.append(Rewording(name, of_seeds(drawer, seeds, None, truncation, Prompt((said,)))))
        else:  # no word is left that was learned
            found.append(Rewording(name, of_seeds(drawer, seeds, "none", truncation)))
    return found


def changes(whole: np.ndarray, reworded: np.ndarray) -> np.ndarray:
    """(n,) how much each picture differs from the one it was: root of the mean squared difference of levels, 0 to 1."""
    apart = (whole.astype(np.float64) - reworded) / 255
    return np.sqrt(np.square(apart).mean(axis=(1, 2, 3)))


def differences(whole: np.ndarray, reworded: np.ndarray) -> np.ndarray:
    """(n, H, W, C) uint8: white where nothing changed, the darker the more the levels differ; opaque."""
    apart = 255 - np.abs(whole.astype(np.int16) - reworded).astype(np.uint8)
    if apart.shape[3] == 4:
        apart[..., 3] = 255
    return apart
