"""Works to look at beside the training pictures nearest to them: a person judges what no number tells."""

import numpy as np

from ..metrics.manifold import realism
from ..metrics.neighbours import neighbours_of_new, neighbours_of_works
from ..metrics.score import Pair
from .choice import Choice, Part
from .report import Example

SHOWN = 8
"""Works of each kind."""


def examples(pair: Pair, choice: Choice, seed: int) -> dict[str, tuple[Example, ...]]:
    """The best, typical and worst works by realism, and those closest to a training picture where it is known."""
    real = realism(pair)
    order = np.argsort(-real, kind="stable")
    middle = max(0, len(order) // 2 - SHOWN // 2)
    kinds = {
        "best": of_each_label(order, pair.works.labels),
        "typical": order[middle : middle + SHOWN],
        "worst": of_each_label(order[::-1], pair.works.labels),
    }
    distances = places = new = None
    if pair.training is not None:
        distances, places = neighbours_of_works(pair)
        kinds["nearest"] = np.argsort(distances[:, 0], kind="stable")[:SHOWN]
        new = np.sort(neighbours_of_new(pair))
    shown = np.unique(np.concatenate([*kinds.values()]))
    names = {} if places is None or choice.training is None else names_of(choice.training, places[shown].ravel())

    def example(work: int) -> Example:
        found = [] if places is None else places[work].tolist()
        label = pair.works.labels[work]
        distance = float("nan") if distances is None else float(distances[work, 0])
        told = new is not None and len(new) > 0
        farther = 1 - np.searchsorted(new, distance, "right") / len(new) if told else float("nan")
        return Example(
            seed=seed + int(work),
            label=pair.label_names[label] if label >= 0 else None,
            realism=float(real[work]),
            pixels=pair.works.pictures(np.array([work]))[0],
            nearest=tuple(choice.training.pictures(np.array(found))) if choice.training and found else (),
            nearest_names=tuple(names[place] for place in found),
            distance=distance,
            closer_than=float(farther),
        )

    return {kind: tuple(example(int(work)) for work in works) for kind, works in kinds.items()}


def of_each_label(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The first SHOWN works of `order`, those that are the first of their label before the second ones, and so on.

    Else all that is shown could be of the label that is the easiest.
    """
    rank = np.empty(len(order), np.int64)
    for label in np.unique(labels):
        of_label = np.flatnonzero(labels[order] == label)
        rank[of_label] = np.arange(len(of_label))
    return order[np.argsort(rank, kind="stable")[:SHOWN]]


def names_of(part: Part, places: np.ndarray) -> dict[int, str]:
    """The file names of the part's pictures `places`."""
    wanted = {int(part.indices[place]): int(place) for place in places}
    works = enumerate(part.dataset.works())
    return {wanted[number]: str(work["name"]) for number, work in works if number in wanted}
