"""What pictures and captions teach each other beside the game: two towers that learn which belong together."""

import torch
from torch import Tensor

from ..nets.dual import Dual
from ..nets.text import parted
from .batches import Batch
from .players import Players


def dual_of(players: Players) -> Dual | None:
    """The towers; None where G learns without captions, or without them."""
    found = getattr(players.bare_G, "dual", None)
    return found if isinstance(found, Dual) else None


def towards_captions(players: Players, works: Tensor, batch: Batch) -> Tensor | None:
    """(n, C, H, W) the slope of how badly works suit their captions, times its weight; None where that is 0.

    The towers learn nothing from works: these would teach them to be pleased. Xu et al. 2018, eq. 11 (AttnGAN's DAMSM).
    """
    dual = dual_of(players)
    if dual is None or players.recipe.pairing == 0:
        return None
    seen = works.detach().requires_grad_()
    with players.half_precision():
        apart = dual.apart(seen, parted(batch.label)[1], parted(batch.other_label)[1])
    return players.recipe.pairing * torch.autograd.grad(apart, seen)[0]


def learn_pairs(players: Players, batch: Batch) -> None:
    """Adds to the towers' slopes what the batch's real pictures and captions say; G's optimiser goes by them."""
    dual = dual_of(players)
    if dual is None:
        return
    with players.half_precision():
        apart = dual.apart(batch.real, parted(batch.label)[1], parted(batch.other_label)[1])
    weights = list(dual.parameters())
    torch.autograd.backward(apart, inputs=weights)  # laid out in memory as the weights are, as fused Adam needs it
    if players.accelerator.num_processes > 1:  # they have no part in G's pass, so nobody averages them for us
        for weight in weights:
            if weight.grad is not None:
                weight.grad = players.accelerator.reduce(weight.grad, reduction="mean")
