"""Scores while a run learns: when they are due, what they go into, and which generator is the best so far."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from ..config import Budget, check
from ..errors import CheckpointError, GanvasError
from ..runs import Run, is_number, seen
from . import ema, state
from .events import Event, Scored, Warned, rounded

COMPARABLE = ("score", "features", "features_sha256")
"""Values of a score can be compared where these agree."""


class Judge(Protocol):
    """Scores a generator on pictures that no net has learned from."""

    best_by: str
    """Name of the score that decides which generator is best."""
    lower_is_better: bool
    """Of that score."""

    def __call__(self, generator: nn.Module, kimg: float) -> dict[str, Any]:
        """JSON values: scores (numbers by name), intervals ([low, high] by name), left_out (reasons by name), count,
        features, features_sha256, took_seconds.

        generator: the averaged one, in evaluation mode, the judge's own: it may do with it what it likes.
        kimg: thousands of pictures that it has seen.
        """
        ...


@dataclass(frozen=True)
class Judging:
    """Who judges a run, and how often: each so many minutes of training or kimg."""

    every: Budget
    judge: Judge

    def __post_init__(self) -> None:
        check(self.every.unit in ("minutes", "kimg"), "evaluate_every", str(self.every), "in minutes or kimg")

    def due_by(self, images: int, seconds: float) -> int:
        """How often the generator should have been judged, after `images` pictures and `seconds` of training."""
        behind = images / 1000 if self.every.unit == "kimg" else seconds / 60
        return int(behind / self.every.amount + 1e-9)  # as 0.3 / 0.1 is a hair less than 3


class Jury:
    """Judges a run's averaged generator, logs what it finds and keeps the best.

    What was judged, and how well, is read from the run folder when a run goes on. So a judging that a kill has undone
    is made again, and no other.
    """

    def __init__(self, run: Run, judging: Judging) -> None:
        self.run, self.judging = run, judging
        self.last: tuple[int, float] = (0, 0.0)
        """Pictures and seconds of training when the generator was judged last."""
        self._best: dict[str, Any] | None = None
        self._told = self._told_of_copying = False

    def recall(self, average: nn.Module) -> list[str]:
        """Reads what was judged in earlier sittings. returns: warnings.

        average: a net like those that were kept, to see whether the best one fits.
        """
        records = [record for record in self.run.read("metrics.jsonl") if isinstance(record.get("scores"), dict)]
        if records:
            seconds = records[-1].get("seconds")
            self.last = (seen(records[-1]), float(seconds) if is_number(seconds) else 0.0)
        best = self.run.best()
        try:
            if best is not None:
                state.check_fits(average, best.ema())
                self._best = best.record()
        except CheckpointError as error:
            return [f"The best generator so far is damaged; the next one to be judged takes its place. {error}"]
        return []

    def is_due(self, images: int, seconds: float) -> bool:
        """Whether a multiple of the interval has passed since the last judging."""
        return self.judging.due_by(images, seconds) > self.judging.due_by(*self.last)

    def judge(self, average: nn.Module, images: int, seconds: float) -> Iterator[Event]:
        """Scores the average, into metrics.jsonl, and keeps it when it is the best so far. Raises StorageError."""
        try:
            found = self._scores_of(average, images / 1000)
        except GanvasError as error:  # such as a cache that is full: no reason to stop learning
            yield Warned(images / 1000, seconds, f"No scores this time: {error}")
            return
        scores = {name: as_float(value) for name, value in found["scores"].items()}
        name = self.judging.judge.best_by
        kept = {"score": name, "value": found["scores"].get(name), "interval": found["intervals"].get(name)}
        kept = {**kept, **found, "kimg": images / 1000, "seconds": seconds}
        if self._is_better(kept):
            self.run.save_best(state.net_arrays(average), kept)  # first: what a kill undoes here is judged again
            self._best = kept
        best = self._best is not None and all(self._best[key] == kept[key] for key in ("score", "value", "kimg"))
        self.run.append("metrics.jsonl", {**rounded(found), "kimg": images / 1000, "seconds": seconds, "best": best})
        intervals = {name: (as_float(low), as_float(high)) for name, (low, high) in found["intervals"].items()}
        yield Scored(images / 1000, seconds, scores, intervals, best, found["took_seconds"])
        if not is_number(kept["value"]) and not self._told:
            self._told = True
            why = found["left_out"].get(name, "it is no finite number")
            yield Warned(images / 1000, seconds, f"No best checkpoint is kept: {name} cannot be told: {why}.")
        if "copying" in found["left_out"] and not self._told_of_copying:
            self._told_of_copying = True
            why = found["left_out"]["copying"]
            yield Warned(images / 1000, seconds, f"How many works are copies cannot be told: {why}.")

    def _scores_of(self, average: nn.Module, kimg: float) -> dict[str, Any]:
        """What the judge says. It gets a copy and random numbers of its own, so that it changes nothing here."""
        device = next(average.parameters()).device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            return self.judging.judge(ema.frozen_copy(average), kimg)

    def _is_better(self, new: dict[str, Any]) -> bool:
        """Than the best so far, strictly; also where that was judged by another measure."""
        if not is_number(new["value"]):
            return False
        if self._best is None or any(self._best.get(key) != new.get(key) for key in COMPARABLE):
            return True
        if self.judging.judge.lower_is_better:
            return new["value"] < self._best["value"]
        return new["value"] > self._best["value"]


def as_float(value: float | None) -> float:
    """A number of the judge; NaN for null."""
    return float("nan") if value is None else float(value)
