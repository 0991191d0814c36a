"""Works made to order: from words to styles."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .config import TextEncoder, check
from .errors import UsageError
from .nets.generator import Generator
from .registry import nearest
from .sentences import numbers_of
from .words import LONGEST, READ, read_of, visible, words_of

MOST_TEXTS = 16
"""To be mixed. Each takes the net a pass, and a stranger's file may ask for any number."""
MOST_GUIDANCE = 10.0
MOST_WEIGHT = 10.0
MOST_TRIES = 64
MOST_TEMPERATURE = 10.0
MOST_TOP_K = 4096


@dataclass(frozen=True)
class Prompt:
    """What a work is to show.

    texts: one, or several to be mixed.   shares: how much each counts, made to add up to 1; () for all alike.
    guidance: 1 is as learned; above 1 words count for more than they did in training, at 0 for nothing.
    weights: (word, factor) pairs; a word of factor 0 is as if it were not there, one of 2 counts twice.
    best_of: so many works are drawn for each that is wanted, of which the one that suits the texts best is kept.
    temperature, top_k: of a model of the recipe `tokens`. Below 1 what is likely is likelier still, above 1 less so;
    only so many of the likeliest codes are chosen from, 0 for all.
    Raises UsageError for what is no prompt.
    """

    texts: tuple[str, ...]
    shares: tuple[float, ...] = ()
    guidance: float = 1.0
    weights: tuple[tuple[str, float], ...] = ()
    best_of: int = 1
    temperature: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        check(isinstance(self.texts, tuple) and bool(self.texts), "text", self.texts, "at least one text, in a tuple")
        check(len(self.texts) <= MOST_TEXTS, "text", f"{len(self.texts)} texts", f"at most {MOST_TEXTS} texts")
        check(len(self.weights) <= READ, "weights", f"{len(self.weights)} weights", f"at most {READ} weights")
        for text in self.texts:
            if len(text) > LONGEST:
                raise UsageError(f"Expected a text of at most {LONGEST:,} characters, found {len(text):,}.")
            if visible(text) != text:
                raise UsageError(f"Expected a text without control characters, found {text!r}.")
            if not words_of(text):
                raise UsageError(f"Expected words to draw by, found none in {text!r}.")
        fits = not self.shares or (
            len(self.shares) == len(self.texts) and all(0 <= share < math.inf for share in self.shares)
        )
        check(fits, "shares", self.shares, f"a number of 0 or more for each of {len(self.texts)} texts")
        check(not self.shares or sum(self.shares) > 0, "shares", self.shares, "above 0 in sum")
        tries = type(self.best_of) is int and 1 <= self.best_of <= MOST_TRIES
        check(tries, "best_of", self.best_of, f"a whole number from 1 to {MOST_TRIES}")
        check(0 <= self.guidance <= MOST_GUIDANCE, "guidance", self.guidance, f"from 0 to {MOST_GUIDANCE:g}")
        good = 0 < self.temperature <= MOST_TEMPERATURE
        check(good, "temperature", self.temperature, f"above 0, at most {MOST_TEMPERATURE:g}")
        good = type(self.top_k) is int and 0 <= self.top_k <= MOST_TOP_K
        check(good, "top_k", self.top_k, f"a whole number from 0 to {MOST_TOP_K}")
        known = sorted({word for text in self.texts for word in words_of(text)})
        for word, factor in self.weights:
            if word not in known:
                raise UsageError(f"No word {word!r} in {' / '.join(self.texts)!r}.{nearest(word, known)}")
            good = abs(factor) <= MOST_WEIGHT
            check(good, f"the weight of {word!r}", factor, f"from {-MOST_WEIGHT:g} to {MOST_WEIGHT:g}")

    def warnings(self, words: Sequence[str], reads_all: bool = False) -> list[str]:
        """What is not understood of it by a model that learned these words.

        reads_all: a sentence model reads words that were never learned, too, and captions of any length.
        Raises UsageError where it learned from no captions, or none of the words.
        """
        if not words:
            raise UsageError("This model learned from pictures without captions; leave out the text, or ask by label.")
        asked = list(dict.fromkeys(word for text in self.texts for word in words_of(text)))
        known = set(words)
        strange = [word for word in asked if word not in known]
        if len(strange) == len(asked) and not reads_all:
            never = " ".join(f"It never learned {word!r}.{close(word, words)}" for word in strange)
            raise UsageError(f"{never} It knows {len(words):,} words, such as {', '.join(words[:12])}.")
        found = [f"It never learned {word!r}.{close(word, words)}" for word in strange]
        long = [text for text in self.texts if len(read_of(text)) > READ and not reads_all]
        return found + [
            f"It reads {READ} words and commas; what comes after them counts for nothing: {text!r}." for text in long
        ]


def parse_weights(text: str) -> tuple[tuple[str, float], ...]:
    """ "red:1.5 circle:0.7" -> (("red", 1.5), ("circle", 0.7)). Raises UsageError."""
    pairs = []
    for part in text.split():
        word, _, number = part.rpartition(":")
        try:
            pairs.append((word.casefold(), float(number)))
        except ValueError:
            word = ""
        if not word or not math.isfinite(pairs[-1][1]):
            raise UsageError(f"Expected weights such as 'red:1.5 circle:0.7', found {part!r}.")
    return tuple(pairs)


def rows(label: Tensor, captions: Sequence[str], encoder: TextEncoder | None = None) -> Tensor:
    """(n,) labels and n captions, "" for none -> (n, ROW) conditions, or (n, 2 + dim) where a sentence model reads."""
    return torch.cat([label[:, None], numbers_of(captions, encoder).to(label.device)], dim=1)


def silent(label: Tensor, encoder: TextEncoder | None = None) -> Tensor:
    """(n,) labels -> conditions without a caption, shaped as `rows`."""
    return rows(label, [""] * len(label), encoder)


def terms_of(prompt: Prompt) -> dict[str, float]:
    """What is asked for, as captions ("" for none) with coefficients, which add up to 1.

    Words count in proportion to what they change: s + sum over words of (factor - 1) (s - s without the word). Guidance
    goes on from no caption: s0 + guidance (s - s0), as Ho & Salimans 2022, eq. 6, there with scores.
    """
    terms: dict[str, float] = {}
    shares = prompt.shares or (1.0,) * len(prompt.texts)
    for text, share in zip(prompt.texts, shares, strict=True):
        part = prompt.guidance * share / sum(shares)
        terms[text] = terms.get(text, 0.0) + part
        for word, factor in prompt.weights:
            if word in words_of(text):
                terms[text] += part * (factor - 1)
                fewer = without(text, word)
                terms[fewer] = terms.get(fewer, 0.0) - part * (factor - 1)
    if prompt.guidance != 1:
        terms[""] = terms.get("", 0.0) + 1 - prompt.guidance
    return terms


def styles_of(
    prompt: Prompt,
    generator: Generator,
    z: Tensor,
    label: Tensor,
    truncation: float,
    encoder: TextEncoder | None = None,
) -> Tensor:
    """(n, layers, dim): each latent's styles for what the prompt asks, all else being equal.

    z: (n, latent_dim).   label: (n,).   Raises UsageError for a temperature where there is none.
    """
    terms = terms_of(prompt)
    parts = [generator.truncated(z, rows(label, [text] * len(label), encoder), truncation) for text in terms]
    styles = parts[0] if len(parts) == 1 else generator.combined(parts, list(terms.values()))
    return generator.tempered(styles, prompt.temperature, prompt.top_k)


def close(word: str, words: Sequence[str]) -> str:
    """A hint at a word that is spelled nearly so, or ""."""
    found = difflib.get_close_matches(word, words, n=1)
    return f" Did you mean {found[0]!r}?" if found else ""


def without(text: str, word: str) -> str:
    """The text's words but this one, and what parts them."""
    return " ".join(one for one in read_of(text) if one != word)
