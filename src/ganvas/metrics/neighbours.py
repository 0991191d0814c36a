"""Nearest neighbours in features, block by block, exact where it counts: between pictures that are almost the same."""

import numpy as np
import torch
from torch import Tensor

from .rows import BLOCK, Rows
from .score import Pair

SHOWN = 3
"""Training pictures that are found for each work."""
SPARE = 5
"""More neighbours than asked for that are looked at exactly, as rounding may have changed their order."""
ROUNDING = 1e-6
"""Of the sum of both squared norms: no squared distance below is farther off (measured up to 1280 features: 6e-7)."""
EXACT_AT_ONCE = 2**22
"""Differences held at once."""
LEAST_HELD_OUT = 200
"""Held-out pictures that tell how close a new picture comes; with fewer, training pictures stand in for them."""
MOST_LEFT_OUT = 5000
"""Training pictures that stand in."""
SAME = 1e-4
"""Of the median distance of new pictures: what is closer is the same picture, but for rounding in the features."""


def centre_of(rows: Rows, device: torch.device) -> Tensor:
    """(d,) mean of the first block: taken off before distances, so that little is lost by cancellation."""
    return torch.from_numpy(rows.read(0, BLOCK)).to(device).mean(dim=0)


def loaded(block: np.ndarray, centre: Tensor) -> Tensor:
    return torch.from_numpy(block).to(centre.device) - centre


def squared_distances(x: Tensor, y: Tensor, slack: float = 0.0) -> Tensor:
    """(n, d), (m, d) -> (n, m), as |x|^2 + |y|^2 - 2 x . y, at least 0.

    The difference of large numbers is off by up to ROUNDING of them. slack=ROUNDING makes all too small rather than
    too large, so that who is exactly on the edge of a ball is in it.
    """
    norms = x.square().sum(1)[:, None] + y.square().sum(1)[None]
    return norms.mul_(1 - slack).addmm_(x, y.T, alpha=-2).clamp_min_(0)


def exact_distances(x: np.ndarray, targets: Rows, rows: np.ndarray) -> np.ndarray:
    """x (n, d) float32, rows (n, k) of the targets -> (n, k) float64 from the differences: 0 between equal pictures."""
    result = np.empty(rows.shape)
    step = max(1, EXACT_AT_ONCE // (rows.shape[1] * x.shape[1]))
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        y = targets.take(rows[part].ravel()).reshape(*rows[part].shape, -1)
        apart = x[part, None].astype(np.float64) - y
        result[part] = np.sqrt(np.einsum("nkd,nkd->nk", apart, apart))
    return result


def nearest(queries: Rows, targets: Rows, k: int, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """The k targets closest to each query: distances (n, k) float32, ascending, and their rows (n, k) int64.

    Of equal distances the lower row comes first. With fewer than k targets there are as many columns as targets.
    """
    k, kept = min(k, len(targets)), min(k + SPARE, len(targets))
    distances, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    centre = centre_of(targets, device)
    for start, block in queries.blocks():
        candidates = candidates_for(loaded(block, centre), targets, kept, centre)
        exact = exact_distances(block, targets, candidates)
        order = np.lexsort((candidates, exact))[:, :k]
        distances[start : start + len(block)] = np.take_along_axis(exact, order, axis=1)
        rows[start : start + len(block)] = np.take_along_axis(candidates, order, axis=1)
    return distances, rows


def candidates_for(x: Tensor, targets: Rows, count: int, centre: Tensor) -> np.ndarray:
    """(n, count) rows of the targets closest to x (n, d), up to rounding, in no order."""
    best, best_rows = x.new_empty(len(x), 0), torch.empty(len(x), 0, dtype=torch.int64, device=x.device)
    for start, block in targets.blocks():
        values, places = squared_distances(x, loaded(block, centre)).topk(min(count, len(block)), largest=False)
        best, best_rows = torch.cat([best, values], dim=1), torch.cat([best_rows, places + start], dim=1)
        best, chosen = best.topk(min(count, best.shape[1]), largest=False)
        best_rows = best_rows.gather(1, chosen)
    return best_rows.cpu().numpy()


def neighbours_of_works(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """For each work the distances to its SHOWN nearest training pictures, and their rows. The training is known."""
    assert pair.training is not None
    works, training = pair.works.features, pair.training
    return pair.once(("nearest", works, training), lambda: nearest(works, training, SHOWN, pair.device))


def neighbours_of_new(pair: Pair) -> np.ndarray:
    """(m,) float32: how far a picture that was not learned from is from the nearest training picture.

    Of the held-out pictures; of fewer than LEAST_HELD_OUT, each training picture stands in for a new one, to the
    others. Both are draws from the same collection. The training is known.
    """
    assert pair.training is not None
    training, held_out = pair.training, pair.held_out
    if held_out is not None and len(held_out) >= LEAST_HELD_OUT:
        return pair.once(("nearest", held_out, training), lambda: nearest(held_out, training, 1, pair.device))[0][:, 0]
    return pair.once(("nearest others", training), lambda: nearest_others(training, pair.device))


def nearest_others(rows: Rows, device: torch.device) -> np.ndarray:
    """(m,) float32: how far a row is from the nearest that is not the same, of up to MOST_LEFT_OUT, evenly spread.

    Identical pictures are never on both sides of a split, so they say nothing of a new one. Rows that have the same
    again more than SPARE times are left out.
    """
    asked = np.linspace(0, len(rows) - 1, min(len(rows), MOST_LEFT_OUT)).astype(int)
    centre, found = centre_of(rows, device), []
    for start in range(0, len(asked), BLOCK):
        block = rows.take(asked[start : start + BLOCK])
        candidates = candidates_for(loaded(block, centre), rows, min(1 + SPARE, len(rows)), centre)
        found.append(exact_distances(block, rows, candidates))
    distances = np.concatenate(found)
    typical = np.median(distances[distances > 0]) if (distances > 0).any() else np.inf
    nearest_one = np.where(distances > SAME * typical, distances, np.inf).min(axis=1)  # nor the row itself
    return nearest_one[np.isfinite(nearest_one)].astype(np.float32)
