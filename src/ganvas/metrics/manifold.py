"""Precision, recall, density, coverage: which works lie among the real pictures, which real pictures among the works.

A set's manifold is the union of balls around its pictures, each reaching to its fifth nearest neighbour.
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..registry import scores
from .neighbours import ROUNDING, centre_of, exact_distances, loaded, nearest, squared_distances
from .rows import Rows
from .score import Estimate, Pair, Score, beyond_chance, linear_bootstrap, of_share

K = 5
TINY = 1e-30
"""Squared distances below it are 0."""


def squared_radii(pair: Pair, rows: Rows) -> Tensor:
    """(n,) float32: squared distance of each row to its K-th nearest other row. Kynkäänniemi et al. 2019, eq. 1.

    A row's nearest one is itself, at distance 0, or one equal to it.
    """
    distances, _ = pair.once(("neighbourhoods", rows), lambda: nearest(rows, rows, K + 1, pair.device))
    return torch.from_numpy(distances[:, -1]).to(pair.device).square()


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
        real_radii, work_radii = squared_radii(pair, real), squared_radii(pair, works)
        works_in_real = Membership(len(works), len(real), pair.device)
        real_in_works = Membership(len(real), len(works), pair.device)
        for w, work_block in works.blocks():
            x = loaded(work_block, centre)
            for r, real_block in real.blocks():
                squared = squared_distances(x, loaded(real_block, centre), slack=ROUNDING)
                works_in_real.add(w, r, (squared <= real_radii[r : r + len(real_block)]).float())
                real_in_works.add(r, w, (work_radii[w : w + len(x)] >= squared.T).float())
        return cls(works_in_real, real_in_works)


def realism(pair: Pair) -> np.ndarray:
    """(n,) float64 >= 0: how deep each work lies among the real pictures; above 1 inside a ball, infinite at a centre.

    The greatest ratio of a ball's radius to the work's distance from its centre. Kynkäänniemi et al. 2019, eq. 5; as
    there, only balls no larger than the median one count, since those around rare pictures reach far into the empty.
    """
    works, real = pair.works.features, pair.reference.features
    centre, radii = centre_of(real, pair.device), squared_radii(pair, real)
    radii = torch.where(radii <= radii.double().quantile(0.5), radii, 0.0)
    result = np.empty(len(works))
    for start, block in works.blocks():
        x = loaded(block, centre)
        best, balls = x.new_zeros(len(x)), torch.zeros(len(x), dtype=torch.int64, device=x.device)
        for first, real_block in real.blocks():
            squared = squared_distances(x, loaded(real_block, centre)).clamp_min_(TINY)
            ratio, ball = (radii[first : first + len(real_block)] / squared).max(dim=1)
            balls = torch.where(ratio > best, ball + first, balls)
            best = torch.maximum(ratio, best)
        chosen = balls.cpu().numpy()
        distance = exact_distances(block, real, chosen[:, None])[:, 0]
        radius = radii[balls].double().sqrt().cpu().numpy()
        result[start : start + len(block)] = np.divide(
            radius, distance, out=np.full(len(x), np.inf), where=distance > 0
        )
    return result


def share_inside(found: Membership) -> tuple[float, np.ndarray, np.ndarray]:
    """Share of the points that lie in any ball, and the influences of the points and of the balls.

    A ball's influence is that of leaving it out: the points that it alone holds would be lost. That other balls would
    grow a little is left out.
    """
    within = (found.inside > 0).double().cpu().numpy()
    lost = beyond_chance(found.only_by_ball().double().cpu().numpy())
    return within.mean(), of_share(within), lost * len(lost) / len(within)


class Manifold(Score):
    """Base of the four.

    Their intervals are of first order, and hold the balls for drawn one by one, though neighbours decide on a ball's
    size. In simulations they covered the expected value in 90 to 99% of all cases.
    """

    as_percent = True
    better = "higher"
    limits = (0.0, 1.0)
    least = 500

    @abstractmethod
    def parts(self, found: Manifolds) -> tuple[float, np.ndarray, np.ndarray]:
        """The value, and the influences of the two sides."""

    def measure(self, pair: Pair) -> Estimate:
        key = ("manifolds", pair.works.features, pair.reference.features)
        value, *influences = self.parts(pair.once(key, lambda: Manifolds.of(pair)))
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
        return inside.mean() / K, inside / K, beyond_chance(holds) * len(holds) / (K * len(inside))


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
        lost = beyond_chance(balls.only_by_point().double().cpu().numpy())
        return covered.mean(), lost * len(lost) / len(covered), of_share(covered)
