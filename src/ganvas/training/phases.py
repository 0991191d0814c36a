"""Where in the run the players are, for nets that learn one thing after the other, and how fast they learn there."""

import torch
from torch import nn

from ..nets.tokens import COMPETING, PAINTING, SORTING, WRITING, Tokens, TokensGenerator
from .players import Players
from .schedule import cosine, warm_up

ALONE = 0.5
"""Share of the decoder's time before its critic joins: what it paints must resemble pictures first."""
WARMING = 0.03
"""Share of the time of a part in which its learning rate rises."""


def stages(net: Tokens) -> dict[int, float]:
    """Of each stage the share of the run at which it begins."""
    first, last = net.sorting_share, net.sorting_share + net.painting_share
    return {SORTING: 0.0, PAINTING: first, COMPETING: first + ALONE * net.painting_share, WRITING: last}


@torch.no_grad()
def enter(players: Players, average: nn.Module, progress: float) -> None:
    """Tells nets of tokens at which stage they are. A stage that was entered is never left backwards.

    When the decoder is done, its average takes its place and stays as it is, so that G is what people use.
    """
    net, G = players.recipe.net, players.bare_G
    if not isinstance(net, Tokens):
        return
    assert isinstance(G, TokensGenerator) and isinstance(average, TokensGenerator)
    stage = max(stage for stage, begins in stages(net).items() if progress >= begins)
    if stage == WRITING > G.stage:
        G.decoder.load_state_dict(average.decoder.state_dict())
    if stage > G.stage:
        G.stage.fill_(stage)


def set_rates(players: Players, progress: float, images: int) -> None:
    """Both learning rates at this moment: along a cosine over the run; nets of tokens have one for each part of it."""
    recipe, net, G = players.recipe, players.recipe.net, players.bare_G
    warm = warm_up(images, recipe.warm_up_kimg)
    if isinstance(net, Tokens) and isinstance(G, TokensGenerator):
        begins = stages(net)
        start, end = (begins[WRITING], 1.0) if G.stage >= WRITING else (begins[PAINTING], begins[WRITING])
        progress = min(1.0, max(0.0, (progress - start) / (end - start)))
        warm = min(1.0, progress / WARMING)
    share = cosine(progress, recipe.final_lr_share) * warm
    players.optimizer_d.param_groups[0]["lr"] = recipe.discriminator_lr * share
    players.optimizer_g.param_groups[0]["lr"] = recipe.generator_lr * share
