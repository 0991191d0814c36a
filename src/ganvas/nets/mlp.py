"""`mlp`: the fully connected nets that the first GANs were made of. Goodfellow et al. 2014, sect. 5."""

import itertools
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions, NetConfig, check_counts
from ..registry import nets
from .generator import Generator
from .layers import LabelledLatent, ProjectionLogit


@nets.register("mlp")
@dataclass(frozen=True)
class Mlp(NetConfig):
    """G of rectifiers with a sigmoid output, D of maxout units, as in the paper; without D's dropout."""

    family: ClassVar[str] = "mlp"
    width: int = 512
    """Rectifiers in each of G's hidden layers."""
    depth: int = 2
    """Hidden layers of either net."""
    maxout_width: int = 240
    """Maxout units in each of D's hidden layers (Goodfellow et al. 2014 used 240 of 5 pieces)."""
    pieces: int = 5
    """Linear pieces of a maxout unit."""

    def __post_init__(self) -> None:
        check_counts(self, ("width", "maxout_width"), 65_536)
        check_counts(self, ("depth", "pieces"), 100)

    def generator(self, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> nn.Module:
        return MlpGenerator(self, shape, latent_dim, asked)

    def discriminator(self, shape: tuple[int, int, int], asked: int | Conditions) -> nn.Module:
        return MlpDiscriminator(self, shape, asked)


class Maxout(nn.Module):
    """The largest of several linear functions, per unit. Goodfellow et al. 2013, eq. 1-2."""

    def __init__(self, features_in: int, features_out: int, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(features_in, features_out * pieces)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(dim=2)


class MlpGenerator(Generator):
    def __init__(self, config: Mlp, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> None:
        super().__init__()
        self.shape, self.resolutions = shape, (shape[1],)
        self.latent, self.free_dims = LabelledLatent(latent_dim, asked), latent_dim
        sizes = [self.latent.out_dim, *[config.width] * config.depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.paint = nn.Linear(config.width, prod(shape))

    def styles(self, z: Tensor, label: Tensor) -> Tensor:
        return self.latent(z, label)[:, None]

    def draw(self, styles: Tensor) -> Tensor:
        x = styles[:, 0]
        for layer in self.hidden:
            x = F.relu(layer(x))
        return (2 * self.paint(x).sigmoid() - 1).view(-1, *self.shape)

    def entrances(self) -> list[tuple[int, Tensor]]:
        return [(0, self.get_parameter("hidden.0.weight"))]


class MlpDiscriminator(nn.Module):
    def __init__(self, config: Mlp, shape: tuple[int, int, int], asked: int | Conditions) -> None:
        super().__init__()
        sizes = [prod(shape), *[config.maxout_width] * config.depth]
        self.hidden = nn.ModuleList(Maxout(a, b, config.pieces) for a, b in itertools.pairwise(sizes))
        self.logit = ProjectionLogit(config.maxout_width, asked)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        x = pictures.flatten(1)
        for layer in self.hidden:
            x = layer(x)
        return self.logit(x, label)
