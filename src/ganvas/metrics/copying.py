"""Copying: how close works lie to the training pictures, beside real pictures that were not learned from."""

import numpy as np

from ..registry import scores
from .neighbours import LEAST_HELD_OUT, SAME, neighbours_of_new, neighbours_of_works
from .score import REPLICATES, Estimate, Pair, Score, linear_bootstrap, of_share

FALSE_ALARMS = 0.01
"""Share of fresh real pictures that are called copies."""
LEAST_TRAINING = 100
"""Training pictures, where fewer than LEAST_HELD_OUT are held out, and the former stand in for new ones."""


def threshold(distances: np.ndarray) -> float:
    """From held-out distances (m,) to that below which a fresh real picture lies in FALSE_ALARMS of all cases.

    A new picture lies below the k-th of m with probability k / (m + 1), whatever the distribution, so between the two
    nearest k is interpolated by that rule (Hyndman & Fan 1996, definition 6); the usual one gives 1.5% for m = 200.
    """
    return float(np.quantile(distances, FALSE_ALARMS, method="weibull"))


def rate(distances: np.ndarray, held_out: np.ndarray) -> float:
    """Share of `distances` (n,) at or below the threshold that `held_out` (m,) gives.

    At, because a copy has distance 0, and so has the threshold where held-out pictures are themselves found among the
    training pictures. Then there are more false alarms, in the floor too.
    """
    return float(np.mean(distances <= max(threshold(held_out), SAME * np.median(held_out))))


def replicates(distances: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """(REPLICATES,) rates on resamples of both sides, the threshold taken anew each time; the same each time."""
    rng = np.random.default_rng(0)
    # Two that are always copies and two that never are, as in `of_share`: nobody is sure of a rate of 0.
    padded = np.concatenate([distances, [-np.inf, -np.inf, np.inf, np.inf]])

    def resampled(values: np.ndarray) -> np.ndarray:
        return values[rng.integers(0, len(values), len(values))]

    return np.array([rate(resampled(padded), resampled(held_out)) for _ in range(REPLICATES)])


class OfTraining(Score):
    """What a score of originality needs: the training pictures, and new ones.

    Where few are held out, how close a new picture comes is told by the training pictures, leaving each one out in
    turn.
    """

    question = "How original?"
    better = "lower"
    as_percent = True
    limits = (0.0, 1.0)
    uses_training = True

    def missing(self, pair: Pair) -> str | None:
        if pair.training is None:
            return "the pictures it learned from are not known"
        held_out = 0 if pair.held_out is None else len(pair.held_out)
        if held_out < LEAST_HELD_OUT and len(pair.training) < LEAST_TRAINING:
            return (
                f"needs {LEAST_TRAINING} pictures learned from, or {LEAST_HELD_OUT} held out; has "
                f"{len(pair.training)} and {held_out}"
            )
        return super().missing(pair)


@scores.register("copying")
class Copying(OfTraining):
    """The share of works that a test calls copies which is wrong for FALSE_ALARMS of new real pictures.

    By nearest distance to the training pictures, as Meehan et al. 2020 compare it for works and held-out pictures.
    """

    name = "copying"
    title = "Copying rate"
    sentence = (
        "The share of works closer to a training picture than 99% of unseen real pictures are; 1% if nothing is copied."
    )
    source = "after Meehan et al. 2020"

    def measure(self, pair: Pair) -> Estimate:
        distances, new = neighbours_of_works(pair)[0][:, 0], neighbours_of_new(pair)
        if len(new) < LEAST_TRAINING:  # the training pictures are mostly the same
            return Estimate(np.nan, np.nan, np.nan)
        return Estimate.of(rate(distances, new), replicates(distances, new), self.limits)

    def floor(self, pair: Pair, stand_ins: Pair) -> Estimate:
        """Of the new pictures, as the stand-ins may be training pictures: each half by the other half's threshold.

        What one half has too many the other has too few, so this value is closer to 1% than fresh pictures would be.
        The interval is that of as many fresh ones: both sides are resampled as if they were different pictures.
        """
        new = neighbours_of_new(pair)
        if len(new) < LEAST_TRAINING:
            return Estimate(np.nan, np.nan, np.nan)
        halves = np.array_split(np.random.default_rng(0).permutation(new), 2)
        value = (rate(halves[0], halves[1]) + rate(halves[1], halves[0])) / 2
        return Estimate.of(value, replicates(new, new), self.limits)


def closer(distances: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) for each distance the share of the others, (m,), that are larger; equal ones count half."""
    order = np.sort(others)
    below, up_to = (np.searchsorted(order, distances, side) for side in ("left", "right"))
    return 1 - (below + up_to) / (2 * len(others))


@scores.register("closeness")
class Closeness(OfTraining):
    """How often a work lies closer to the training pictures than a new real picture. Meehan et al. 2020.

    Their statistic, that of Mann and Whitney, as a share. It sees what `Copying` does not: where works are coarser than
    pictures, or a collection has pictures in series, copies lie no closer than the closest new pictures do, and yet
    far closer than most.
    """

    name = "closeness"
    title = "Closeness"
    sentence = (
        "How often a work lies closer to a training picture than a new real picture does: about 50% if nothing is "
        "known by heart, and more if the usual is drawn more often than the rare, too."
    )
    source = "Meehan et al. 2020"

    def measure(self, pair: Pair) -> Estimate:
        return self._of(neighbours_of_works(pair)[0][:, 0], neighbours_of_new(pair))

    def floor(self, pair: Pair, stand_ins: Pair) -> Estimate:
        """Of the new pictures beside others like them: 50%, and how far chance goes from there."""
        new = neighbours_of_new(pair)
        return self._of(new, new)

    def _of(self, distances: np.ndarray, new: np.ndarray) -> Estimate:
        if len(new) < LEAST_TRAINING:  # the training pictures are mostly the same
            return Estimate(np.nan, np.nan, np.nan)
        mine, theirs = closer(distances, new), 1 - closer(new, distances)
        value = float(mine.mean())
        # Two of each more, as nobody is sure of a share of 0 or 1.
        return Estimate.of(value, linear_bootstrap(value, of_share(mine), of_share(theirs)), self.limits)
