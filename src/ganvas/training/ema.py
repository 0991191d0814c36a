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
    kept, new = ([weight.detach() for weight in net.parameters()] for net in (average, G))
    torch._foreach_lerp_(kept, new, 1 - decay)  # one call for all: a loop over them costs a CPU more than the sums
    for old, buffer in zip(average.buffers(), G.buffers(), strict=True):
        old.copy_(buffer)
