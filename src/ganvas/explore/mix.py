"""Mixing styles: a matrix of works, and children of two."""

from collections.abc import Sequence

import numpy as np

from ..nets.generator import Generator
from ..tensors import seeded
from .latent import Latent, layers_of, mixed


def matrix(rows: Sequence[Latent], columns: Sequence[Latent], generator: Generator, layers: str) -> list[list[Latent]]:
    """For each row its work with the styles of each column's at `layers`. Karras et al. 2019, fig. 3.

    layers: "coarse", "middle", "fine", "all", or numbers such as "0,1,4-6". Raises UnknownName, UsageError.
    """
    numbers = layers_of(generator, layers)
    return [[mixed(row, column, numbers, layers) for column in columns] for row in rows]


def children(a: Latent, b: Latent, count: int, seed: int = 0) -> list[Latent]:
    """Works that take the style of each layer from one of two parents, by the toss of a coin, and from both some.

    Child `k` of a seed is the same whatever the count. With a single style, which cannot be divided, children lie on
    the line between their parents.
    """
    found = []
    for number in range(seed, seed + count):
        rng = np.random.default_rng(seeded(number, "breed").initial_seed() % 2**63)
        layers = len(a.styles)
        if layers == 1:
            share = float(rng.uniform(0.2, 0.8))
            styles, how = a.styles + np.float32(share) * (b.styles - a.styles), {"share": round(share, 6)}
        else:
            of_b = np.zeros(layers, bool)
            while of_b.all() or not of_b.any():
                of_b = rng.random(layers) < 0.5
            styles, how = np.where(of_b[:, None], b.styles, a.styles), {"layers": np.flatnonzero(of_b).tolist()}
        label = a.label if a.label == b.label else None
        lineage = {"breed": number, "of": a.lineage, "with": b.lineage, **how}
        found.append(Latent(styles.astype(np.float32), label, lineage))
    return found
