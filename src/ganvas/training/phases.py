"""Where in the run the players are, for nets that learn one thing after the other, and how fast they learn there."""

import torch
from torch import nn

from ..nets.tokens import COMPETING, WRITING, Tokens, TokensGenerator
from .players import Players
from .schedule import cosine, warm_up

ALONE = 0.5
"""Share of the auto-encoder's time before its critic joins: what it brings back must resemble pictures first."""
WARMING = 0.03
"""Share of the transformer's time in which its learning rate rises."""


@torch.no_grad()
def enter(players: Players, average: nn.Module, progress: float) -> None:
    """Tells nets of tokens at which stage they are. A stage that was entered is never left backwards.

    When the auto-encoder is done, its average takes its place and stays as it is: it is what people use, so its codes
    are those to learn.
    """
    net, G = players.recipe.net, players.bare_G
    if not isinstance(net, Tokens):
        return
    assert isinstance(G, TokensGenerator) and isinstance(average, TokensGenerator)
    share = progress / net.autoencoder_share
    stage = WRITING if share >= 1 else COMPETING if share >= ALONE else 0
    if stage == WRITING > G.stage:
        for mine, averaged in ((G.encoder, average.encoder), (G.decoder, average.decoder)):
            mine.load_state_dict(averaged.state_dict())
    if stage > G.stage:
        G.stage.fill_(stage)


def set_rates(players: Players, progress: float, images: int) -> None:
    """Both learning rates at this moment: along a cosine over the run; nets of tokens have one for each part of it."""
    recipe, net, warm = players.recipe, players.recipe.net, warm_up(images, players.recipe.warm_up_kimg)
    if isinstance(net, Tokens) and isinstance(players.bare_G, TokensGenerator):
        share = net.autoencoder_share
        progress = min(1.0, progress / share)
        if players.bare_G.stage >= WRITING:
            progress = max(0.0, (progress * share - share) / (1 - share))
            warm = min(1.0, progress / WARMING)
    share = cosine(progress, recipe.final_lr_share) * warm
    players.optimizer_d.param_groups[0]["lr"] = recipe.discriminator_lr * share
    players.optimizer_g.param_groups[0]["lr"] = recipe.generator_lr * share
