"""How well a latent space can be walked and steered, as numbers: path length and separability. Karras et al. 2019."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..drawing import BATCH, Drawer
from ..features.extractor import Extractor
from ..tensors import as_levels, seeded
from .boundary import normal
from .invert import random_styles
from .latent import steerable

EPSILON = 1e-3
"""Share of the way from one work to another between the two pictures that are compared; the paper's 1e-4 is in the
noise of single precision where pictures are small."""


def path_ends(drawer: Drawer, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """(count, layers, style_dim) styles at t and at t + EPSILON of ways between works of one label, t uniform.

    In styles of a mapping network straight lines, in latents of normals arcs. Karras et al. 2019, eq. 2-3.
    """
    config, generator = drawer.config, steerable(drawer)
    z = torch.randn(2, count, config.recipe.latent_dim, generator=rng, dtype=torch.float64)
    t = torch.rand(count, 1, generator=rng, dtype=torch.float64)
    label = drawer.by_chance(count, rng)
    if config.recipe.net.maps:
        a, b = (generator.styles(x.float().to(drawer.device), label) for x in z)
        share = t.float().to(drawer.device)[:, :, None]
        return a + share * (b - a), a + (share + EPSILON) * (b - a)
    start, end = z
    found = [generator.styles(arc(start, end, share).float().to(drawer.device), label) for share in (t, t + EPSILON)]
    return found[0], found[1]


def arc(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """(n, d) between (n, d) a and b along great circles, lengths in proportion; share: (n, 1)."""
    long_a, long_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    angle = (a * b).sum(dim=1, keepdim=True).div(long_a * long_b).clamp(-1, 1).acos()
    between = ((1 - share) * angle).sin() * a / long_a + (share * angle).sin() * b / long_b
    return between / angle.sin() * (long_a + share * (long_b - long_a))


@torch.inference_mode()
def path_length(drawer: Drawer, extractor: Extractor, count: int = 1000) -> tuple[float, float, float]:
    """Perceptual path length, (value, low, high): how fast pictures change on the way from work to work, squared.

    The mean of ||f(G(t + eps)) - f(G(t))||^2 / eps^2 over ways and places t, f being the features of the domain, in
    units of their mean squared distance between two works, so that it can be compared between features. Low is even and
    smooth. The interval is that of the mean, 95%. Karras et al. 2019, eq. 2-3; theirs are VGG16's features.
    """
    rng, tones = seeded(0, "path length"), drawer.config.recipe.tones
    generator, lengths, seen = steerable(drawer), [], []
    for start in range(0, count, BATCH):
        styles = path_ends(drawer, min(BATCH, count - start), rng)
        here, there = (extractor(as_levels(generator.draw(x.contiguous()), tones)).double() for x in styles)
        lengths.append((there - here).square().sum(dim=1) / EPSILON**2)
        works = generator.draw(random_styles(drawer, len(here), rng).contiguous())
        seen.append(extractor(as_levels(works, tones)).double())
    values, features = torch.cat(lengths), torch.cat(seen)
    unit = 2 * features.var(dim=0).sum().item()  # of two independent works
    mean, error = values.mean().item() / unit, values.std().item() / len(values) ** 0.5 / unit
    return mean, mean - 1.96 * error, mean + 1.96 * error


def separability(styles: np.ndarray, shares: np.ndarray) -> tuple[float, Sequence[float]]:
    """exp of the sum over attributes of H(Y | X): 1 where planes part the latents perfectly, more where they do not.

    styles: (n, d) of works.   shares: (attributes, n) probabilities that a work has each, by a classifier.
    The half of the works of which the classifier is surest count, a plane is laid between those with and those
    without, and X is the side on which a work lies. returns: that, and H of each attribute, in nats.
    Karras et al. 2019, sect. 4.2; theirs are 40 attributes of faces.
    """
    found = []
    for share in shares:
        sure = np.argsort(-np.abs(share - 0.5))[: len(share) // 2]
        has, x = share[sure] > 0.5, styles[sure]
        if has.all() or not has.any():
            found.append(0.0)
            continue
        unit = normal(x[has], x[~has])
        found.append(conditional_entropy(has, x @ unit))
    return float(np.exp(sum(found))), found


def conditional_entropy(has: np.ndarray, along: np.ndarray) -> float:
    """H(Y | X), nats: what is left to know of `has` (n,) bool when one knows on which side of the best cut it lies.

    along: (n,) places on the plane's normal.
    """
    order = np.argsort(along, kind="stable")
    below = np.cumsum(has[order])
    count, n = np.arange(1, len(has)), len(has)
    yes_low, yes_high = below[:-1], below[-1] - below[:-1]
    left = count / n * entropy(yes_low / count) + (n - count) / n * entropy(yes_high / (n - count))
    return float(left.min())


def entropy(p: np.ndarray) -> np.ndarray:
    """Of a yes with probability p, in nats."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(p * np.log(p) + (1 - p) * np.log(1 - p))
