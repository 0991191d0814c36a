"""What every generator has: a steering wheel. G in two halves, from a latent to styles, and from styles to pictures.

A style is what steers one place of G at which the latent enters. StyleGAN's w is one (Karras et al. 2019, fig. 1); in a
net without a mapping network it is z itself, beside what the label says. Whoever walks, mixes, steers or looks for
directions does it with styles, and so does it for every recipe (`ganvas.explore`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..run_config import RunConfig
from .dual import Dual

GROUPS = ("coarse", "middle", "fine")
"""Karras et al. 2019, fig. 3: what styles of low, middle and high resolutions change."""


@dataclass(frozen=True)
class Between:
    """Works to be drawn between what two conditions ask for."""

    places: Tensor
    """(k,) which of the n works."""
    one: Tensor
    other: Tensor
    """(k, ROW) conditions."""
    share: Tensor
    """(k,) 0 is `one`, 1 is `other`."""


class Generator(nn.Module, ABC):
    """Base of all generators."""

    resolutions: tuple[int, ...]
    """Of each style the height, in pixels, at which it enters, from coarse to fine."""

    free_dims: int
    """So many leading numbers of a style vary within a label; the rest is what the label says."""

    steers: bool = True
    """Whether between two styles there are others, so that works can be steered, mixed and walked among."""

    def __init__(self) -> None:
        super().__init__()
        self.dual: Dual | None = None
        """What knows which caption belongs to which picture, where G learns from captions with it."""

    @abstractmethod
    def styles(self, z: Tensor, label: Tensor) -> Tensor:
        """(n, latent_dim) latents and (n,) labels -> (n, len(resolutions), style_dim)."""

    @abstractmethod
    def draw(self, styles: Tensor) -> Tensor:
        """(n, len(resolutions), style_dim) -> (n, C, H, W) pictures. The same styles give the same pictures."""

    def can_draw(self, styles: Tensor) -> bool:
        """Whether these, (layers, style_dim) and finite, are styles of its own: a stranger's may be anything."""
        return True

    def forward(self, z: Tensor, label: Tensor, between: Between | None = None) -> Tensor:
        return self.draw(self.styles_between(z, label, between))

    def styles_between(self, z: Tensor, label: Tensor, between: Between | None) -> Tensor:
        """`styles`, some of them on the line between those of two conditions. Reed et al. 2016, eq. 5 (GAN-INT)."""
        styles = self.styles(z, label)
        if between is None:
            return styles
        one, other = (self.styles(z[between.places], asked) for asked in (between.one, between.other))
        return styles.index_copy(0, between.places, torch.lerp(one, other, between.share[:, None, None]))

    def centre(self, z_like: Tensor, label: Tensor) -> Tensor:
        """The most typical styles of each label: those of the mean latent, 0. Shaped as `styles`."""
        return self.styles(torch.zeros_like(z_like), label)

    def truncated(self, z: Tensor, label: Tensor, truncation: float) -> Tensor:
        """Styles nearer to the typical ones: centre + truncation * (style - centre). Karras et al. 2019, sect. B."""
        styles = self.styles(z, label)
        if truncation == 1:
            return styles
        centre = self.centre(z, label)
        return centre + truncation * (styles - centre)

    def combined(self, parts: Sequence[Tensor], coefficients: Sequence[float]) -> Tensor:
        """The styles of several things asked for at once, each (n, layers, style_dim): their weighted sum."""
        return torch.stack([one * part for part, one in zip(parts, coefficients, strict=True)]).sum(dim=0)

    def tempered(self, styles: Tensor, temperature: float, top_k: int) -> Tensor:
        """Styles that draw bolder or tamer than was learned. Raises UsageError for nets that cannot."""
        if temperature == 1 and top_k == 0:
            return styles
        raise UsageError(
            "Temperature and top-k are for models of the recipe 'tokens'. Leave them out, or use truncation."
        )

    @abstractmethod
    def entrances(self) -> Sequence[tuple[int, Tensor]]:
        """Where styles enter: (number of the style, (out, style_dim) weights of the layer that takes it)."""


def build_generator(config: RunConfig) -> nn.Module:
    """An untrained G as the run needs it, random by torch's generator."""
    G = config.recipe.net.generator(config.shape, config.recipe.latent_dim, config.asked)
    if isinstance(G, Generator) and config.asked.text_dim and config.recipe.towers:
        G.dual = Dual(config.shape[0], config.asked)
    return G


def groups(styles: int) -> dict[str, list[int]]:
    """The numbers of the coarse, middle and fine ones of so many styles: a third each. A single one is coarse."""
    found: dict[str, list[int]] = {name: [] for name in GROUPS}
    for number in range(styles):
        found[GROUPS[number * len(GROUPS) // styles]].append(number)
    return {name: numbers for name, numbers in found.items() if numbers}
