"""Precision, recall, density, coverage: which works lie among the real pictures, which real pictures among the works.

A set's manifold is the union of balls around its pictures, each reaching to its fifth nearest neighbour.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..registry import scores
from .rows import BLOCK, Rows
from .score import Estimate, Pair, Score, linear_bootstrap

K = 5


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """(n, d), (m, d) -> (n, m)."""
    return (x.square().sum(1)[:, None] + y.square().sum(1)[None] - 2 * x @ y.T).clamp_min_(0)


def centre_of(rows: Rows, device: torch.device) -> Tensor:
    """(d,) mean of the first block: taken off before distances, so that little is lost by cancellation."""
    return torch.from_numpy(rows.read(0, BLOCK)).to(device).mean(dim=0)


def loaded(block: np.ndarray, centre: Tensor) -> Tensor:
    return torch.from_numpy(block).to(centre.device) - centre


def radii(rows: Rows, centre: Tensor, k: int = K) -> Tensor:
    """(n,) squared distance of each row to its k-th nearest other row."""
    result = []
    for start, block in rows.blocks():
        x, nearest = loaded(block, centre), None
        for other, block_y in rows.blocks():
            squared = squared_distances(x, loaded(block_y, centre))
            if other == start:
                squared.fill_diagonal_(float("inf"))
            candidates = squared if nearest is None else torch.cat([nearest, squared], dim=1)
            nearest = candidates.topk(min(k, candidates.shape[1]), dim=1, largest=False).values
        assert nearest is not None
        result.append(nearest[:, -1])
    return torch.cat(result)


class Membership:
    """Points of one set against the balls of another, counted block by block.

    inside: (points,) in how many balls each point lies.   holds: (balls,) how many points lie in each ball.
    """

    def __init__(self, points: int, balls: int, device: torch.device) -> None:
        self.inside, self._ball = torch.zeros(2, points, device=device)
        self.holds, self._point = torch.zeros(2, balls, device=device)

    def add(self, first_point: int, first_ball: int, within: Tensor) -> None:
        """within: (p, b) float, 1 where a point lies in a ball."""
        p, b = within.shape
        rows, columns = slice(first_point, first_point + p), slice(first_ball, first_ball + b)
        self.inside[rows] += within.sum(dim=1)
        self.holds[columns] += within.sum(dim=0)
        # Sums of numbers: of a point in exactly one ball the sum is that ball's number.
        self._ball[rows] += within @ torch.arange(first_ball, first_ball + b, device=within.device).float()
        self._point[columns] += torch.arange(first_point, first_point + p, device=within.device).float() @ within

    def only_by_ball(self) -> Tensor:
        """(balls,) points that lie in this ball and in no other."""
        return torch.bincount(self._ball[self.inside == 1].long(), minlength=len(self.holds))

    def only_by_point(self) -> Tensor:
        """(points,) balls that hold this point and no other."""
        return torch.bincount(self._point[self.holds == 1].long(), minlength=len(self.inside))


@dataclass(frozen=True)
class Manifolds:
    """Works in the real pictures' manifold, and real pictures in the works'."""

    works_in_real: Membership
    real_in_works: Membership

    @classmethod
    def of(cls, pair: Pair) -> "Manifolds":
        works, real = pair.works.features, pair.reference.features
        centre = centre_of(real, pair.device)
        real_radii, work_radii = radii(real, centre), radii(works, centre)
        works_in_real = Membership(len(works), len(real), pair.device)
        real_in_works = Membership(len(real), len(works), pair.device)
        for w, work_block in works.blocks():
            x = loaded(work_block, centre)
            for r, real_block in real.blocks():
                squared = squared_distances(x, loaded(real_block, centre))
                works_in_real.add(w, r, (squared <= real_radii[r : r + len(real_block)]).float())
                real_in_works.add(r, w, (work_radii[w : w + len(x)] >= squared.T).float())
        return cls(works_in_real, real_in_works)


def share_inside(found: Membership) -> tuple[float, np.ndarray, np.ndarray]:
    """Share of the points that lie in any ball, and the influences of the points and of the balls.

    A ball's influence is that of leaving it out: the points that it alone holds would be lost. That other balls would
    grow a little is left out, so the interval is rather too wide.
    """
    within = (found.inside > 0).double().cpu().numpy()
    return within.mean(), within, found.only_by_ball().cpu().numpy() * len(found.holds) / len(within)


class Manifold(Score):
    """Base of the four."""

    as_percent = True
    better = "higher"
    limits = (0.0, 1.0)
    least = 500

    def parts(self, found: Manifolds) -> tuple[float, np.ndarray, np.ndarray]:
        """The value, and the influences of the two sides."""
        raise NotImplementedError

    def measure(self, pair: Pair) -> Estimate:
        value, *influences = self.parts(pair.once("manifolds", lambda: Manifolds.of(pair)))
        return Estimate.of(value, linear_bootstrap(value, *influences), self.limits)


@scores.register("precision")
class Precision(Manifold):
    name = "precision"
    title = "Precision"
    question = "How good?"
    sentence = "The share of works that could pass for real: they lie among real pictures."
    source = "Kynkäänniemi et al. 2019"

    def parts(self, found: Manifolds) -> tuple[float, np.ndarray, np.ndarray]:
        return share_inside(found.works_in_real)


@scores.register("recall")
class Recall(Manifold):
    name = "recall"
    title = "Recall"
    question = "How varied?"
    sentence = "The share of real pictures that lie among works: kinds of picture that the model can make."
    source = "Kynkäänniemi et al. 2019"

    def parts(self, found: Manifolds) -> tuple[float, np.ndarray, np.ndarray]:
        return share_inside(found.real_in_works)


@scores.register("density")
class Density(Manifold):
    name = "density"
    title = "Density"
    question = "How good?"
    sentence = "How thick the real pictures lie where the works are; about 1 for real ones, above it for safe averages."
    source = "Naeem et al. 2020"
    as_percent = False
    limits = (0.0, float("inf"))

    def parts(self, found: Manifolds) -> tuple[float, np.ndarray, np.ndarray]:
        inside, holds = (x.double().cpu().numpy() for x in (found.works_in_real.inside, found.works_in_real.holds))
        return inside.mean() / K, inside / K, holds * len(holds) / (K * len(inside))


@scores.register("coverage")
class Coverage(Manifold):
    name = "coverage"
    title = "Coverage"
    question = "How varied?"
    sentence = "The share of real pictures that have a work close by; what is missing here, the model leaves out."
    source = "Naeem et al. 2020"

    def parts(self, found: Manifolds) -> tuple[float, np.ndarray, np.ndarray]:
        balls = found.works_in_real
        covered = (balls.holds > 0).double().cpu().numpy()
        return covered.mean(), balls.only_by_point().cpu().numpy() * len(balls.inside) / len(covered), covered
