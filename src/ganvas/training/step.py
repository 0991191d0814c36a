"""One move of each player: the heart of the game, the same on a CPU, a GPU and many processes.

`G`, `D` may be wrapped to average gradients over processes; `bare_G`, `bare_D` are the same nets unwrapped, for
passes whose gradients nobody needs.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer

from ..config import Recipe
from ..losses.games import Game
from ..losses.penalties import between, r1_r2, squared_gradient, wgan_gp
from .batches import Batch


@dataclass(frozen=True)
class Players:
    """The two nets, their optimisers and the game that they play."""

    recipe: Recipe
    game: Game
    G: nn.Module
    D: nn.Module
    bare_G: nn.Module
    bare_D: nn.Module
    optimizer_g: Optimizer
    optimizer_d: Optimizer
    accelerator: Accelerator

    def half_precision(self) -> AbstractContextManager:
        """bfloat16 on a GPU; float16 cripples these games. Weights stay float32."""
        if self.accelerator.device.type != "cuda":
            return nullcontext()
        return torch.autocast("cuda", dtype=torch.bfloat16)


def accuracies(game: Game, real: Tensor, fake: Tensor) -> Tensor:
    """(2,) shares of real pictures that D takes for real, and of generated ones for generated.

    real, fake: (n,) logits. Where the game leaves the level of the logits free, D's "I cannot tell" lies at their mean.
    """
    level = torch.cat([real, fake]).mean() if game.level is None else game.level
    return torch.stack([(real > level).float().mean(), (fake < level).float().mean()])


def discriminator_step(players: Players, batch: Batch) -> Tensor:
    """D learns to tell real from generated. returns: (4,) loss, penalty, the two accuracies."""
    recipe, game = players.recipe, players.game
    with torch.no_grad(), players.half_precision():
        fake = players.bare_G(batch.z_d, batch.label).float()
    pictures, labels = torch.cat([batch.real, fake]), torch.cat([batch.label, batch.label])
    penalised = recipe.r1_gamma > 0 or recipe.r2_gamma > 0
    pictures.requires_grad_(penalised)
    # The penalty is a gradient of a gradient: bfloat16 has too few digits for it.
    with nullcontext() if penalised else players.half_precision():
        logits = players.D(pictures, labels).float()
    real_logits, fake_logits = logits.chunk(2)
    loss = game.discriminator(real_logits, fake_logits)
    penalty = torch.zeros((), device=loss.device)
    if penalised:
        penalty = r1_r2(squared_gradient(pictures, logits), recipe.r1_gamma, recipe.r2_gamma)
    if recipe.wgan_gp_lambda > 0:
        middle = between(batch.real, fake, batch.mix)
        penalty = penalty + recipe.wgan_gp_lambda * wgan_gp(lambda x: players.bare_D(x, batch.label), middle)
    players.optimizer_d.zero_grad()
    players.accelerator.backward(loss + penalty)
    players.optimizer_d.step()
    judged = accuracies(game, real_logits.detach(), fake_logits.detach())
    return torch.cat([torch.stack([loss.detach(), penalty.detach()]), judged])


def generator_step(players: Players, batch: Batch) -> Tensor:
    """G learns to pass for real. D's weights are frozen meanwhile. returns: (1,) loss."""
    players.bare_D.requires_grad_(False)
    with players.half_precision():
        fake_logits = players.bare_D(players.G(batch.z_g, batch.label), batch.label).float()
        real_logits = fake_logits.detach()
        if players.game.uses_real_in_generator:
            with torch.no_grad():
                real_logits = players.bare_D(batch.real, batch.label).float()
    loss = players.game.generator(real_logits, fake_logits)
    players.optimizer_g.zero_grad()
    players.accelerator.backward(loss)
    players.optimizer_g.step()
    players.bare_D.requires_grad_(True)
    return loss.detach()[None]
