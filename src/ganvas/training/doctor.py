"""What goes wrong, told from what was measured: pure functions of a run's vitals, oldest first.

A detector says in a sentence what the newest check shows; it is a finding when `SUSTAINED` checks in a row show it.
docs/doctor.md lists them with the figures that the thresholds come from.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import median

from .vitals import Vitals

SUSTAINED = 3
"""Checks in a row that must point to something before it is told."""
WARM = 0.1
"""Share of the run before which works are not judged: all begin as the same grey."""
DROP = 0.5
"""Coverage, or the label histogram, below this share of its own peak is a collapse."""
SOME = 0.2
"""A peak of coverage, or of labels, below it was none."""
LEAST_DIVERSITY, DIVERSITY_DROP = 0.7, 0.75
"""Diversity below the first is a collapse when it is also below this share of its own peak: it starts low and rises."""
MOST_DUPLICATES = 0.15
FAR = 0.4
"""Energy distance; that of an untrained G is above 1, that of a healthy run below 0.2 after some 25 steps."""
STILL_FALLING = 0.8
"""What a distance has become within `SUSTAINED` checks when works are still on their way."""
MOST_OUTSIDE = 0.5
MOST_OVERFITTING, OVERFITTING_ERRORS = 0.3, 2.0
LEAST_COPYING = 0.5
MOST_COPIES, FEW_COPIES = 0.25, 0.1
"""Shares of near-copies: a climb is from below the second to above the first."""
STRONG_SIGN, STRONG_PULL = 0.95, 0.2
WILD_MARGIN = 30.0
"""Logits. exp(-30) is 1e-13: no game needs D to be surer."""
WEAK_PULL, WEAK_SIGN = 0.8, 0.85
CLOSE = 0.05
"""Energy distance below which works and pictures are hard to tell apart, for a D too."""
MOST_RATIO = 10.0
THIRD = 1 / 3
STALL_FROM, STALL_UNTIL = 0.6, 0.95
"""Progress: before it little can be said, after it little can be saved."""
GAIN, COVERAGE_GAIN = 0.9, 0.03
"""A distance at or below this share of what it was, or a coverage that much higher, is a gain."""
AT_THE_FLOOR = 0.02
"""Energy distance below which this probe cannot see a gain any more."""

Signs = tuple[str, dict[str, float]]
"""What is seen, in a sentence, and the measurements behind it."""


@dataclass(frozen=True)
class Finding:
    """Something goes wrong."""

    name: str
    sentence: str
    remedy: str
    values: dict[str, float]
    act: str | None
    """What `auto` changes: "gamma", "lr" or "augment"; None: nothing, it is for people to decide. "stop": it augments,
    and where that was done already ends the run."""
    urgent: bool = False
    """Whether the run cannot go on as it is."""


@dataclass(frozen=True)
class Detector:
    """Looks for one thing."""

    name: str
    signs: Callable[[Sequence[Vitals]], Signs | None]
    """What the newest of these checks shows; None when all is well."""
    remedy: str
    act: str | None = None


def suspicions(history: Sequence[Vitals]) -> tuple[list[Finding], bool]:
    """Findings of the newest check; and whether it alone points to anything that `auto` would treat."""
    found, suspected = [], False
    for detector in DETECTORS:
        seen = detector.signs(history)
        if seen is None:
            continue
        suspected |= detector.act is not None
        before = [history[:end] for end in range(len(history) - 1, len(history) - SUSTAINED, -1)]
        if all(part and detector.signs(part) for part in before):
            found.append(Finding(detector.name, seen[0], detector.remedy, seen[1], detector.act))
    return found, suspected


def non_finite() -> Finding:
    """A loss or a weight is no number any more; the trainer finds it by itself."""
    return Finding(
        NON_FINITE, "A loss or a weight became NaN or infinite.", "Lower the learning rates.", {}, "lr", urgent=True
    )


# The detectors


def collapse(past: Sequence[Vitals]) -> Signs | None:
    """G draws less and less of what there is: less of the pictures, of the labels, or the same again and again."""
    now, before = past[-1], past[:-1]
    if now.progress < WARM:
        return None
    for name, of_what in (("coverage", "the pictures"), ("labels", "the labels")):
        value, peak = getattr(now, name), peak_of(before, name)
        if peak >= SOME and value < DROP * peak:
            sentence = f"Works show {value:.0%} of {of_what}, after {peak:.0%} before: G has collapsed."
            return sentence, {name: value, f"peak_{name}": peak}
    for name, which in (("diversity", "Works"), ("diversity_within", "Works of one label")):
        value, peak = getattr(now, name), peak_of(before, name)
        if value < LEAST_DIVERSITY and value < DIVERSITY_DROP * peak:
            sentence = f"{which} differ {value:.0%} as much as pictures do, after {peak:.0%} before: G is collapsing."
            return sentence, {name: value, f"peak_{name}": peak}
    if now.duplicates > MOST_DUPLICATES:
        sentence = f"{now.duplicates:.0%} of the works are almost the same as another: G has collapsed."
        return sentence, {"duplicates": now.duplicates}
    return None


def far(past: Sequence[Vitals]) -> Signs | None:
    """The works look like nothing there is, and come no closer."""
    now = past[-1]
    if now.progress < WARM or not now.distance > FAR or come_closer(past):
        return None
    sentence = (
        f"The works are far from the pictures ({now.distance:.2f} of the pictures' own spread) and come no closer."
    )
    return sentence, {"distance": now.distance}


def out_of_range(past: Sequence[Vitals]) -> Signs | None:
    """G's pixels have left the range. Ours are bounded; of a net that is not, a part leaves it on any healthy run."""
    now = past[-1]
    if not now.outside > MOST_OUTSIDE:
        return None
    return f"{now.outside:.0%} of the works' pixels lie outside [-1.1, 1.1].", {"outside": now.outside}


def copying(past: Sequence[Vitals]) -> Signs | None:
    """G learns the training pictures by heart. With strong penalties that comes before D's r_v is high.

    Works are half as far from them as new pictures are; or near-copies have become many since they were few, while the
    works came no closer to the pictures and covered no more of them. Both are measured on training pictures, which
    flatters copies, so a gain of distance counts only above what as many real pictures differ by.
    """
    now = past[-1]
    if now.progress < WARM:
        return None
    if now.copying < LEAST_COPYING:
        sentence = (
            f"G learns the training pictures by heart: works are {now.copying:.0%} as far from them as new ones are."
        )
        return sentence, {"copying": now.copying}
    copies, start = now.near_copies, last_original(past)
    then = past[:start] or past[:SUSTAINED]
    distance, before = recent(past, "distance"), recent(then, "distance")
    coverage, covered = recent(past, "coverage"), recent(then, "coverage")
    closer = distance <= GAIN * before and before > AT_THE_FLOOR
    if not copies > MOST_COPIES or closer or coverage >= covered + COVERAGE_GAIN:
        return None
    sentence = (
        f"G learns the training pictures by heart: {copies:.0%} of the works are near-copies, after "
        f"{recent(then, 'near_copies'):.0%}, and nothing else was gained."
    )
    values = {"near_copies": copies, "near_copies_before": recent(then, "near_copies")}
    return sentence, {**values, "distance": distance, "distance_before": before}


def last_original(past: Sequence[Vitals]) -> int:
    """How many checks there were when near-copies were few the last time; 0: never."""
    for end in range(len(past), 0, -1):
        if past[end - 1].near_copies <= FEW_COPIES and recent(past[:end], "near_copies") <= FEW_COPIES:
            return end
    return 0


def overfitting(past: Sequence[Vitals]) -> Signs | None:
    """D knows the training pictures by heart: held-out ones look to it like works. Karras et al. 2020, sect. 3."""
    now = past[-1]
    if not now.overfitting > max(MOST_OVERFITTING, OVERFITTING_ERRORS * now.overfitting_error):
        return None
    sentence = (
        f"D learns the training pictures by heart: to it, held-out ones are {now.overfitting:.0%} of the way to works."
    )
    return sentence, {"r_v": now.overfitting, "standard_error": now.overfitting_error}


def too_strong(past: Sequence[Vitals]) -> Signs | None:
    """D wins so clearly that it learns nothing more from its game, and G follows what D happens to have become.

    Not the plain rule, sign of r - f above 0.95. Measured on the first `canvas`, MNIST, 22 kimg: sign 0.94 to 1.00 with
    a margin of 0.6 to 1.4 logits, while the energy distance falls from 0.09 to 0.005; the plain rule would cry always.
    There `pull` is 0.43 to 0.72; without penalties it is 0.04 to 0.26 in most checks, with margins of 2.5 to 6 and a
    distance that stays at 0.05. So D's loss must have faded too, `pull` below STRONG_PULL, and the works come no
    closer. Or D's logits have left all bounds: learning rates times 100 give margins of 1e8 with signs of 0.5 to 1.
    """
    now = past[-1]
    sign, pull = recent(past, "sign"), recent(past, "pull")  # either comes and goes
    wins = sign > STRONG_SIGN and pull < STRONG_PULL and not come_closer(past)
    wild = abs(now.margin) > WILD_MARGIN
    if not wins and not wild:
        return None
    sentence = (
        f"D is too strong: it is right on {sign:.0%} of the pairs by {now.margin:.1f} logits, and {pull:.0%} "
        "of what it could learn is left."
    )
    return sentence, {"sign": sign, "margin": now.margin, "pull": pull}


def too_weak(past: Sequence[Vitals]) -> Signs | None:
    """D cannot tell pictures from works that are not yet like them: G has nothing to follow."""
    now = past[-1]
    weak = now.pull > WEAK_PULL and now.sign < WEAK_SIGN and now.distance > CLOSE
    if now.progress < WARM or not weak or come_closer(past):
        return None
    sentence = f"D is too weak: it is right on {now.sign:.0%} of the pairs, although works and pictures differ clearly."
    return sentence, {"sign": now.sign, "pull": now.pull, "distance": now.distance}


def unequal_gradients(past: Sequence[Vitals]) -> Signs | None:
    """D is steep on one side and flat on the other, so that one of the two penalties alone holds it."""
    now = past[-1]
    if not now.gradient_fake > 0 or not now.gradient_real > 0:
        return None
    ratio = now.gradient_real / now.gradient_fake
    if 1 / MOST_RATIO <= ratio <= MOST_RATIO:
        return None
    return f"D's gradient at pictures is {ratio:.2g} times that at works.", {"ratio": ratio}


def stalled(past: Sequence[Vitals]) -> Signs | None:
    """Nothing has been gained for a third of the run, by the doctor's own probe, which sees no fine detail."""
    now = past[-1]
    late = [one for one in past if one.progress > now.progress - THIRD]
    early = [one for one in past if one.progress <= now.progress - THIRD]
    if not STALL_FROM <= now.progress <= STALL_UNTIL or len(early) < SUSTAINED or len(late) < SUSTAINED:
        return None
    distance, before = median(one.distance for one in late), best_of(early, "distance", min)
    coverage, covered = median(one.coverage for one in late), best_of(early, "coverage", max)
    if not distance > max(GAIN * before, AT_THE_FLOOR) or not coverage < covered + COVERAGE_GAIN:
        return None
    sentence = "Nothing was gained for a third of the run: stop now, unless finer detail still improves."
    return sentence, {"distance": distance, "distance_before": before, "coverage": coverage, "coverage_before": covered}


def come_closer(past: Sequence[Vitals]) -> bool:
    """Whether the works have come clearly closer to the pictures within the last checks, or it is too early to say."""
    return len(past) <= SUSTAINED or past[-1].distance < STILL_FALLING * past[-1 - SUSTAINED].distance


def has_stalled(past: Sequence[Vitals]) -> bool:
    """Whether the run had stalled when that could last be told, for those who look at it later."""
    told = [one for one in past if one.progress <= STALL_UNTIL]
    ends = range(len(told) - SUSTAINED + 1, len(told) + 1)
    return len(told) >= SUSTAINED and all(stalled(told[:end]) is not None for end in ends)


def recent(past: Sequence[Vitals], name: str) -> float:
    """The median of the last `SUSTAINED` checks; NaN when one of them cannot be told."""
    values = [getattr(one, name) for one in past[-SUSTAINED:]]
    return median(values) if not any(isnan(value) for value in values) else nan


def peak_of(past: Sequence[Vitals], name: str) -> float:
    """The highest value so far that held for two checks; 0 when there is none."""
    values = [getattr(one, name) for one in past]
    return max((min(pair) for pair in itertools.pairwise(values)), default=0.0)


def best_of(past: Sequence[Vitals], name: str, best: Callable[[list[float]], float]) -> float:
    """The best running median of three."""
    values = [getattr(one, name) for one in past]
    return best([median(values[i : i + SUSTAINED]) for i in range(len(values) - SUSTAINED + 1)])


STRONGER = "A larger --r1-gamma and --r2-gamma (four times as large)"
NON_FINITE = "non-finite"

DETECTORS = (
    Detector("collapse", collapse, f"{STRONGER}, or fewer works of one kind among the pictures.", "gamma"),
    Detector("far", far, "Lower learning rates (half), and look at the previews: the run may be lost.", "lr"),
    Detector("out-of-range", out_of_range, "Lower learning rates (half as large).", "lr"),
    Detector("copying", copying, "More pictures, --augment shift tint cutout, or an earlier end.", "stop"),
    Detector("overfitting", overfitting, "More pictures, --augment shift tint cutout, or stop early.", "augment"),
    Detector("too-strong", too_strong, f"{STRONGER}, or a lower --discriminator-lr.", "gamma"),
    Detector(
        "too-weak", too_weak, "A larger net, a smaller --r1-gamma and --r2-gamma, or a higher --discriminator-lr."
    ),
    Detector("unequal-gradients", unequal_gradients, f"{STRONGER}.", "gamma"),
    Detector("stalled", stalled, "Stop now (Ctrl-C saves), or begin anew with a larger net or more pictures."),
)
"""In the order in which findings are told, and treated."""
