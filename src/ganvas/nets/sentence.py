"""Captions inside a net where a sentence model has read them: a small learned map of its vectors."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions
from .text import Reader, as_precise, normal


class SentenceReader(nn.Module):
    """(n, 1, 1 + sentence_dim) captions, as `ganvas.sentences.numbers_of` makes them, -> (n, dim).

    Vectors of captions on one theme lie close together, so what they share is taken off, and what is left is made as
    large as normals are; then two layers. No caption has a vector of its own.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, sentence_dim: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(sentence_dim))
        self.register_buffer("spread", torch.ones(()))
        self.widen = nn.Linear(sentence_dim, 2 * dim)
        self.narrow = nn.Linear(2 * dim, dim)
        self.nothing = nn.Parameter(torch.zeros(dim))

    def forward(self, told: Tensor) -> Tensor:
        if not told.is_floating_point():  # numbers of words that are not there: bare labels
            told = told.new_zeros(len(told), 1, 1 + len(self.centre), dtype=torch.float32)
        # In use in double precision, so that a caption's vector does not depend on how many are read at once.
        precise = torch.float32 if self.training else torch.float64
        known, vectors = told[:, 0, :1] > 0, told[:, 0, 1:]
        x = ((vectors - self.centre) / self.spread).to(precise)
        x = normal(as_precise(self.narrow, F.gelu(as_precise(self.widen, x))))
        return torch.where(known, x, self.nothing.to(x.dtype)).float()

    def set_out_from(self, vectors: Tensor) -> None:
        """vectors: (n, sentence_dim) of captions such as it will read."""
        centre = vectors.mean(dim=0)
        self.centre.copy_(centre)
        self.spread.copy_((vectors - centre).square().mean().sqrt().clamp(min=1e-6))


def reader_of(asked: int | Conditions) -> Reader | SentenceReader | None:
    """What turns captions into vectors inside a net; None where there are no captions."""
    asked = Conditions.of(asked)
    if not asked.text_dim:
        return None
    return Reader(asked.text_dim) if asked.encoder is None else SentenceReader(asked.encoder.dim, asked.text_dim)


def set_out_from(net: nn.Module, told: Tensor) -> None:
    """Tells the net's readers what captions are like. told: (n, 1 + sentence_dim) as `numbers_of` makes them."""
    for part in net.modules():
        if isinstance(part, SentenceReader):
            part.set_out_from(told[:, 1:].to(part.centre.device))
