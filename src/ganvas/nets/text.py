"""Captions inside a net: from the numbers of their words to one vector, learned with the rest of the net.

Each net has a reader of its own, of half a million weights: a model's file holds all that it takes to read.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..words import IDS, PIECE_BUCKETS, READ, WORD_BUCKETS

ROW = 1 + READ * IDS
"""Numbers of a condition: a label, then a caption's words."""
LAYERS, HEADS = 2, 4


def parted(condition: Tensor) -> tuple[Tensor, Tensor]:
    """(..., ROW) conditions -> (...) labels, (..., READ, IDS) numbers of words.   Bare labels, (n,), have no words.

    Those of a sentence model, (..., 2 + dim) floats -> (...) labels, (..., 1, 1 + dim).
    """
    if condition.is_floating_point():
        return condition[..., 0].long(), condition[..., None, 1:]
    if condition.ndim > 1 and condition.shape[-1] == ROW:
        return condition[..., 0], condition[..., 1:].unflatten(-1, (READ, IDS))
    return condition, condition.new_zeros(*condition.shape, READ, IDS)


def cut(ids: Tensor, at_least: int = 0) -> tuple[Tensor, Tensor]:
    """(n, READ, IDS) numbers of words -> those up to the longest caption's end, and (n, length) where there are any."""
    known = ids[..., 0] > 0
    length = max(at_least, int(known.sum(dim=1).max()))
    return ids[:, :length], known[:, :length]


def spelled(ids: Tensor, words: nn.Embedding, pieces: nn.Embedding) -> Tensor:
    """(n, length, IDS) -> (n, length, dim): a word's own vector and those of its pieces. Bojanowski et al. 2017, eq. 2.

    words, pieces: a vector for each number of a word, and of a piece.
    """
    shares = (ids[..., 1:] > 0).sum(dim=2, keepdim=True).clamp(min=1).sqrt()
    return words(ids[..., 0]) + pieces(ids[..., 1:]).sum(dim=2) / shares


class Layer(nn.Module):
    """Each word looks at all words of its caption, then thinks: (n, length, dim) -> (n, length, dim).

    Vaswani et al. 2017, sect. 3.1, normalised before each part (Xiong et al. 2020, fig. 1b).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.look = nn.Linear(dim, 3 * dim)
        self.tell = nn.Linear(dim, dim)
        self.widen = nn.Linear(dim, 2 * dim)
        self.narrow = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """known: (n, length) where there is a word."""
        parts = as_precise(self.look, normal(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        match = query @ key.mT / math.sqrt(query.shape[3])
        match = match.masked_fill(~known[:, None, None], -1e4)
        x = x + as_precise(self.tell, (match.softmax(dim=3) @ value).transpose(1, 2).flatten(2))
        return x + as_precise(self.narrow, F.gelu(as_precise(self.widen, normal(x))))


class Reader(nn.Module):
    """(n, READ, IDS) numbers of words -> (n, dim).

    A word is the sum of a vector of its own, of its pieces' (Bojanowski et al. 2017, eq. 2) and of its place's; the
    caption is the mean of its words after two layers. No words at all have a vector of their own.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.words = nn.Embedding(WORD_BUCKETS, dim, padding_idx=0)
        self.pieces = nn.Embedding(PIECE_BUCKETS, dim, padding_idx=0)
        self.places = nn.Parameter(torch.randn(READ, dim) * 0.3)
        self.layers = nn.ModuleList(Layer(dim) for _ in range(LAYERS))
        self.nothing = nn.Parameter(torch.zeros(dim))

    def forward(self, ids: Tensor) -> Tensor:
        # In use in double precision, so that a caption's vector does not depend on how many are read at once.
        precise = torch.float32 if self.training else torch.float64
        ids, known = cut(ids, at_least=1)
        x = (spelled(ids, self.words, self.pieces) + self.places[: ids.shape[1]]).to(precise)
        for layer in self.layers:
            x = layer(x, known)
        mean = (normal(x) * known[:, :, None]).sum(dim=1) / known.sum(dim=1, keepdim=True).clamp(min=1)
        return torch.where(known.any(dim=1, keepdim=True), mean, self.nothing.to(mean.dtype)).float()


def normal(x: Tensor) -> Tensor:
    """Mean 0, deviation 1 over the last dimension. Ba et al. 2016, eq. 4; no gain, as a linear layer follows."""
    return F.layer_norm(x, x.shape[-1:])


def as_precise(layer: nn.Linear, x: Tensor) -> Tensor:
    """The layer in the precision of x."""
    return F.linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))
