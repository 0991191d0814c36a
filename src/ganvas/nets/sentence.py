"""Captions inside a net where a sentence model has read them: a small learned map of its vectors."""

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions
from .text import Reader, as_precise, normal

FLOOR = 0.3
"""Share of the mean variance, that directions in which captions hardly differ are given beside their own."""


class SentenceReader(nn.Module):
    """(n, 1, 1 + sentence_dim) captions, as `ganvas.sentences.numbers_of` makes them, -> (n, dim).

    Vectors of captions on one theme lie close together, and most of what differs is their language or length. So what
    they share is taken off, and what is left is whitened, so that it differs as much in all directions (Su et al. 2021,
    BERT-whitening, sect. 3.2); then two layers. No caption has a vector of its own.
    """

    centre: Tensor
    whiten: Tensor

    def __init__(self, sentence_dim: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(sentence_dim))
        self.register_buffer("whiten", torch.eye(sentence_dim))
        self.widen = nn.Linear(sentence_dim, 2 * dim)
        self.narrow = nn.Linear(2 * dim, dim)
        self.nothing = nn.Parameter(torch.zeros(dim))

    def forward(self, told: Tensor) -> Tensor:
        if not told.is_floating_point():  # numbers of words that are not there: bare labels
            told = told.new_zeros(len(told), 1, 1 + len(self.centre), dtype=torch.float32)
        # In use in double precision, so that a caption's vector does not depend on how many are read at once.
        precise = torch.float32 if self.training else torch.float64
        known, vectors = told[:, 0, :1] > 0, told[:, 0, 1:]
        x = (vectors - self.centre).to(precise) @ self.whiten.to(precise)
        x = normal(as_precise(self.narrow, F.gelu(as_precise(self.widen, x))))
        return torch.where(known, x, self.nothing.to(x.dtype)).float()


def reader_of(asked: int | Conditions) -> Reader | SentenceReader | None:
    """What turns captions into vectors inside a net; None where there are no captions."""
    asked = Conditions.of(asked)
    if not asked.text_dim:
        return None
    return Reader(asked.text_dim) if asked.encoder is None else SentenceReader(asked.encoder.dim, asked.text_dim)


def set_out_from(nets: Sequence[nn.Module], told: Tensor) -> None:
    """Tells the nets' readers what captions are like. told: (n, 1 + sentence_dim) as `numbers_of` makes them."""
    vectors = told[:, 1:].double()
    centre = vectors.mean(dim=0)
    apart = vectors - centre
    variances, directions = torch.linalg.eigh(apart.mT @ apart / len(apart))
    floor = FLOOR * variances.mean() + 1e-12  # of captions that are all the same nothing is left to enlarge
    whiten = directions * (variances.clamp(min=0) + floor).rsqrt() @ directions.mT
    for part in itertools.chain.from_iterable(net.modules() for net in nets):
        if isinstance(part, SentenceReader):
            part.centre.copy_(centre)
            part.whiten.copy_(whiten)
