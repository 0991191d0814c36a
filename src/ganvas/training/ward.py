"""Where the doctor works: when a run is looked at, what is said once, and what `auto` does about it.

All that it knows is in the checkpoint's state.json, so that a resumed run is looked at as if it had not been stopped.
"""

import dataclasses
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Any

from torch import nn

from ..config import MOST_AUGMENT_P, Recipe, check
from ..errors import CheckpointError, UsageError
from ..files import storage_errors
from ..runs import Checkpoint, Run, is_number
from .doctor import Finding, has_stalled, last_original, suspicions
from .players import Players
from .vitals import WORKS, Probe, Vitals

MODES = ("warn", "auto", "off")
PICTURES_PER_WORK = 40
"""Training pictures between two checks, for each of its works: keeps their cost below 3% (docs/doctor.md)."""
FEWEST_STEPS = 100
"""Between two checks."""
SPACING = 0.01
"""Share of the pictures seen so far that lies between two checks at least: a long run has some hundreds of them."""
QUIET = 4
"""Checks in a row without it, after which a finding that comes back is told again."""
MOST_ACTS = 3
REST = 6
"""Checks between two acts, so that one can show what it does."""
GAMMA_FACTOR, LR_FACTOR = 4.0, 0.5
GENTLE = ("shift", "tint", "cutout")
"""How pictures are augmented where the recipe does not say. Zhao et al. 2020."""
FIRST_GAMMA = 1.0
"""R1's and R2's gamma where a recipe has no gradient penalty to make stronger."""


@dataclass(frozen=True)
class Treatment:
    """By what the recipe's settings are multiplied, after the doctor's acts."""

    gamma: float = 1.0
    lr: float = 1.0
    augmented: bool = False
    """Whether what D sees is changed (training/augment.py) more than the recipe asks for."""

    def act(self, kind: str | None) -> str | None:
        """What is done about a finding that wants `kind`: augmenting a second time is a stronger penalty."""
        return "gamma" if kind == "augment" and self.augmented else kind

    def after(self, kind: str | None) -> "Treatment":
        """With one more act of that kind: "gamma", "lr" or "augment"."""
        kind = self.act(kind)
        if kind == "augment":
            return dataclasses.replace(self, augmented=True)
        if kind == "gamma":
            return dataclasses.replace(self, gamma=self.gamma * GAMMA_FACTOR)
        return dataclasses.replace(self, lr=self.lr * LR_FACTOR)

    def of(self, recipe: Recipe) -> Recipe:
        """The settings that the run goes on with."""
        changes: dict[str, Any] = {
            name: getattr(recipe, name) * self.lr for name in ("generator_lr", "discriminator_lr")
        }
        if self.augmented:
            groups = recipe.augment or GENTLE
            changes |= {"augment": groups, "augment_by": "overfitting", "augment_p": MOST_AUGMENT_P}
        penalties = ("r1_gamma", "r2_gamma", "wgan_gp_lambda")
        if self.gamma != 1 and not any(getattr(recipe, name) for name in penalties):
            changes |= dict.fromkeys(("r1_gamma", "r2_gamma"), FIRST_GAMMA * self.gamma / GAMMA_FACTOR)
        else:
            changes |= {name: getattr(recipe, name) * self.gamma for name in penalties}
        return dataclasses.replace(recipe, **changes)

    def in_words(self, kind: str | None, recipe: Recipe) -> str:
        """The settings that an act of that kind has changed."""
        now = self.of(recipe)
        if kind == "stop":
            return "ended the run, as augmenting has been tried: learning on would only make more copies"
        if kind == "augment":
            return f"lets D see pictures changed at random ({', '.join(now.augment)}), the more the more it overfits"
        if kind == "lr":
            return f"halved the learning rates (G {now.generator_lr:g}, D {now.discriminator_lr:g})"
        if recipe.wgan_gp_lambda and not recipe.r1_gamma and not recipe.r2_gamma:
            return f"made the gradient penalty stronger (lambda {now.wgan_gp_lambda:g})"
        return f"made the gradient penalty stronger (gamma {now.r1_gamma:g} and {now.r2_gamma:g})"


class Ward:
    """A run's checks, and what they have found so far.

    mode: "warn", "auto" or "off".   probe: makes what takes the vitals, at the first check.
    augments: whether the recipe changes what D sees by itself.
    Raises UsageError for another mode, and for "auto" with several processes, which could not go back together.
    """

    def __init__(
        self,
        mode: str,
        probe: Callable[[], Probe],
        batch_size: int,
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
        augments: bool = False,
    ) -> None:
        check(mode in MODES, "doctor", mode, ", ".join(MODES))
        if mode == "auto" and processes > 1:
            raise UsageError("--doctor auto works in one process only. Use --doctor warn, or a single process.")
        self.mode, self._augments = mode, augments
        self._make_probe, self._clock = probe, clock
        self._probe: Probe | None = None
        self.seconds = 0.0
        """What the checks of this sitting have taken."""
        self.interval = max(FEWEST_STEPS * batch_size, PICTURES_PER_WORK * WORKS)
        self.treatment = Treatment()
        self.acts: list[int] = []
        """Pictures seen at each act, those counted that were thrown away since."""
        self.stopped = False
        """Whether `auto` has ended the run before its length."""
        self._forget()

    def _forget(self) -> None:
        self.history: list[Vitals] = []
        self.told: dict[str, int] = {}
        """The number of the last check in which a finding that was told was still there."""
        self.healthy = 0
        """Pictures seen at the last check in which nothing pointed to anything that the doctor would treat."""
        self.rested = 0
        """Checks since the last act."""

    def is_due(self, images: int) -> bool:
        """Whether a check is due; by pictures alone, so that a resumed run is looked at at the same steps."""
        last = self.history[-1].images if self.history else 0
        return self.mode != "off" and images - last >= max(self.interval, SPACING * last)

    def examine(self, players: Players, average: nn.Module, images: int, progress: float) -> list[Finding]:
        """A check. returns: what is to be told, or treated, now."""
        began = self._clock()
        if self._probe is None:
            self._probe = self._make_probe()
        found = self.consider(self._probe.take(players, average, images, progress))
        self.seconds += self._clock() - began
        return found

    def consider(self, vitals: Vitals) -> list[Finding]:
        """Takes a check's measurements into account. returns: what is to be told, or treated, now."""
        self.history.append(vitals)
        self.rested += 1
        found, suspected = suspicions(self.history)
        if not suspected:
            self.healthy = vitals.images
        number, told = len(self.history), self.told
        self.told = {name: last for name, last in told.items() if number - last <= QUIET}
        new = [finding for finding in found if finding.name not in self.told or self.may_act(finding)]
        self.told |= {finding.name: number for finding in found}
        return new

    def may_act(self, finding: Finding) -> bool:
        """Whether `auto` does something about it now: within its limits, and what it did before has had its time."""
        ready = finding.urgent or not self.acts or self.rested >= REST
        within = len(self.acts) < MOST_ACTS or finding.act == "stop"
        return self.mode == "auto" and finding.act is not None and within and ready

    def kind(self, finding: Finding) -> str | None:
        """What would be done about it."""
        if finding.act == "stop":
            tried = self.treatment.augmented or self._augments or len(self.acts) >= MOST_ACTS
            return "stop" if tried else "augment"
        return self.treatment.act(finding.act)

    def remedy(self, finding: Finding) -> str:
        """The remedy in words, with a note when the doctor may do no more by itself."""
        if self.mode == "auto" and finding.act is not None and len(self.acts) >= MOST_ACTS:
            return f"{finding.remedy} The doctor has acted {MOST_ACTS} times, which is its limit; it only warns now."
        return finding.remedy

    def acted(self, finding: Finding, images: int, back_at: int) -> str | None:
        """Counts an act at `images` pictures; the run goes on from `back_at`. returns: what was done."""
        done = self.kind(finding)
        self.stopped = done == "stop"
        if not self.stopped:
            self.treatment = self.treatment.after(done)
        self.acts.append(images)
        self.told.pop(finding.name, None)
        self.rested = 0
        self.healthy = back_at
        return done

    def to_json(self) -> dict[str, Any]:
        """For state.json; `recall` reads it."""
        return {
            "gamma": self.treatment.gamma,
            "lr": self.treatment.lr,
            "augmented": self.treatment.augmented,
            "acts": self.acts,
            "healthy": self.healthy,
            "rested": self.rested,
            "told": self.told,
            "stopped": self.stopped,
            "verdict": self.verdict(),
            "vitals": columns_of(self.history),
        }

    def verdict(self) -> str | None:
        """For those who look at the run later: "copying" when it was ended for that, "stalled" when it had stalled."""
        return "copying" if self.stopped else "stalled" if has_stalled(self.history) else None

    def go_on(self, share: float) -> None:
        """The run was given another length: each check came at `share` times the progress that was noted."""
        self.history = [dataclasses.replace(one, progress=min(1.0, one.progress * share)) for one in self.history]
        self.stopped = False

    def _before_copies(self) -> int:
        """Pictures seen at the last check in which near-copies were few; 0: never."""
        checks = last_original(self.history)
        return self.history[checks - 1].images if checks else 0

    def spared(self, run: Run) -> set[Path]:
        """The folders of the checkpoints to which `auto` would go back: they must not be deleted."""
        moments = (self.healthy, self._before_copies()) if self.mode == "auto" else ()
        return {checkpoints[-1].folder for moment in moments if (checkpoints := until(run, moment))}

    def refuges(self, run: Run, finding: Finding) -> list[Checkpoint]:
        """Where to go back to, best first: the newest from when all was well; in need, also the others.

        From works that are copies, to when these were few, whatever else was wrong then.
        """
        healthy = until(run, self._before_copies() if finding.act == "stop" else self.healthy)[::-1]
        others = [checkpoint for checkpoint in run.checkpoints()[::-1] if checkpoint not in healthy]
        return healthy + (others if finding.urgent else [])

    def recall(self, stored: Any) -> None:
        """`to_json` backwards; None, of a run from before the doctor, forgets all. Raises CheckpointError."""
        try:
            self._recall({} if stored is None else stored)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise CheckpointError(f"state.json: 'doctor' is damaged ({error!r}).") from None

    def _recall(self, stored: dict[str, Any]) -> None:
        self._forget()
        treatment = Treatment(
            float(stored.get("gamma", 1)), float(stored.get("lr", 1)), bool(stored.get("augmented", False))
        )
        if not (1 <= treatment.gamma <= GAMMA_FACTOR**MOST_ACTS and LR_FACTOR**MOST_ACTS <= treatment.lr <= 1):
            raise ValueError(f"a treatment that the doctor never gives: {treatment}")
        self.treatment, self.acts = treatment, [int(images) for images in stored.get("acts", [])]
        self.healthy, self.rested = int(stored.get("healthy", 0)), int(stored.get("rested", 0))
        self.told = {str(name): int(number) for name, number in stored.get("told", {}).items()}
        self.history = history_of(stored.get("vitals", {}))
        self.stopped = stored.get("stopped") is True and self.mode == "auto"


def columns_of(history: Sequence[Vitals]) -> dict[str, list[float | None]]:
    """The measurements by name, oldest first; null for NaN."""
    rows = [dataclasses.asdict(one) for one in history]
    return {
        field.name: [row[field.name] if isfinite(row[field.name]) else None for row in rows]
        for field in dataclasses.fields(Vitals)
    }


def history_of(columns: dict[str, list[float | None]]) -> list[Vitals]:
    """`columns_of` backwards. What another version of ganvas measured is left out, what it did not is NaN.

    Raises TypeError, ValueError, KeyError for what is no such table.
    """
    images, progress = columns.get("images", []), columns.get("progress", [])
    unknown: list[float | None] = [None] * len(images)
    names = [field.name for field in dataclasses.fields(Vitals)][2:]
    table = [images, progress, *(columns.get(name, unknown) for name in names)]
    if not all(value is None or is_number(value) for column in table for value in column):
        raise ValueError("vitals that are no numbers")
    return [
        Vitals(int(count), float(share), *(nan if value is None else float(value) for value in rest))  # type: ignore
        for count, share, *rest in zip(*table, strict=True)
    ]


def until(run: Run, images: int) -> list[Checkpoint]:
    """The run's checkpoints of at most `images` pictures, oldest first."""
    return [checkpoint for checkpoint in run.checkpoints() if round(checkpoint.kimg * 1000) <= images]


def abandon(run: Run, images: int) -> None:
    """Deletes the checkpoints of more than `images` pictures, as the run goes another way. Raises StorageError."""
    kept = until(run, images)
    for checkpoint in run.checkpoints():
        if checkpoint not in kept:
            with storage_errors(checkpoint.folder):
                shutil.rmtree(checkpoint.folder)
