"""A transformer that writes: what was asked for comes first, then, code after code, what is not paper.

Vaswani et al. 2017; normalised before each part (Xiong et al. 2020, fig. 1b). Ramesh et al. 2021 (DALL-E), sect. 2.2:
one row of tokens, of the text and then of the picture. There the text is predicted, too, word by word; here it is only
read, so that its words may look at each other in both directions.

In drawings two of three codes are one and the same, paper. The papers write them all; here a picture is its other
codes, ink, each with its place, and after each code the place of the next one is guessed. No more is said or left
unsaid, and a step is half the work (docs/recipes/tokens.md).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions
from ..words import PIECE_BUCKETS, READ, WORD_BUCKETS
from .codebook import Codebook
from .layers import zeros
from .text import cut, normal, spelled

HEADS = 4
HIDDEN = -1e4
"""Added to what must not be looked at: exp of it is 0 in every precision, and it is no infinity."""
PHRASES = 2
"""Times that words take in their neighbours: two words each way are known before attention."""
START = 0.3
"""Deviation of vectors at the start."""


@dataclass(frozen=True)
class Ink:
    """What n pictures are besides paper, place after place.

    codes: (n, most).   places: (n, most), rising.   real: (n, most) False behind a picture's last one.
    """

    codes: Tensor
    places: Tensor
    real: Tensor


def ink_of(codes: Tensor, book: Codebook) -> Ink:
    """(n, count) codes, line by line."""
    is_ink = codes != book.paper_code
    most = int(is_ink.sum(dim=1).max())
    order = is_ink.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
    return Ink(codes.gather(1, order), order, is_ink.gather(1, order))


@dataclass(frozen=True)
class Guesses:
    """Logits of what a picture is, each knowing what was asked for and what came before."""

    first: Tensor
    """(n, count + 1) of the place of the first ink; the last stands for the end, here and below."""
    kinds: Tensor
    """(m, kinds) of each ink of all pictures, one picture after the other."""
    details: Tensor
    """(m, details) of its detail."""
    places: Tensor
    """(m, count + 1) of the place after it."""


@dataclass(frozen=True)
class Memory:
    """What was read and written so far."""

    hidden: Tensor
    """(n, 1, 1, length): 0, or `HIDDEN` where there is no word."""
    layers: "list[tuple[Tensor, Tensor] | None]"
    """Of each layer the keys and the values, (n, HEADS, length, dim / HEADS) each; None before anything was read."""
    gist: Tensor
    """(n, 1, dim): what was asked for, in one vector."""
    last: Tensor
    """(n, dim): what came out at the last place."""


def vectors(count: int, dim: int) -> nn.Embedding:
    """So many, small at first."""
    embedding = nn.Embedding(count, dim)
    nn.init.normal_(embedding.weight, std=START)
    return embedding


class Phrase(nn.Module):
    """Each word takes in its neighbours: (n, length, dim) -> (n, length, dim). At the start it adds nothing.

    Before attention, as Yu et al. 2018 (QANet), sect. 2.2. What belongs together stands together, and attention, which
    is told places by numbers, learns that late: without this, whose colour is whose was chance after 150 kimg.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.take = zeros(nn.Linear(3 * dim, dim))

    def forward(self, words: Tensor, known: Tensor) -> Tensor:
        """known: (n, length) where there is a word."""
        here = normal(words) * known[:, :, None]
        around = F.pad(here, (0, 0, 1, 1))
        return words + self.take(F.gelu(torch.cat([around[:, :-2], here, around[:, 2:]], dim=2)))


class Layer(nn.Module):
    """Each place looks at what it may see, then thinks. At the start it adds nothing (Zhang et al. 2019, Fixup)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.look = nn.Linear(dim, 3 * dim)
        self.tell = zeros(nn.Linear(dim, dim))
        self.widen = nn.Linear(dim, 4 * dim)
        self.narrow = zeros(nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor, seen: Tensor, hidden: Tensor) -> Tensor:
        """x: (m, dim), those of n rows that are real, one row after the other.   seen: (n, length), which these are.

        hidden: to be added to how well places match, broadcast to (n, HEADS, length, length).
        Rows are filled up to one length for attention alone, which is a tenth of the work.
        """
        at = seen.flatten().nonzero()[:, 0]
        looks = self.look(normal(x))
        rows = looks.new_zeros(seen.numel(), looks.shape[1]).index_copy(0, at, looks).unflatten(0, seen.shape)
        return self.think(x, attention(*heads(rows), hidden).flatten(0, 1)[at])

    def go_on(
        self, x: Tensor, hidden: Tensor, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x: (n, length, dim), what comes after keys and values of before. returns: x, and these with those of x."""
        query, key, value = heads(self.look(normal(x)))
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        return self.think(x, attention(query, key, value, hidden)), (key, value)

    def think(self, x: Tensor, told: Tensor) -> Tensor:
        x = x + self.tell(told)
        return x + self.narrow(F.gelu(self.widen(normal(x))))


def heads(looks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(n, length, 3 dim) -> queries, keys, values: (n, HEADS, length, dim / HEADS) each."""
    query, key, value = looks.unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
    return query, key, value


def attention(query: Tensor, key: Tensor, value: Tensor, hidden: Tensor) -> Tensor:
    """Vaswani et al. 2017, eq. 1. returns: (n, length, dim)."""
    match = query @ key.mT / math.sqrt(query.shape[3]) + hidden
    return (match.softmax(dim=3) @ value).transpose(1, 2).flatten(2)


class Places(nn.Module):
    """A vector for each place of a picture in codes, (count, dim), line by line."""

    def __init__(self, size: tuple[int, int], dim: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(size[0], 1, dim) * START)
        self.columns = nn.Parameter(torch.randn(1, size[1], dim) * START)

    def forward(self) -> Tensor:
        return (self.rows + self.columns).flatten(0, 1)


class Writer(nn.Module):
    """How likely each code is to come next, and where.

    The row is: words, a start, then places of ink. At each place stand the code before and its place, and the gist of
    what was asked for, label and mean of the words: so words count before attention has learned to look at them.
    There the place's own code is guessed, first its kind; from that, and what the transformer made of it all, its
    detail (as Lee et al. 2022, sect. 3.2, with a smaller net); from these where the next one is.
    A code is known by vectors of its kind and its detail and by a map of the square that it stands for; kinds are
    guessed by such a map, too: squares that look alike are learned together, and so is a colour in all shapes.
    """

    def __init__(
        self, dim: int, layers: int, codes: tuple[int, int, int], size: tuple[int, int], asked: int | Conditions
    ) -> None:
        """codes: kinds, details, numbers of a square.   size: height and width of a picture in codes."""
        super().__init__()
        asked = Conditions.of(asked)
        self.count = size[0] * size[1]
        self.words = nn.Embedding(WORD_BUCKETS, dim, padding_idx=0) if asked.text_dim else None
        self.pieces = nn.Embedding(PIECE_BUCKETS, dim, padding_idx=0) if asked.text_dim else None
        self.spots = nn.Parameter(torch.randn(READ, dim) * START) if asked.text_dim else None
        self.phrases = nn.ModuleList(Phrase(dim) for _ in range(PHRASES if asked.text_dim else 0))
        self.gather = nn.Linear(dim, dim) if asked.text_dim else None
        self.labels = vectors(asked.labels + 1, dim)
        self.start = nn.Parameter(torch.randn(dim) * START)
        kinds, details, numbers = codes
        self.kinds, self.details, self.looks = vectors(kinds, dim), vectors(details, dim), nn.Linear(numbers, dim)
        self.here, self.before = Places(size, dim), Places(size, dim)
        self.layers = nn.ModuleList(Layer(dim) for _ in range(layers))
        self.guess, self.guess_looks = zeros(nn.Linear(dim, kinds)), nn.Linear(dim, numbers)
        self.refine, self.guess_detail = nn.Linear(2 * dim, 2 * dim), zeros(nn.Linear(2 * dim, details))
        self.leave, self.guess_place = nn.Linear(2 * dim, 2 * dim), zeros(nn.Linear(2 * dim, self.count + 1))

    def asked(self, label: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n,) labels, (n, READ, IDS) words -> (n, length, dim) what comes first, (n, length) where it is, the gist."""
        gist = self.labels(label)[:, None]
        if self.words is None or self.pieces is None or self.spots is None or self.gather is None:
            return gist + self.start, gist.new_ones(len(gist), 1, dtype=torch.bool), gist
        ids, known = cut(ids)
        words = spelled(ids, self.words, self.pieces)
        mean = (words * known[:, :, None]).sum(dim=1) / known.sum(dim=1, keepdim=True).clamp(min=1)
        gist = gist + self.gather(mean)[:, None]
        words = words + self.spots[: ids.shape[1]]
        for phrase in self.phrases:
            words = phrase(words, known)
        row = torch.cat([words, gist + self.start], dim=1)
        return row, F.pad(known, (0, 1), value=True), gist

    def written(self, codes: Tensor, book: Codebook) -> Tensor:
        """(...) codes -> (..., dim)."""
        kind, detail = book.parts(codes)
        return self.kinds(kind) + self.details(detail) + self.looks(book.squares(codes))

    def guessed(self, x: Tensor, book: Codebook) -> Tensor:
        """(m, dim) what came out at a place of ink -> (m, kinds) logits. Paper is no ink."""
        x = normal(x)
        return (self.guess(x) + self.guess_looks(x) @ book.kinds.squares.T).index_fill(1, book.paper, HIDDEN)

    def refined(self, x: Tensor, kind: Tensor, book: Codebook) -> Tensor:
        """And what its kind is, (m,) -> (m, details) logits."""
        known = self.kinds(kind) + self.looks(book.kinds.squares[kind])
        return self.guess_detail(F.gelu(self.refine(torch.cat([normal(x), known], dim=1))))

    def next_place(self, x: Tensor, code: Tensor, place: Tensor) -> Tensor:
        """(m, count + 1) logits of the place after `place`, (m,); -1: of the first one.

        x: (m, dim) what came out at the place.   code: (m, dim) of what stands there; 0 before the first one.
        """
        logits = self.guess_place(F.gelu(self.leave(torch.cat([normal(x), code], dim=1))))
        return logits.masked_fill(torch.arange(self.count + 1, device=x.device) <= place[:, None], HIDDEN)

    def forward(self, label: Tensor, ids: Tensor, ink: Ink, book: Codebook) -> Guesses:
        """book: what codes stand for."""
        asked, known, gist = self.asked(label, ids)
        codes = self.written(ink.codes, book)
        before = F.pad((codes + self.before()[ink.places])[:, :-1], (0, 0, 1, 0))[:, : ink.codes.shape[1]]
        row = torch.cat([asked, self.here()[ink.places] + before + gist], dim=1)
        seen = torch.cat([known, ink.real], dim=1)
        read, length = known.shape[1], seen.shape[1]
        unseen = torch.ones(length, length, dtype=torch.bool, device=row.device).triu(1)
        unseen[:read, :read] = False  # what was asked for is seen as a whole
        hidden = HIDDEN * (unseen | ~seen[:, None])[:, None].to(row.dtype)
        x = row[seen]
        for layer in self.layers:
            x = layer(x, seen, hidden)
        number = torch.arange(length, device=row.device).expand_as(seen)[seen]
        at_start, at_ink = x[number == read - 1], x[number >= read]
        none = torch.full_like(label, -1)
        return Guesses(
            self.next_place(at_start, torch.zeros_like(at_start), none),
            self.guessed(at_ink, book),
            self.refined(at_ink, book.parts(ink.codes[ink.real])[0], book),
            self.next_place(at_ink, codes[ink.real], ink.places[ink.real]),
        )

    def begin(self, label: Tensor, ids: Tensor) -> tuple[Tensor, Memory]:
        """Reads what was asked for. returns: (n, count + 1) logits of the first place, and what is remembered."""
        x, known, gist = self.asked(label, ids)
        hidden = HIDDEN * (~known)[:, None, None].to(x.dtype)
        memory = self._next(x, Memory(hidden, [None] * len(self.layers), gist, gist[:, 0]))
        none = torch.full_like(label, -1)
        return self.next_place(memory.last, torch.zeros_like(memory.last), none), memory

    def come(
        self, place: Tensor, before: tuple[Tensor, Tensor] | None, memory: Memory, book: Codebook
    ) -> tuple[Tensor, Memory]:
        """To the (n,) places. before: code and place of the last ink. returns: (n, kinds) logits of what is here.

        The same as those of `forward`, but each code passes once: what was read before is remembered.
        """
        x = self.here()[place] + memory.gist[:, 0]
        if before is not None:
            x = x + self.written(before[0], book) + self.before()[before[1]]
        hidden = F.pad(memory.hidden, (0, 1))
        memory = self._next(x[:, None], Memory(hidden, memory.layers, memory.gist, memory.last))
        return self.guessed(memory.last, book), memory

    def go(self, code: Tensor, place: Tensor, memory: Memory, book: Codebook) -> Tensor:
        """(n, count + 1) logits of where ink is after the (n,) code at the (n,) place."""
        return self.next_place(memory.last, self.written(code, book), place)

    def _next(self, x: Tensor, memory: Memory) -> Memory:
        kept: list[tuple[Tensor, Tensor] | None] = []
        for layer, past in zip(self.layers, memory.layers, strict=True):
            assert isinstance(layer, Layer)
            x, remembered = layer.go_on(x, memory.hidden, past)
            kept.append(remembered)
        return Memory(memory.hidden, kept, memory.gist, x[:, -1])
