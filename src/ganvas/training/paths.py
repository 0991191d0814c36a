"""Path length regularisation: equal steps of a style change the picture equally much. Karras et al. 2020 (StyleGAN2).

So that what one steers moves evenly. Every few steps, and then so many times as strong (sect. 3.1, lazy
regularisation), on half of a step's latents.
"""

from typing import Any

import torch
from torch import Tensor

from ..config import Recipe
from ..nets.style import dice_of
from .batches import Batch
from .players import Players

DECAY = 0.01
"""Of the running mean of the lengths."""


def is_due(recipe: Recipe, batch: Batch) -> bool:
    return recipe.path_length > 0 and batch.number % recipe.path_every == 0


def path_lengths(styles: Tensor, pictures: Tensor, y: Tensor) -> Tensor:
    """||J^T y|| of each work, J = d pictures / d style: how much a random change of the picture pulls at its style.

    styles: (n, layers, dim) that require gradients, out of which `pictures` (n, C, H, W) were drawn, each from its own.
    y: (n, C, H, W) normals of deviation 1/sqrt(H W), so that lengths do not grow with the pictures.
    returns: (n,) the root of the mean over layers, differentiable.   Karras et al. 2020, eq. 4.
    """
    (pull,) = torch.autograd.grad((pictures * y).sum(), styles, create_graph=True)
    return pull.square().sum(dim=2).mean(dim=1).sqrt()


def add_path_length(players: Players, batch: Batch) -> None:
    """Adds the slope of weight * (||J^T y|| - a)^2 to G's gradients, a being the running mean. Eq. 4, as above."""
    recipe, G = players.recipe, players.bare_G
    generator: Any = G
    z, label = batch.z_d[::2], batch.label[::2]  # every other one, however many processes share them
    dice = dice_of(z)
    styles = generator.styles(z, label)
    pictures = generator.draw(styles, generator.new_noise(dice))
    y = torch.stack([torch.randn(pictures.shape[1:], generator=die) for die in dice]).to(pictures.device)
    y = y / (pictures.shape[2] * pictures.shape[3]) ** 0.5
    lengths = path_lengths(styles, pictures, y)
    mean = generator.path_mean.lerp(lengths.detach().mean(), DECAY)
    penalty = recipe.path_every * recipe.path_length * (lengths - mean).square().mean()
    weights = [weight for weight in G.parameters() if weight.requires_grad]
    slopes = torch.autograd.grad(penalty, weights, allow_unused=True)
    for weight, slope in zip(weights, slopes, strict=True):
        if slope is not None:  # every process has its own latents
            slope = players.accelerator.reduce(slope, "mean")
            weight.grad = slope if weight.grad is None else weight.grad + slope
    generator.path_mean.copy_(players.accelerator.reduce(mean, "mean"))
