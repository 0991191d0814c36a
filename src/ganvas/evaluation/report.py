"""What an evaluation found, as data. report.json holds it; the terminal's table and report.html are drawn from it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_file
from ..metrics.score import Estimate
from ..runs import without_nan

FORMAT = 1


@dataclass(frozen=True)
class Line:
    """A score with all that is needed to judge it."""

    score: str
    title: str
    question: str
    """The heading it stands under: How good?, How varied?, How original? or Does it obey?"""
    sentence: str
    source: str
    better: str
    """ "lower" or "higher"."""
    as_percent: bool
    works: Estimate
    """Of the model's works, with a 95% interval."""
    real: Estimate
    """Of as many real pictures in the works' place: the floor."""
    count: int
    """Works, and as many real pictures, that were compared."""
    features: str | None
    """Name of the features it looks through; None for pixels."""
    features_sha256: str | None
    seconds: float


@dataclass(frozen=True)
class LeftOut:
    """A score that would have been noise, or that has no meaning here."""

    score: str
    title: str
    reason: str


@dataclass(frozen=True)
class RuledOut:
    """Features that are no judge of works of this recipe, and why."""

    features: str
    recipe: str
    reason: str


@dataclass(frozen=True, eq=False)
class Example:
    """A work beside the training pictures nearest to it."""

    seed: int
    label: str | None
    realism: float
    """Kynkäänniemi et al. 2019, eq. 5: above 1 the work lies among real pictures."""
    pixels: np.ndarray
    """(H, W, C) uint8."""
    nearest: tuple[np.ndarray, ...]
    """(H, W, C) uint8, the nearest one first."""
    nearest_names: tuple[str, ...]
    """Files."""
    distance: float
    """To the nearest one, in the features."""
    closer_than: float
    """Share of other real pictures (held out; of few, each training picture against the others) that lie farther from
    the training pictures, in [0, 1]: 0.99 is suspicious."""


@dataclass(frozen=True, eq=False)
class Report:
    """The result of `Model.evaluate`."""

    model: str
    recipe: str
    kimg: float
    data: str
    data_digest: str
    compared_with: str
    """Which real pictures: "its 10,000 test pictures", ..."""
    seed: int
    """Of the first work; the next ones count up."""
    features: str
    features_sha256: str
    lines: tuple[Line, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    versions: tuple[str, ...]
    date: str
    """ISO 8601, UTC."""
    seconds: float
    examples: dict[str, tuple[Example, ...]]
    """ "best", "typical" and "worst" by realism, and "nearest": the works closest to a training picture."""
    ruled_out: tuple[RuledOut, ...] = ()
    """Features that may not judge works of this recipe."""

    def __getitem__(self, score: str) -> Line:
        """The line of a score. Raises KeyError for one that was left out."""
        return {line.score: line for line in self.lines}[score]

    def to_json(self) -> dict[str, Any]:
        """All but the pixels; null for numbers that are not known."""
        found = {key: value for key, value in vars(self).items() if key != "examples"}
        found["lines"] = [asdict(line) for line in self.lines]
        found["left_out"] = [asdict(one) for one in self.left_out]
        found["ruled_out"] = [asdict(one) for one in self.ruled_out]
        kept = ("seed", "label", "realism", "nearest_names", "distance", "closer_than")
        examples = {
            kind: [{key: getattr(one, key) for key in kept} for one in group] for kind, group in self.examples.items()
        }
        return without_nan({"format": FORMAT, **found, "examples": examples})

    def save(self, path: Path) -> None:
        """Writes report.json. Raises StorageError."""
        write_file(path, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n")
