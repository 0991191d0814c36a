"""A transformer that writes: what was asked for comes first, then one code after the other.

Vaswani et al. 2017; normalised before each part (Xiong et al. 2020, fig. 1b). Ramesh et al. 2021 (DALL-E), sect. 2.2:
one row of tokens, of the text and then of the picture. There the text is predicted, too, word by word; here it is only
read, so that its words may look at each other in both directions.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions
from ..words import PIECE_BUCKETS, READ, WORD_BUCKETS
from .layers import zeros
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
    gist: Tensor
    """(n, 1, dim): what was asked for, in one vector."""


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

    The row is: words, label, codes line by line. At the label, and at each code, stands where the next one will be, and
    the gist of what was asked for, label and mean of the words: so words count before attention has learned to look at
    them.
    A code is known by a vector of its own and by a map of the square that it stands for, where it is read and where it
    is guessed: squares that look alike are learned together, and so is a colour in all shapes.
    """

    def __init__(
        self, dim: int, layers: int, codes: tuple[int, int], size: tuple[int, int], asked: int | Conditions
    ) -> None:
        """codes: how many, and the numbers of the square of each.   size: height and width of a picture in codes."""
        super().__init__()
        asked = Conditions.of(asked)
        height, width = size
        self.words = nn.Embedding(WORD_BUCKETS, dim, padding_idx=0) if asked.text_dim else None
        self.pieces = nn.Embedding(PIECE_BUCKETS, dim, padding_idx=0) if asked.text_dim else None
        self.places = nn.Parameter(torch.randn(READ, dim) * START) if asked.text_dim else None
        self.gather = nn.Linear(dim, dim) if asked.text_dim else None
        self.labels = vectors(asked.labels + 1, dim)
        self.codes, self.looks = vectors(codes[0], dim), nn.Linear(codes[1], dim)
        self.rows = nn.Parameter(torch.randn(height, 1, dim) * START)
        self.columns = nn.Parameter(torch.randn(1, width, dim) * START)
        self.layers = nn.ModuleList(Layer(dim) for _ in range(layers))
        self.guess, self.guess_looks = zeros(nn.Linear(dim, codes[0])), nn.Linear(dim, codes[1])

    def asked(self, label: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n,) labels, (n, READ, IDS) words -> (n, length, dim) what comes first, (n, length) where it is, the gist."""
        gist = self.labels(label)[:, None]
        if self.words is None or self.pieces is None or self.places is None or self.gather is None:
            return gist + self.where()[0], gist.new_ones(len(gist), 1, dtype=torch.bool), gist
        ids, known = cut(ids)
        words = spelled(ids, self.words, self.pieces)
        mean = (words * known[:, :, None]).sum(dim=1) / known.sum(dim=1, keepdim=True).clamp(min=1)
        gist = gist + self.gather(mean)[:, None]
        row = torch.cat([words + self.places[: ids.shape[1]], gist + self.where()[0]], dim=1)
        return row, F.pad(known, (0, 1), value=True), gist

    def where(self) -> Tensor:
        """(codes of a picture, dim) vectors of their places, line by line."""
        return (self.rows + self.columns).flatten(0, 1)

    def written(self, codes: Tensor, squares: Tensor) -> Tensor:
        """(n, length) codes -> (n, length, dim)."""
        return self.codes(codes) + self.looks(squares[codes])

    def guessed(self, x: Tensor, squares: Tensor) -> Tensor:
        """(..., dim) -> (..., codes) logits."""
        x = normal(x)
        return self.guess(x) + self.guess_looks(x) @ squares.T

    def forward(self, label: Tensor, ids: Tensor, codes: Tensor, squares: Tensor) -> Tensor:
        """codes: (n, codes of a picture), the right ones -> (n, the same, codes) logits of each.

        squares: (codes, numbers), what they stand for.
        Each logit knows what was asked for and the codes before its own.
        """
        asked, known, gist = self.asked(label, ids)
        x = torch.cat([asked, self.written(codes[:, :-1], squares) + self.where()[1:] + gist], dim=1)
        length, read = x.shape[1], asked.shape[1]
        unseen = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        unseen[:, :read] = False  # what was asked for is seen as a whole
        unseen = unseen | F.pad(~known, (0, length - read))[:, None]
        hidden = HIDDEN * unseen[:, None].to(x.dtype)
        for layer in self.layers:
            x, _, _ = layer(x, hidden, None)
        return self.guessed(x[:, read - 1 :], squares)

    def begin(self, label: Tensor, ids: Tensor, squares: Tensor) -> tuple[Tensor, Memory]:
        """Reads what was asked for. returns: (n, codes) logits of the first code, and what `go_on` needs."""
        x, known, gist = self.asked(label, ids)
        memory = Memory(HIDDEN * (~known)[:, None, None].to(x.dtype), [None] * len(self.layers), gist)
        return self._next(x, memory, squares)

    def go_on(self, codes: Tensor, number: int, memory: Memory, squares: Tensor) -> tuple[Tensor, Memory]:
        """Reads the (n,) codes of place `number`, from 0. returns: (n, codes) logits of the next one.

        The same as those of `forward`, but each code passes once: what was read before is remembered.
        """
        x = self.written(codes[:, None], squares) + self.where()[number + 1] + memory.gist
        return self._next(x, Memory(F.pad(memory.hidden, (0, 1)), memory.layers, memory.gist), squares)

    def _next(self, x: Tensor, memory: Memory, squares: Tensor) -> tuple[Tensor, Memory]:
        kept: list[tuple[Tensor, Tensor] | None] = []
        for layer, past in zip(self.layers, memory.layers, strict=True):
            x, key, value = layer(x, memory.hidden, past)
            kept.append((key, value))
        return self.guessed(x[:, -1], squares), Memory(memory.hidden, kept, memory.gist)
