"""Who plays: the two nets with their optimisers, at a run's start."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Adam, Optimizer

from ..config import Recipe
from ..losses.games import Game
from ..nets.dual import Dual
from ..nets.generator import Generator, build_generator
from ..nets.sentence import set_out_from
from ..registry import games
from ..run_config import RunConfig
from ..sentences import numbers_of
from ..tensors import seeded
from .machine import multiplies_bfloat16


@dataclass(frozen=True)
class Players:
    """The two nets, their optimisers and the game that they play.

    `G`, `D` may be wrapped to average gradients over processes; `bare_G`, `bare_D` are the same nets unwrapped, for
    passes whose gradients nobody needs.
    """

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
        """Products in bfloat16, sums in float32, where the recipe and the machine allow it. Weights stay float32.

        Not float16, whose small range cripples these games. Slopes and penalties do bear bfloat16
        (docs/experiments.md): what is summed over pixels, and all that the optimisers see, is float32.
        """
        if self.recipe.precision == "float32" or not multiplies_bfloat16(self.accelerator.device):
            return nullcontext()
        return torch.autocast(self.accelerator.device.type, dtype=torch.bfloat16)


def make_players(config: RunConfig, recipe: Recipe, accelerator: Accelerator, alone: bool = False) -> Players:
    """Nets and optimisers at the start of the run: the same for the same seed.

    What is frozen in D (Mo et al. 2020) is so only in a run that starts from another, whose weights come later.

    recipe: what they go by, the run's with its gammas scaled.   alone: they know of no other process.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeded(config.seed, "weights").initial_seed())
        G = build_generator(config).to(accelerator.device)
        D = recipe.net.discriminator(config.shape, config.asked).to(accelerator.device)
    if config.text_encoder is not None and config.captions:
        told = numbers_of([text for text, _ in config.captions], config.text_encoder)
        set_out_from((G, D), told)
    if recipe.freeze_d > 0 and config.parent is not None:
        for part in recipe.net.finest(D, recipe.freeze_d):
            part.requires_grad_(False)
    towers = take_off_towers(G)  # they have no part in G's pass, which processes would wait for
    wrapped_G, wrapped_D = (G, D) if alone else accelerator.prepare(G, D)
    if isinstance(G, Generator):
        G.dual = towers
    return Players(
        recipe=recipe,
        game=games.get(recipe.game)(),
        G=wrapped_G,
        D=wrapped_D,
        bare_G=G,
        bare_D=D,
        optimizer_g=adam(G, recipe.generator_lr, recipe.betas),
        optimizer_d=adam(D, recipe.discriminator_lr, recipe.betas),
        accelerator=accelerator,
    )


def take_off_towers(G: nn.Module) -> Dual | None:
    """G without its towers. returns: them, if there are any."""
    if not isinstance(G, Generator):
        return None
    towers, G.dual = G.dual, None
    return towers


def adam(net: nn.Module, lr: float, betas: tuple[float, float]) -> Adam:
    """Adam with its state there from the start, also of weights that are not used yet, so that it is always saved."""
    optimizer = Adam(net.parameters(), lr, betas=betas, fused=True)
    for weight in net.parameters():
        step = torch.zeros((), device=weight.device)
        optimizer.state[weight] = {
            "step": step,
            "exp_avg": torch.zeros_like(weight),
            "exp_avg_sq": torch.zeros_like(weight),
        }
    return optimizer
