"""A transformer that writes: what was asked for comes first, then one code after the other.

Vaswani et al. 2017; normalised before each part (Xiong et al. 2020, fig. 1b). Ramesh et al. 2021 (DALL-E), sect. 2.2:
one row of tokens, of the text and then of the picture. There the text is predicted, too, word by word; here it is only
read, so that its words may look at each other in both directions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions
from ..words import PIECE_BUCKETS, READ, WORD_BUCKETS
from .text import cut, normal, spelled

HEADS = 4
HIDDEN = -1e4
"""Added to what must not be looked at: exp of it is 0 in every precision, and it is no infinity."""
START = 0.3
"""Deviation of vectors at the start."""


@dataclass(frozen=True)
class Memory:
    """What was read and written so far."""

    hidden: Tensor
    """(n, 1, 1, length): 0, or `HIDDEN` where there is no word."""
    layers: "list[tuple[Tensor, Tensor] | None]"
    """Of each layer the keys and the values, (n, HEADS, length, dim / HEADS) each; None before anything was read."""


def vectors(count: int, dim: int) -> nn.Embedding:
    """So many, small at first."""
    embedding = nn.Embedding(count, dim)
    nn.init.normal_(embedding.weight, std=START)
    return embedding


class Layer(nn.Module):
    """Each place looks at what it may see, then thinks: (n, length, dim) -> (n, length, dim)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.look = nn.Linear(dim, 3 * dim)
        self.tell = nn.Linear(dim, dim)
        self.widen = nn.Linear(dim, 4 * dim)
        self.narrow = nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor, hidden: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        """hidden: to be added to how well places match, broadcast to (n, HEADS, length, length with the past).

        past: keys and values from before.   returns: x, and keys and values with those of x.
        """
        query, key, value = self.look(normal(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        match = query @ key.mT / math.sqrt(query.shape[3]) + hidden
        x = x + self.tell((match.softmax(dim=3) @ value).transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.widen(normal(x)))), key, value


class Writer(nn.Module):
    """How likely each code is to come next.

    The row is: words, label, codes line by line. At the label, and at each code, stands where the next one will be.
    levels: of the numbers that a code stands for; each level has a vector, and a code is their sum.
    """

    def __init__(
        self, dim: int, layers: int, levels: Sequence[int], size: tuple[int, int], asked: int | Conditions
    ) -> None:
        super().__init__()
        asked = Conditions.of(asked)
        height, width = size
        self.words = nn.Embedding(WORD_BUCKETS, dim, padding_idx=0) if asked.text_dim else None
        self.pieces = nn.Embedding(PIECE_BUCKETS, dim, padding_idx=0) if asked.text_dim else None
        self.places = nn.Parameter(torch.randn(READ, dim) * START) if asked.text_dim else None
        self.labels = vectors(asked.labels + 1, dim)
        self.levels = nn.ModuleList(vectors(count, dim) for count in levels)
        self.rows = nn.Parameter(torch.randn(height, 1, dim) * START)
        self.columns = nn.Parameter(torch.randn(1, width, dim) * START)
        self.layers = nn.ModuleList(Layer(dim) for _ in range(layers))
        self.guess = nn.Linear(dim, math.prod(levels))

    def asked(self, label: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) labels, (n, READ, IDS) words -> (n, length, dim) what comes first, and (n, length) where it is."""
        first = (self.labels(label) + self.where()[0])[:, None]
        if self.words is None or self.pieces is None or self.places is None:
            return first, first.new_ones(len(first), 1, dtype=torch.bool)
        ids, known = cut(ids)
        words = spelled(ids, self.words, self.pieces) + self.places[: ids.shape[1]]
        return torch.cat([words, first], dim=1), F.pad(known, (0, 1), value=True)

    def where(self) -> Tensor:
        """(codes of a picture, dim) vectors of their places, line by line."""
        return (self.rows + self.columns).flatten(0, 1)

    def written(self, digits: Tensor) -> Tensor:
        """(n, length, numbers) levels of codes -> (n, length, dim)."""
        return torch.stack([level(digits[..., number]) for number, level in enumerate(self.levels)]).sum(dim=0)

    def forward(self, label: Tensor, ids: Tensor, digits: Tensor) -> Tensor:
        """digits: (n, codes of a picture, numbers) levels of the right codes -> (n, the same, codes) logits of each.

        Each logit knows what was asked for and the codes before its own.
        """
        asked, known = self.asked(label, ids)
        x = torch.cat([asked, self.written(digits[:, :-1]) + self.where()[1:]], dim=1)
        length, read = x.shape[1], asked.shape[1]
        unseen = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        unseen[:, :read] = False  # what was asked for is seen as a whole
        unseen = unseen | F.pad(~known, (0, length - read))[:, None]
        hidden = HIDDEN * unseen[:, None].to(x.dtype)
        for layer in self.layers:
            x, _, _ = layer(x, hidden, None)
        return self.guess(normal(x[:, read - 1 :]))

    def begin(self, label: Tensor, ids: Tensor) -> tuple[Tensor, Memory]:
        """Reads what was asked for. returns: (n, codes) logits of the first code, and what `go_on` needs."""
        x, known = self.asked(label, ids)
        memory = Memory(HIDDEN * (~known)[:, None, None].to(x.dtype), [None] * len(self.layers))
        return self._next(x, memory)

    def go_on(self, digits: Tensor, number: int, memory: Memory) -> tuple[Tensor, Memory]:
        """Reads code `number`, from 0, whose levels are (n, numbers). returns: (n, codes) logits of the next one.

        The same as those of `forward`, but each code passes once: what was read before is remembered.
        """
        x = self.written(digits[:, None]) + self.where()[number + 1]
        return self._next(x, Memory(F.pad(memory.hidden, (0, 1)), memory.layers))

    def _next(self, x: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        kept: list[tuple[Tensor, Tensor] | None] = []
        for layer, past in zip(self.layers, memory.layers, strict=True):
            x, key, value = layer(x, memory.hidden, past)
            kept.append((key, value))
        return self.guess(normal(x[:, -1])), Memory(memory.hidden, kept)
