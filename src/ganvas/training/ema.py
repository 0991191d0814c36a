"""The generator that people use: an average of G over its recent steps."""

import copy

import torch
from torch import nn


def frozen_copy(G: nn.Module) -> nn.Module:
    """A copy of G in evaluation mode that no gradient reaches: the average at step 0."""
    return copy.deepcopy(G).eval().requires_grad_(False)


@torch.no_grad()
def update(average: nn.Module, G: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * G, in place, for parameters; buffers are copied.

    Buffers (batch norm's statistics) are averages already, and a generator without them draws other pictures.
    """
    torch._foreach_lerp_(list(average.parameters()), [p.detach() for p in G.parameters()], 1 - decay)
    for kept, new in zip(average.buffers(), G.buffers(), strict=True):
        kept.copy_(new)
