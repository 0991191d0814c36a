"""`dcgan`: the nets of the article that started ganvas, made to work. After Radford et al. 2016.

The article's generator has three leaky-ReLU hidden layers and 5x5 transposed convolutions of stride 2; its
discriminator 5x5 convolutions of stride 2 with 64, 128, 256 channels and a sigmoid. Here the sigmoid is part of the
loss (D returns a logit), and G's hidden layers are normalised as Radford et al. found necessary. D is not: then real
and generated pictures may go through it in one batch.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ..config import Conditions, NetConfig, check
from ..registry import nets
from .generator import Generator
from .layers import LabelledLatent, ProjectionLogit, centre_crop, grid, leaky

HALVINGS = 3
"""Strided convolutions of either net."""


@nets.register("dcgan")
@dataclass(frozen=True)
class Dcgan(NetConfig):
    """Channels of D's three convolutions; G mirrors them."""

    family: ClassVar[str] = "dcgan"
    widths: tuple[int, int, int] = (64, 128, 256)
    """Channels of D's convolutions from the picture inwards, and of G's hidden layers from the picture inwards."""

    def __post_init__(self) -> None:
        good = len(self.widths) == HALVINGS and all(type(w) is int and 1 <= w <= 8192 for w in self.widths)
        check(good, "widths", self.widths, "three whole numbers from 1 to 8192")

    def generator(self, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> nn.Module:
        return DcganGenerator(self, shape, latent_dim, asked)

    def discriminator(self, shape: tuple[int, int, int], asked: int | Conditions) -> nn.Module:
        return DcganDiscriminator(self, shape, asked)


def _weights_as_in_dcgan(net: nn.Module) -> None:
    """Normal weights of standard deviation 0.02. Radford et al. 2016, sect. 4."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.02)


class DcganGenerator(Generator):
    """Dense, then transposed convolutions from an eighth of the size: three leaky-ReLU hidden layers, then tanh."""

    def __init__(self, config: Dcgan, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        narrow, middle, wide = config.widths
        self.base = (wide, grid(self.height, HALVINGS), grid(self.width, HALVINGS))
        self.resolutions = (self.base[1],)
        self.latent, self.free_dims = LabelledLatent(latent_dim, asked), latent_dim
        self.start = nn.Linear(self.latent.out_dim, wide * self.base[1] * self.base[2], bias=False)
        self.start_norm = nn.BatchNorm2d(wide)
        self.up1 = nn.ConvTranspose2d(wide, middle, 5, stride=2, padding=2, output_padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(middle)
        self.up2 = nn.ConvTranspose2d(middle, narrow, 5, stride=2, padding=2, output_padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(narrow)
        self.paint = nn.ConvTranspose2d(narrow, channels, 5, stride=2, padding=2, output_padding=1)
        _weights_as_in_dcgan(self)

    def styles(self, z: Tensor, label: Tensor) -> Tensor:
        return self.latent(z, label)[:, None]

    def draw(self, styles: Tensor) -> Tensor:
        x = self.start(styles[:, 0]).view(-1, *self.base)
        x = leaky(self.start_norm(x))
        x = leaky(self.norm1(self.up1(x)))
        x = leaky(self.norm2(self.up2(x)))
        return centre_crop(self.paint(x).tanh(), self.height, self.width)

    def entrances(self) -> list[tuple[int, Tensor]]:
        return [(0, self.start.weight)]


class DcganDiscriminator(nn.Module):
    """Three 5x5 convolutions of stride 2, then one logit."""

    def __init__(self, config: Dcgan, shape: tuple[int, int, int], asked: int | Conditions) -> None:
        super().__init__()
        channels, height, width = shape
        narrow, middle, wide = config.widths
        self.conv1 = nn.Conv2d(channels, narrow, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(narrow, middle, 5, stride=2, padding=2)
        self.conv3 = nn.Conv2d(middle, wide, 5, stride=2, padding=2)
        self.logit = ProjectionLogit(wide * grid(height, HALVINGS) * grid(width, HALVINGS), asked)
        _weights_as_in_dcgan(self)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        x = leaky(self.conv1(pictures))
        x = leaky(self.conv2(x))
        x = leaky(self.conv3(x))
        return self.logit(x.flatten(1), label)
