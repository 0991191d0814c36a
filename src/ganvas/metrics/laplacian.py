"""Sliced Wasserstein distance of patches, on each level of a Laplacian pyramid: do strokes and textures look right?"""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..registry import scores
from ..tensors import as_floats, seeded
from .score import Estimate, Pair, Score, Side, linear_bootstrap

PATCH_PX = 7
LEAST_PX = 14
"""Shorter side of the coarsest level."""
PATCHES = 65_536
"""A level and side, whatever the number of pictures: memory is flat."""
PICTURES = 8192
"""Most pictures that patches are cut from."""
DIRECTIONS, AT_ONCE = 128, 16
READ = 500
BINOMIAL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
"""Burt & Adelson 1983, eq. 1, with a = 0.375."""


def blurred(pictures: Tensor, step: int = 1, gain: float = 1.0) -> Tensor:
    """Each channel through the 5x5 binomial filter, mirrored at the edges; every `step`-th pixel."""
    channels = pictures.shape[1]
    row = BINOMIAL.to(pictures.device) * gain
    kernel = torch.outer(row, row).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), kernel, stride=step, groups=channels)


def raised(pictures: Tensor, height: int, width: int) -> Tensor:
    """Twice the size: zeros between the pixels, then the filter, doubled. Burt & Adelson 1983, eq. 2."""
    spread = pictures.new_zeros(*pictures.shape[:2], height, width)
    spread[:, :, ::2, ::2] = pictures
    return blurred(spread, gain=2.0)


def pyramid(pictures: Tensor) -> list[Tensor]:
    """(n, C, H, W) -> differences between levels, fine to coarse, then the coarsest level itself."""
    levels = []
    while min(pictures.shape[2:]) >= 2 * LEAST_PX:
        smaller = blurred(pictures, step=2)
        levels.append(pictures - raised(smaller, *pictures.shape[2:]))
        pictures = smaller
    return [*levels, pictures]


def patches(side: Side, device: torch.device) -> Iterator[Tensor]:
    """For each level (pictures, patches of each, C * 49), each channel of mean 0 and variance 1."""
    count = min(len(side), PICTURES)
    chosen = np.sort(np.random.default_rng(0).permutation(len(side))[:count])
    each = -(-PATCHES // count)
    rng = seeded(0, "patches")
    levels: list[list[Tensor]] = []
    for start in range(0, count, READ):
        part = chosen[start : start + READ]
        for number, level in enumerate(pyramid(as_floats(side.pictures(part), device))):
            if number == len(levels):
                levels.append([])
            levels[number].append(cut(level, each, rng))
    for parts in levels:
        found = torch.cat(parts)
        mean, deviation = found.mean(dim=(0, 2, 3), keepdim=True), found.std(dim=(0, 2, 3), keepdim=True)
        yield ((found - mean) / deviation.clamp_min(1e-8)).view(count, each, -1)


def cut(level: Tensor, each: int, rng: torch.Generator) -> Tensor:
    """(n, C, H, W) -> (n * each, C, 7, 7) at random places."""
    n, _, height, width = level.shape
    windows = level.unfold(2, PATCH_PX, 1).unfold(3, PATCH_PX, 1)  # (n, C, H - 6, W - 6, 7, 7), a view
    tops = torch.randint(height - PATCH_PX + 1, (n * each,), generator=rng).to(level.device)
    lefts = torch.randint(width - PATCH_PX + 1, (n * each,), generator=rng).to(level.device)
    number = torch.arange(n, device=level.device).repeat_interleave(each)
    return windows[number, :, tops, lefts]


def wasserstein(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Between the columns of (n, k) and (n, k): (k,) mean |difference| of sorted values, and influences (n, k) of each.

    The influence is the Kantorovich potential: it rises by 1 a unit where y lies above x, and falls where below.
    """
    n = len(x)
    merged, order = torch.cat([x, y]).sort(dim=0)
    from_x = (order < n).to(x.dtype)
    gap = (2 * from_x - 1).cumsum(dim=0)  # n (F_x - F_y) after each value
    lengths = merged.diff(dim=0)
    distance = (gap[:-1].abs() * lengths).sum(dim=0) / n
    slope = torch.cat([torch.zeros_like(merged[:1]), -(gap[:-1].sign() * lengths).cumsum(dim=0)])
    potential = torch.empty_like(slope).scatter_(0, order, slope)
    return distance, potential[:n], -potential[n:]


@scores.register("swd")
class SlicedWasserstein(Score):
    """The mean over levels of the mean over directions, times 1000, as Karras et al. print it."""

    name = "swd"
    title = "Sliced Wasserstein distance"
    question = "How good?"
    sentence = (
        "How far small patches of the works, from fine strokes to coarse shapes, are from those of real pictures."
    )
    source = "Karras et al. 2018, sect. 5"
    better = "lower"
    uses_features = False
    least = 500

    def measure(self, pair: Pair) -> Estimate:
        value, levels, influences = 0.0, 0, np.zeros((2, min(len(pair.works), PICTURES)))
        for x, y in zip(patches(pair.works, pair.device), patches(pair.reference, pair.device), strict=True):
            distance, *moved = level_distance(x, y)
            value, levels, influences = value + distance, levels + 1, influences + np.stack(moved)
        value, influences = 1000 * value / levels, 1000 * influences / levels
        return Estimate.of(value, linear_bootstrap(value, *influences), self.limits)


def level_distance(x: Tensor, y: Tensor) -> tuple[float, np.ndarray, np.ndarray]:
    """(pictures, each, d) patches: the mean distance over random directions, and each picture's influence on it."""
    directions = F.normalize(torch.randn(x.shape[2], DIRECTIONS, generator=seeded(0, "directions")), dim=0).to(x.device)
    total, moved = 0.0, [torch.zeros(len(x), device=x.device, dtype=torch.float64) for _ in range(2)]
    for some in directions.split(AT_ONCE, dim=1):
        distance, *potentials = wasserstein((x @ some).flatten(0, 1), (y @ some).flatten(0, 1))
        total += distance.sum().item()
        for picture, potential in zip(moved, potentials, strict=True):
            picture += potential.sum(dim=1).view(len(x), -1).mean(dim=1)
    of_works, of_real = ((picture / DIRECTIONS).cpu().numpy() for picture in moved)
    return total / DIRECTIONS, of_works, of_real
