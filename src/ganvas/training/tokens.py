"""A step of nets that write pictures as codes (nets/tokens.py): of the auto-encoder, and then of the transformer."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..nets.tokens import COMPETING, WRITING
from .batches import Batch
from .players import Players


def tokens_step(players: Players, batch: Batch) -> Tensor:
    """What the stage at hand learns. returns: (5,) as `ganvas.training.step.step`.

    G's loss is how far pixels are off in the auto-encoder's stages, later nats a code in the transformer's.
    """
    G: Any = players.bare_G
    net: Any = players.recipe.net
    if G.stage >= WRITING:
        return torch.cat([batch.real.new_zeros(4), writing_step(players, batch)])
    if G.stage >= COMPETING and net.adversarial > 0:
        return competing_step(players, batch)
    return torch.cat([batch.real.new_zeros(4), seeing_step(players, batch)])


def off(again: Tensor, real: Tensor) -> Tensor:
    """() how far pictures are from what they were: the mean difference of levels, and of its square."""
    return F.l1_loss(again, real) + F.mse_loss(again, real)


def seeing_step(players: Players, batch: Batch) -> Tensor:
    """The auto-encoder learns to bring pictures back. returns: (1,) loss."""
    G: Any = players.bare_G
    with players.half_precision():
        again = G.again(batch.real).float()
    loss = off(again, batch.real)
    move(players, loss)
    return loss.detach()[None]


def competing_step(players: Players, batch: Batch) -> Tensor:
    """The same, and it is to pass for real, piece by piece. Esser et al. 2021, eq. 6. returns: (5,)."""
    G: Any = players.bare_G
    net: Any = players.recipe.net
    D, game = players.bare_D, players.game
    with players.half_precision():
        again = G.again(batch.real).float()
        logits = D(torch.cat([batch.real, again.detach()]), torch.cat([batch.label, batch.label])).float()
    real, fake = logits.chunk(2)
    loss_d = game.discriminator(real, fake)
    players.optimizer_d.zero_grad()
    loss_d.backward()
    players.optimizer_d.step()
    D.requires_grad_(False)
    with players.half_precision():
        judged = D(again, batch.label).float()
    loss = off(again, batch.real)
    move(players, loss + net.adversarial * game.generator(real.detach(), judged))
    D.requires_grad_(True)
    right = torch.stack([(real > 0).float().mean(), (fake < 0).float().mean()])
    return torch.cat([loss_d.detach()[None], loss_d.new_zeros(1), right, loss.detach()[None]])


def writing_step(players: Players, batch: Batch) -> Tensor:
    """The transformer learns which code comes next. Ramesh et al. 2021, sect. 2.2. returns: (1,) nats a code."""
    G: Any = players.bare_G
    with torch.no_grad():
        codes = G.codes(batch.real)
    with players.half_precision():
        logits = G.logits(codes, batch.label)
    loss = F.cross_entropy(logits.float().flatten(0, 1), codes.flatten())
    move(players, loss)
    return loss.detach()[None]


def move(players: Players, loss: Tensor) -> None:
    players.optimizer_g.zero_grad()
    loss.backward()
    players.optimizer_g.step()
