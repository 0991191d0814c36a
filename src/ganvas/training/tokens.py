"""A step of nets that write pictures as codes (nets/tokens.py): of the codes, of the decoder, of the transformer."""

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..nets.codebook import Codebook
from ..nets.tokens import COMPETING, PAINTING, WRITING
from ..nets.transformer import Guesses, Ink, ink_of
from .batches import Batch
from .pairing import learn_pairs
from .players import Players

PAIRS_EVERY = 2
"""The towers learn at one of so many steps: they are a fifth of the work."""


def tokens_step(players: Players, batch: Batch) -> Tensor:
    """What the stage at hand learns. returns: (5,) as `ganvas.training.step.step`.

    G's loss is how far pixels are off, and in the transformer's stage nats a code.
    """
    G: Any = players.bare_G
    net: Any = players.recipe.net
    nothing = batch.real.new_zeros(4)
    if G.stage >= WRITING:
        return torch.cat([nothing, writing_step(players, batch)])
    if G.stage >= COMPETING and net.adversarial > 0:
        return competing_step(players, batch)
    if G.stage >= PAINTING:
        return torch.cat([nothing, painting_step(players, batch)])
    return torch.cat([nothing, G.codebook.learn(G.squares(batch.real).flatten(0, 1))[None]])


def off(again: Tensor, real: Tensor) -> Tensor:
    """() how far pictures are from what they were: the mean difference of levels, and of its square."""
    return F.l1_loss(again, real) + F.mse_loss(again, real)


def painting_step(players: Players, batch: Batch) -> Tensor:
    """The decoder learns to bring pictures back. returns: (1,) loss."""
    G: Any = players.bare_G
    codes = G.codes(batch.real)
    with players.half_precision():
        again = G.painted(codes).float()
    loss = off(again, batch.real)
    move(players, loss, batch)
    return loss.detach()[None]


def competing_step(players: Players, batch: Batch) -> Tensor:
    """The same, and it is to pass for real, piece by piece. Esser et al. 2021, eq. 6. returns: (5,)."""
    G: Any = players.bare_G
    net: Any = players.recipe.net
    D, game = players.bare_D, players.game
    codes = G.codes(batch.real)
    with players.half_precision():
        again = G.painted(codes).float()
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
    move(players, loss + net.adversarial * game.generator(real.detach(), judged), batch)
    D.requires_grad_(True)
    right = torch.stack([(real > 0).float().mean(), (fake < 0).float().mean()])
    return torch.cat([loss_d.detach()[None], loss_d.new_zeros(1), right, loss.detach()[None]])


def writing_step(players: Players, batch: Batch) -> Tensor:
    """The transformer learns which ink comes next. Ramesh et al. 2021, sect. 2.2. returns: (1,) nats a code."""
    G: Any = players.bare_G
    net: Any = players.recipe.net
    batch = replace(batch, real=moved(batch.real, batch.mix, net.jitter))
    codes = G.codes(batch.real)
    ink = ink_of(codes, G.codebook)
    with players.half_precision():
        guesses = G.guesses(ink, batch.label)
    loss = nats(guesses, ink, G.codebook, codes.shape[1]) / codes.numel()
    move(players, loss, batch)
    return loss.detach()[None]


def moved(real: Tensor, chance: Tensor, jitter: float) -> Tensor:
    """Pictures moved by some pixels, up to a share `jitter` of their shorter side; their edges go on.

    Thousands of pictures are soon known by heart, and a square that is moved is another code.   chance: (n,) in [0, 1].
    """
    height, width = real.shape[2:]
    far = round(jitter * min(height, width))
    way = (chance * (2 * far + 1) ** 2).long().clamp(max=(2 * far + 1) ** 2 - 1)
    down = torch.arange(height, device=real.device) + way[:, None] // (2 * far + 1)
    right = torch.arange(width, device=real.device) + way[:, None] % (2 * far + 1)
    wider = F.pad(real, (far,) * 4, mode="replicate").permute(0, 2, 3, 1)
    number = torch.arange(len(real), device=real.device)[:, None, None]
    return wider[number, down[:, :, None], right[:, None]].permute(0, 3, 1, 2)


def nats(guesses: Guesses, ink: Ink, book: Codebook, count: int) -> Tensor:
    """() of all that there is to guess in pictures of `count` codes, paper among them."""
    kinds, details = book.parts(ink.codes[ink.real])
    places = F.pad(torch.where(ink.real, ink.places, count), (0, 1), value=count)  # the end
    asked = (
        (guesses.first, places[:, 0]),
        (guesses.kinds, kinds),
        (guesses.details, details),
        (guesses.places, places[:, 1:][ink.real]),
    )
    return torch.stack([F.cross_entropy(logits.float(), right, reduction="sum") for logits, right in asked]).sum()


def move(players: Players, loss: Tensor, batch: Batch) -> None:
    """G goes down the loss; the towers that tell which caption is whose learn beside it."""
    players.optimizer_g.zero_grad()
    loss.backward()
    if batch.number % PAIRS_EVERY == 0:
        learn_pairs(players, batch)
    players.optimizer_g.step()
