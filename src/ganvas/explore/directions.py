"""Directions in which works change: found in closed form, by what varies most, by label, or taught.

Every direction is a change of styles, as long as one standard deviation of works along it (by label: two thirds of the
distance between the means), so that amounts from -3 to +3 mean the same for all. It is named after what it measurably
changes (attributes.py), with a purity: which share of all its changes, squared and in deviations among works, its own
attribute makes up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..config import check
from ..drawing import BATCH, Drawer
from ..errors import UsageError
from ..nets.generator import GROUPS, Generator, groups
from .attributes import measured
from .boundary import normal
from .latent import Latent, of_seeds, steerable

METHODS = ("sefa", "pca", "label", "taught")
SAMPLES = 1024
"""Works that tell how far works lie apart, and what varies among them."""
FIRST_SEED = 1_000_000
"""Of these works, far from those that people look at."""
PROBES, PROBE = 48, 2.0
"""Works that are steered, by so much either way, to measure what a direction changes."""
SHRUNK_PX = 16
"""Pictures are compared at about this size where it is asked what varies among them (PCA)."""
LEAST_EFFECT = 0.05
"""Deviations: a direction that changes nothing by more has no name of its own."""


@dataclass(frozen=True, eq=False)
class Direction:
    """A change of styles. `work.steer(direction, amount)` adds it, so many times."""

    name: str
    """Of what it changes, or as it was taught."""
    vector: np.ndarray
    """(layers, style_dim) float32, one unit long; 0 in layers that it leaves alone."""
    method: str
    """How it was found: sefa, pca, label or taught."""
    number: int
    """Which of its method it is, from 1."""
    layers: str
    """coarse, middle, fine or all: where it acts."""
    purity: float
    """From 0 to 1: the share of its own attribute in all that it changes."""
    effects: dict[str, float]
    """How much one unit changes each attribute, in deviations among works."""


Look = Callable[[np.ndarray], dict[str, np.ndarray]]
"""(n, H, W, C) uint8 pictures -> attributes, (n,) each."""


class Studied:
    """Works of a model, drawn once: how styles spread, and how pictures do."""

    def __init__(self, drawer: Drawer, look: Look = measured, samples: int | None = None) -> None:
        self.drawer, self.look = drawer, look
        self.generator: Generator = steerable(drawer)
        self.latents = of_seeds(drawer, range(FIRST_SEED, FIRST_SEED + (samples or SAMPLES)))
        self.styles = np.stack([one.styles for one in self.latents])
        self.pictures = self.drawn(self.styles)
        self.spread = {name: values.std() for name, values in look(self.pictures).items()}
        self.probes = self.styles[:PROBES]

    def drawn(self, styles: np.ndarray) -> np.ndarray:
        parts = [styles[start : start + BATCH] for start in range(0, len(styles), BATCH)]
        return np.concatenate([self.drawer.drawn(torch.from_numpy(part)) for part in parts])

    def layers(self, name: str) -> list[int]:
        count = len(self.generator.resolutions)
        return groups(count).get(name, []) if name != "all" else list(range(count))

    def vector(self, unit: np.ndarray, name: str, length: float | None = None) -> np.ndarray:
        """(style_dim,) of length 1, at the layers called `name`, as long as works deviate along it, or as told."""
        made = np.zeros(self.styles.shape[1:], np.float32)
        layers = self.layers(name)
        made[layers] = unit * ((self.styles[:, layers].mean(axis=1) @ unit).std() if length is None else length)
        return made

    def effects(self, vector: np.ndarray) -> dict[str, float]:
        """How much one unit changes each attribute, in deviations among works, averaged over the probes."""
        more, less = (self.look(self.drawn(self.probes + sign * PROBE * vector)) for sign in (1, -1))
        return {
            name: float((more[name] - less[name]).mean() / (2 * PROBE * max(spread, 1e-9)))
            for name, spread in self.spread.items()
        }


def sefa(generator: Generator, layers: Sequence[int], count: int) -> np.ndarray:
    """(count, style_dim) directions that change most what enters these layers: eigenvectors of A^T A, A being the
    weights by which they take a style. Needs not a single picture. Shen & Zhou 2021, eq. 5.

    Only the part of a style that varies within a label counts.
    """
    free = generator.free_dims
    taken = [weight[:, :free].detach().double() for number, weight in generator.entrances() if number in set(layers)]
    stacked = torch.cat(taken)
    vectors = torch.linalg.eigh(stacked.T @ stacked).eigenvectors
    best = vectors.flip(1).T[:count].numpy()
    found = np.zeros((len(best), next(weight.shape[1] for _, weight in generator.entrances())))
    found[:, :free] = best
    return found


def pca(studied: Studied, count: int) -> np.ndarray:
    """(count, style_dim) directions along which works vary most. Härkönen et al. 2020 (GANSpace), sect. 3.1-3.2.

    In styles of a mapping network, whose spread tells: their principal components. In latents of normals, which spread
    evenly, the regression of the latents on the principal components of what is drawn, shrunk.
    """
    free = studied.generator.free_dims
    styles = studied.styles[:, :, :free].mean(axis=1).astype(np.float64)
    styles -= styles.mean(axis=0)
    found = np.zeros((min(count, free), studied.styles.shape[2]))
    if studied.drawer.config.recipe.net.maps:
        _, _, axes = np.linalg.svd(styles, full_matrices=False)
        found[:, :free] = axes[: len(found)]
        return found
    step = max(1, max(studied.pictures.shape[1:3]) // SHRUNK_PX)
    seen = studied.pictures[:, ::step, ::step].reshape(len(styles), -1).astype(np.float64)
    seen -= seen.mean(axis=0)
    left, _, _ = np.linalg.svd(seen, full_matrices=False)
    slopes = left[:, : len(found)].T @ styles  # least squares on orthonormal coordinates
    found[:, :free] = slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), 1e-12)
    return found


def by_label(studied: Studied, label: str) -> np.ndarray:
    """(layers, style_dim) from works of other labels to those of this one: the normal of the plane that parts their
    styles, two thirds as long as their means lie apart. The normal is not the way between the means, so it takes more
    steps than that way until works turn into the label.
    """
    styles = studied.styles.mean(axis=1)
    inside = np.array([one.label == label for one in studied.latents])
    if inside.sum() < 2:
        styles = np.concatenate([styles, *(one.styles.mean(0)[None] for one in _more(studied, label))])
        inside = np.concatenate([inside, np.ones(len(styles) - len(inside), bool)])
    unit = normal(styles[inside], styles[~inside])
    apart = float(np.linalg.norm(styles[inside].mean(axis=0) - styles[~inside].mean(axis=0)))
    return studied.vector(unit, "all", 2 / 3 * apart)


def _more(studied: Studied, label: str) -> list[Latent]:
    return of_seeds(studied.drawer, range(FIRST_SEED, FIRST_SEED + PROBES), label)


def named(studied: Studied, vector: np.ndarray, method: str, number: int, layers: str, name: str = "") -> Direction:
    """The direction with its effects, its purity and its name: that of what it changes most, towards more of it.

    name: of a direction that has one already: the attribute of that name, if there is one, is its own.
    """
    effects = studied.effects(vector)
    own = name if name in effects else max(effects, key=lambda key: abs(effects[key]))
    if not name and effects[own] < 0:
        vector, effects = -vector, {key: -value for key, value in effects.items()}
    whole = sum(value**2 for value in effects.values())
    purity = effects[own] ** 2 / whole if whole > 0 else 0.0
    if not name:
        name = own if abs(effects[own]) >= LEAST_EFFECT else f"{method} {number}"
    return Direction(name, vector, method, number, layers, purity, effects)


def find(studied: Studied, count: int = 8, methods: Sequence[str] = METHODS[:3]) -> list[Direction]:
    """`count` directions by each method, and one for each of the first `count` labels. Names are made to differ.

    sefa looks for them in coarse, middle and fine layers in turn. Raises UsageError.
    """
    check(1 <= count <= 64, "directions", count, "from 1 to 64")
    unknown = [method for method in methods if method not in METHODS[:3]]
    check(not unknown, "method", " ".join(unknown), f"some of {', '.join(METHODS[:3])}")
    found: list[Direction] = []
    if "sefa" in methods:
        parts = [name for name in GROUPS if studied.layers(name)]
        each = {name: sefa(studied.generator, studied.layers(name), count) for name in parts}
        for number in range(count):
            name, place = parts[number % len(parts)], number // len(parts)
            if place < len(each[name]):
                vector = studied.vector(each[name][place], name)
                found.append(named(studied, vector, "sefa", number + 1, name))
    if "pca" in methods:
        for number, unit in enumerate(pca(studied, count)):
            found.append(named(studied, studied.vector(unit, "all"), "pca", number + 1, "all"))
    if "label" in methods:
        for number, label in enumerate(studied.drawer.labels[:count]):
            found.append(named(studied, by_label(studied, label), "label", number + 1, "all", f"label {label}"))
    return apart(found)


def apart(directions: Sequence[Direction]) -> list[Direction]:
    """The same with names that differ: "size", "size 2", "size 3"."""
    seen: dict[str, int] = {}
    found = []
    for one in directions:
        seen[one.name] = seen.get(one.name, 0) + 1
        found.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name} {seen[one.name]}"))
    return found


def taught(studied: Studied, more: Sequence[Latent], less: Sequence[Latent], name: str) -> Direction:
    """The direction from what somebody likes less to what they like more. Without `less`: from works at random.

    Raises UsageError when there is nothing to learn from.
    """
    if not more:
        raise UsageError("There are no works to learn from: put at least one into the folder of favourites.")
    liked = np.stack([one.styles.mean(axis=0) for one in more])
    others = np.stack([one.styles.mean(axis=0) for one in less]) if less else studied.styles.mean(axis=1)
    unit = normal(liked, others)
    if not unit.any():
        raise UsageError("What is liked more and what is liked less are the same works; nothing can be learned.")
    return named(studied, studied.vector(unit, "all"), "taught", 1, "all", name)


def steered(latent: Latent, direction: Direction, amount: float) -> Latent:
    """The latent with the direction added, so many times. amount: 0 changes nothing, up to 3 is usual."""
    check(abs(amount) <= 100, "amount", amount, "from -100 to 100")
    return latent.moved(np.float32(amount) * direction.vector, steer=direction.name, amount=amount)
