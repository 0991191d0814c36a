"""A picture of one's own into the latent space: an encoder's guess, then optimisation, and how far it is from there.

The encoder learns from works that the model draws, whose styles are known (Zhu et al. 2016, sect. 3.2, have a network
guess, and go on from there by gradient descent, as here). What comes out is styles like any other's, so everything that
is done with works can be done with it.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..drawing import Drawer
from ..errors import UsageError
from ..nets.layers import he, leaky
from ..tensors import as_floats, as_levels, seeded
from .latent import Latent, steerable

WORKS, BATCH, LEARNING_RATE = 30_000, 50, 2e-3
"""That the encoder learns from."""
SEEN_PX = 64
"""The encoder sees larger pictures shrunk to it."""
STEPS, STEP = 150, 0.05
"""Of the optimisation, and its rate, in deviations among works."""
TYPICAL = 0.002
"""Weight of a style's squared distance from the mean, in deviations: the picture counts more, but what works never
look like is not to be made up of styles that works never have."""
TOGETHER = 0.02
"""Weight of the squared distance of each layer's style from their mean: what is nearly one style steers well."""
SCALES = (1, 2, 4)
"""Pictures are compared as they are, and shrunk so many times."""

Progress = Callable[[str, int, int], None]


class Encoder(nn.Module):
    """(n, C, H, W) pictures on the nets' scale of tones -> (n, style_dim), in deviations among works."""

    def __init__(self, channels: int, size: tuple[int, int], style_dim: int) -> None:
        super().__init__()
        self.shrunk = max(1, -(-max(size) // SEEN_PX))
        sides = [max(1, side // self.shrunk) for side in size]
        widths = [channels, 32, 64, 96]
        self.layers = nn.ModuleList(he(nn.Conv2d(a, b, 3, stride=2, padding=1)) for a, b in itertools.pairwise(widths))
        height, width = (-(-side // 8) for side in sides)
        self.gather = he(nn.Linear(widths[-1] * height * width, 256))
        self.tell = nn.Linear(256, style_dim)

    def forward(self, pictures: Tensor) -> Tensor:
        x = F.avg_pool2d(pictures, self.shrunk) if self.shrunk > 1 else pictures
        for layer in self.layers:
            x = leaky(layer(x))
        return self.tell(leaky(self.gather(x.flatten(1))))


@dataclass(frozen=True)
class Spread:
    """How styles lie among works: (style_dim,) mean and deviation."""

    mean: Tensor
    deviation: Tensor


@dataclass(frozen=True, eq=False)
class Entered:
    """A picture as the model knows it."""

    latent: Latent
    error: float
    """Root of the mean squared difference of levels, from 0 to 1, as they look on white."""


def drawn(drawer: Drawer, styles: Tensor) -> Tensor:
    """Pictures on the nets' scale, differentiable in (n, layers, style_dim) styles."""
    return steerable(drawer).draw(styles)


def random_styles(drawer: Drawer, count: int, rng: torch.Generator) -> Tensor:
    """(count, layers, style_dim) of works with labels or captions in the proportion in which they were learned."""
    z = torch.randn(count, drawer.config.recipe.latent_dim, generator=rng).to(drawer.device)
    return steerable(drawer).styles(z, drawer.by_chance(count, rng))


def spread(drawer: Drawer) -> Spread:
    with torch.no_grad():
        styles = random_styles(drawer, 2000, seeded(0, "spread")).mean(dim=1)
    return Spread(styles.mean(dim=0), styles.std(dim=0).clamp_min(1e-4))


def learn(drawer: Drawer, of: Spread, works: int = WORKS, progress: Progress = lambda *told: None) -> Encoder:
    """An encoder of this model's works, the same each time on a CPU; a minute and a half for pictures of 64 px."""
    channels, height, width = drawer.config.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeded(0, "encoder").initial_seed())
        encoder = Encoder(channels, (height, width), len(of.mean)).to(drawer.device)
    steps, rng = max(1, works // BATCH), seeded(0, "encoder", "works")
    optimizer = torch.optim.Adam(encoder.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for step in range(steps):
        with torch.no_grad():
            styles = random_styles(drawer, BATCH, rng)
            pictures = drawn(drawer, styles)
        wanted = (styles.mean(dim=1) - of.mean) / of.deviation
        loss = F.mse_loss(encoder(pictures), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress("Learning to see", step + 1, steps)
    return encoder.eval().requires_grad_(False)


def difference(painted: Tensor, wanted: Tensor) -> Tensor:
    """(n,) mean squared differences on the nets' scale, as they are and shrunk, averaged over scales."""
    found = []
    for times in SCALES:
        a, b = (F.avg_pool2d(x, times) if times > 1 else x for x in (painted, wanted))
        found.append((a - b).square().flatten(1).mean(dim=1))
    return torch.stack(found).mean(dim=0)


def check_picture(drawer: Drawer, picture: np.ndarray) -> None:
    """Raises UsageError for an array that is no picture of the works' own size, or not uint8."""
    channels, height, width = drawer.config.shape
    came = "x".join(map(str, picture.shape))
    if picture.shape != (height, width, channels) or picture.dtype != np.uint8:
        raise UsageError(
            f"{drawer.name} draws pictures of {height}x{width}x{channels} (height, width, channels) in uint8, and this "
            f"one is {came} in {picture.dtype}. Give it as a file, which is brought to that size, or resize it."
        )


def enter(
    drawer: Drawer,
    encoder: Encoder,
    of: Spread,
    pictures: np.ndarray,
    names: Sequence[str],
    steps: int = STEPS,
    progress: Progress = lambda *told: None,
) -> list[Entered]:
    """Pictures (n, H, W, C) uint8 of the works' own size as the model would draw them, all at once.

    names: for the lineage. Raises UsageError for pictures of another shape.
    """
    for picture in pictures:
        check_picture(drawer, picture)
    wanted = as_floats(pictures, drawer.device, drawer.config.recipe.tones)
    with torch.no_grad():
        guess = encoder(wanted).clamp(-3, 3)
    layers = len(steerable(drawer).resolutions)
    unit = guess[:, None].repeat(1, layers, 1).requires_grad_()
    optimizer = torch.optim.Adam([unit], STEP)
    best, chosen = torch.full((len(pictures),), float("inf"), device=drawer.device), unit.detach().clone()
    for step in range(steps + 1):
        painted = drawn(drawer, of.mean + unit * of.deviation)
        apart = difference(painted, wanted)
        middle = unit.mean(dim=1, keepdim=True)
        odd = TYPICAL * unit.square().mean(dim=(1, 2)) + TOGETHER * (unit - middle).square().mean(dim=(1, 2))
        whole = (apart + odd).detach()
        chosen = torch.where((whole < best)[:, None, None], unit.detach(), chosen)
        best = torch.minimum(whole, best)
        if step < steps:
            optimizer.param_groups[0]["lr"] = STEP * (1 - step / steps)
            optimizer.zero_grad()
            (apart + odd).sum().backward()
            optimizer.step()
        progress("Entering", step, steps)
    with torch.no_grad():
        styles = of.mean + chosen * of.deviation
        errors = level_errors(drawn(drawer, styles), pictures, drawer)
    return [
        Entered(Latent(one.cpu().numpy().astype(np.float32), None, lineage_of(name, error)), error)
        for one, name, error in zip(styles, names, errors, strict=True)
    ]


def lineage_of(name: str, error: float) -> dict[str, Any]:
    return {"invert": name, "error": round(error, 5)}


def level_errors(painted: Tensor, pictures: np.ndarray, drawer: Drawer) -> list[float]:
    """Of each: the root of the mean squared difference of levels from 0 to 1, as they look on white."""
    tones = drawer.config.recipe.tones
    shown = as_levels(painted, tones)
    wanted = as_floats(pictures, drawer.device)
    return ((shown - wanted) / 2).square().flatten(1).mean(dim=1).sqrt().tolist()
