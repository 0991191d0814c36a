"""What `Trainer.fit()` yields. The terminal draws them, `--json` prints them, tests count them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something happened at `kimg` thousands of pictures and `seconds` of training."""

    kimg: float
    seconds: float


@dataclass(frozen=True)
class Started(Event):
    """Before the first step. `resumed` says whether a checkpoint was found to go on from."""

    resumed: bool
    device: str
    processes: int
    images: int
    """Training pictures."""
    generator_parameters: int
    discriminator_parameters: int


@dataclass(frozen=True)
class Inherited(Event):
    """Before the first step of a run that starts from another one: what became of that one's weights, by name."""

    parent: str
    has_d: bool
    """Whether the other run's D was at hand, too."""
    fitted: int
    """Weights taken over as they are."""
    resized: tuple[str, ...]
    new: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Estimated(Event):
    """Before the first step of a run of given minutes: what a probe of two seconds says of this machine."""

    images_per_second: float
    likeness_seconds: float | None
    """Until works first resemble the pictures; None where nobody has measured the recipe."""
    run_seconds: float
    """The run's length."""


@dataclass(frozen=True)
class Step(Event):
    """About once a second: averages since the last one, over all processes."""

    progress: float
    """Share of the run's length, in [0, 1]."""
    seconds_left: float
    images_per_second: float
    loss_d: float
    loss_g: float
    penalty: float
    accuracy_real: float
    """Share of real pictures that D takes for real, in [0, 1]; see `training.step.accuracies`."""
    accuracy_fake: float
    """Share of generated pictures that D takes for generated, in [0, 1]."""
    augment_p: float
    """The probability of each change of D's pictures, at the last step."""


@dataclass(frozen=True)
class Preview(Event):
    """The same latents, drawn again."""

    path: Path


@dataclass(frozen=True)
class Evaluated(Event):
    """After an epoch: D's loss in its game, and its accuracies, on held-out pictures and on fresh works of the EMA."""

    epoch: int
    loss_d: float
    accuracy_real: float
    accuracy_fake: float


@dataclass(frozen=True)
class Scored(Event):
    """The averaged generator was judged on validation pictures; NaN is a score that came out as no number."""

    scores: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    """95%, (low, high)."""
    best: bool
    """Whether this generator is the best so far, and kept as such."""
    took_seconds: float
    """Not counted in `seconds`."""


@dataclass(frozen=True)
class Saved(Event):
    """A checkpoint is complete on the disk."""

    path: Path


@dataclass(frozen=True)
class Warned(Event):
    """Something the user should know; the run goes on."""

    message: str


@dataclass(frozen=True)
class Diagnosed(Event):
    """The doctor found that something goes wrong; docs/doctor.md says what each finding means."""

    name: str
    """Short, for programs: one of `doctor.DETECTORS`, or `doctor.NON_FINITE`."""
    sentence: str
    """What was seen, in plain words."""
    remedy: str
    """What can be done."""
    values: dict[str, float]
    """The measurements behind it."""
    found_kimg: float
    """Where it was seen; `kimg` is smaller when the doctor went back to an earlier checkpoint."""
    act: str | None
    """What the doctor has done about it; None: nothing."""


@dataclass(frozen=True)
class Finished(Event):
    """The last event: `done` when the run reached its length or the doctor ended it, else it can go on."""

    done: bool
    run: Path
    verdict: str | None = None
    """The doctor's last word: "copying", for which it ended the run; "stalled"; None: nothing to say."""


def rounded(value: Any) -> Any:
    """JSON values with their floats to six significant digits, for a log that people read."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
