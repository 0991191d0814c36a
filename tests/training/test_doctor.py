"""The doctor's rules on numbers made by hand: each detector on both sides of its thresholds."""

import dataclasses
import itertools

import pytest

from ganvas.training import doctor
from ganvas.training.doctor import DETECTORS, SUSTAINED, Detector, suspicions
from ganvas.training.vitals import Vitals

CHECKS = 30

HEALTHY = Vitals(
    images=0,
    progress=0.0,
    coverage=0.7,
    diversity=0.9,
    diversity_within=0.85,
    labels=0.85,
    duplicates=0.03,
    copying=0.9,
    near_copies=0.02,
    outside=0.1,
    distance=0.03,
    overfitting=0.02,
    overfitting_error=0.1,
    sign=0.99,
    margin=0.9,
    pull=0.57,
    gradient_real=0.35,
    gradient_fake=0.33,
)
"""As measured in the second half of a run of `canvas` on MNIST. A sign of 0.99 is healthy there."""


def course(until: int = CHECKS, **changes: object) -> list[Vitals]:
    """The first checks of a run of 30 that comes closer and closer to the pictures.

    A change is a value for all, or a function of the progress.
    """
    changes = {"distance": lambda progress: 0.06 * 0.1**progress, **changes}

    def at(number: int) -> Vitals:
        progress = (number + 1) / (CHECKS + 1)
        values = {name: value(progress) if callable(value) else value for name, value in changes.items()}
        return dataclasses.replace(HEALTHY, images=2048 * (number + 1), progress=progress, **values)

    return [at(number) for number in range(until)]


def told(history: list[Vitals]) -> list[str]:
    """Names of all that is ever found while these checks come in, in order."""
    names = [finding.name for end in range(1, len(history) + 1) for finding in suspicions(history[:end])[0]]
    return list(dict.fromkeys(names))


def after(when: float, value: float, before: float):
    """`before` until the progress `when`, then `value`."""
    return lambda progress: value if progress > when else before


def test_a_healthy_course_is_quiet():
    improving = course(distance=lambda progress: 0.2 * 0.02**progress, coverage=lambda progress: 0.3 + 0.4 * progress)
    assert told(improving) == []
    assert told(course(diversity_within=lambda progress: 0.4 + 0.5 * progress)) == []  # low at first, and rising
    assert told(course(distance=lambda progress: 1.0 * 0.01**progress)) == []  # far at first, and coming closer


@pytest.mark.parametrize(
    ("name", "ill", "well"),
    [
        ("collapse", {"coverage": after(0.5, 0.34, 0.7)}, {"coverage": after(0.5, 0.36, 0.7)}),
        ("collapse", {"labels": after(0.5, 0.41, 0.85)}, {"labels": after(0.5, 0.43, 0.85)}),
        ("collapse", {"diversity": after(0.5, 0.6, 0.9)}, {"diversity": after(0.5, 0.72, 0.99)}),
        ("collapse", {"diversity_within": after(0.5, 0.5, 0.7)}, {"diversity_within": after(0.5, 0.55, 0.7)}),
        ("collapse", {"duplicates": after(0.5, 0.16, 0.0)}, {"duplicates": after(0.5, 0.14, 0.0)}),
        ("far", {"distance": 0.41}, {"distance": 0.03}),
        ("out-of-range", {"outside": 0.51}, {"outside": 0.49}),
        ("copying", {"copying": 0.49}, {"copying": 0.51}),
        (
            "copying",
            {"near_copies": after(0.5, 0.26, 0.05), "distance": 0.06},
            {"near_copies": after(0.5, 0.24, 0.05), "distance": 0.06},
        ),
        ("overfitting", {"overfitting": 0.31}, {"overfitting": 0.29}),
        (
            "overfitting",
            {"overfitting": 0.6, "overfitting_error": 0.29},
            {"overfitting": 0.6, "overfitting_error": 0.31},
        ),
        ("too-strong", {"pull": 0.19}, {"pull": 0.21}),
        ("too-strong", {"pull": 0.19, "sign": 0.96}, {"pull": 0.19, "sign": 0.94}),
        ("too-strong", {"margin": 31.0, "sign": 0.5}, {"margin": 29.0, "sign": 0.5}),
        ("too-strong", {"margin": -31.0, "sign": 0.5}, {"margin": -29.0, "sign": 0.5}),
        ("too-weak", {"pull": 0.81, "sign": 0.5, "distance": 0.06}, {"pull": 0.81, "sign": 0.5, "distance": 0.04}),
        ("too-weak", {"pull": 0.81, "sign": 0.84, "distance": 0.06}, {"pull": 0.79, "sign": 0.84, "distance": 0.06}),
        ("too-weak", {"pull": 0.81, "sign": 0.84, "distance": 0.06}, {"pull": 0.81, "sign": 0.86, "distance": 0.06}),
        ("unequal-gradients", {"gradient_real": 3.4}, {"gradient_real": 3.2}),
        ("unequal-gradients", {"gradient_real": 0.032}, {"gradient_real": 0.034}),
        ("stalled", {"distance": 0.021}, {"distance": 0.019}),
    ],
)
def test_each_detector_on_both_sides_of_its_thresholds(name, ill, well):
    assert name in told(course(**ill))
    assert name not in told(course(**well))


@pytest.mark.parametrize("detector", DETECTORS, ids=[detector.name for detector in DETECTORS])
def test_what_cannot_be_told_is_not_told(detector: Detector):
    unknown = dict.fromkeys(
        (field.name for field in dataclasses.fields(Vitals) if field.name not in ("images", "progress")), float("nan")
    )
    assert all(detector.signs(course(end, **unknown)) is None for end in range(1, CHECKS + 1))


def test_one_bad_check_is_not_a_finding_and_three_are():
    """The third check in a row tells it."""
    for bad in range(1, SUSTAINED + 1):
        history = course(12)
        history[-bad:] = [dataclasses.replace(one, outside=0.9) for one in history[-bad:]]
        found, suspected = suspicions(history)
        assert [finding.name for finding in found] == (["out-of-range"] if bad == SUSTAINED else [])
        assert suspected
    assert suspicions(course(12)) == ([], False)


def test_works_are_not_judged_before_the_run_is_warm():
    """Everything begins as the same grey: duplicates, far away, and D cannot tell."""
    start = course(duplicates=after(0.1, 0.0, 1.0), distance=after(0.1, 0.01, 1.2), coverage=after(0.1, 0.7, 0.0))
    assert told(start) == []


def test_works_on_their_way_are_not_called_far():
    """A fifth closer within three checks is on its way."""
    assert "far" not in told(course(distance=lambda progress: 1.5 * 0.92 ** (31 * progress)))
    assert "far" in told(course(distance=lambda progress: 1.5 * 0.97 ** (31 * progress)))


def test_a_d_that_wins_while_works_come_closer_is_not_too_strong():
    """As at the start of a healthy run."""
    assert "too-strong" not in told(course(pull=0.1, distance=lambda progress: 1.5 * 0.9 ** (31 * progress)))
    assert "too-strong" in told(course(pull=0.1, distance=lambda progress: 1.5 * 0.97 ** (31 * progress)))


def test_near_copies_are_no_finding_while_quality_gains():
    """Measured since near-copies were few: a distance that fell by a tenth, or a coverage that rose, is a gain."""

    def ramp(progress):
        return max(0.0, progress - 0.4)

    copies = {"near_copies": ramp}  # few until progress 0.5, many from 0.65 on
    assert "copying" in told(course(**copies, distance=0.06))
    assert "copying" in told(course(**copies, distance=lambda progress: 0.06 * 0.97**progress))
    assert "copying" not in told(course(**copies, distance=lambda progress: 0.06 * 0.3**progress))
    assert "copying" not in told(course(**copies, distance=0.06, coverage=lambda progress: 0.3 + 0.5 * progress))
    below = course(**copies, distance=lambda progress: 0.015 - 0.02 * progress)
    assert "copying" in told(below)  # what copies gain there is no gain
    ended = course(**copies, distance=lambda progress: 0.06 * 0.3 ** min(progress, 0.5))
    assert "copying" in told(ended)  # it gained until the climb began


def test_a_climb_is_told_from_its_start():
    history = course(near_copies=lambda progress: max(0.0, progress - 0.4), distance=0.06)
    first = next(h for h in prefixes(history) if "copying" in told_now(h))
    assert 0.65 < first[-1].progress < 0.8
    start = doctor.last_original(first)
    assert history[start - 1].progress == pytest.approx(0.5, abs=0.05)
    (finding,) = (one for one in suspicions(first)[0] if one.name == "copying")
    assert finding.act == "stop"
    assert "of the works are near-copies, after" in finding.sentence
    assert finding.values["near_copies"] > 0.25 > 0.1 >= finding.values["near_copies_before"]
    blinking = [dataclasses.replace(one, near_copies=0.9) if one.images % 3 == 0 else one for one in course()]
    assert told(blinking) == []  # one check of three is not sustained
    assert "copying" in told(course(near_copies=0.5, distance=0.06))  # also where they were never few


def test_whether_a_run_had_stalled_can_be_told_at_its_end():
    assert doctor.has_stalled(course(distance=lambda progress: 0.5 * 0.05 ** min(progress, 0.3)))
    assert not doctor.has_stalled(course(distance=lambda progress: 0.5 * 0.05**progress))
    assert not doctor.has_stalled([])
    assert not doctor.has_stalled(course(distance=0.01))  # this probe sees no gain there


def test_stalled_needs_a_third_of_the_run_without_gain_and_is_silent_near_the_end():
    def falls_until(end: float):
        return lambda progress: 0.5 * 0.05 ** min(progress, end)

    first = next(h[-1].progress for h in prefixes(course(distance=falls_until(0.4))) if "stalled" in told_now(h))
    assert 0.7 <= first <= 0.9
    assert told(course(distance=falls_until(1.0))) == []
    assert "stalled" not in told(course(distance=falls_until(0.4), coverage=lambda progress: 0.2 + 0.5 * progress))
    assert doctor.stalled(course(distance=falls_until(0.3))[:29]) is not None  # progress 0.94
    assert doctor.stalled(course(distance=falls_until(0.3))) is None  # progress 0.97


def test_every_finding_is_a_sentence_with_a_remedy_and_values():
    ill = {
        "collapse": {"duplicates": 0.9},
        "far": {"distance": 1.0},
        "out-of-range": {"outside": 0.9},
        "copying": {"near_copies": 0.5, "distance": 0.06},
        "overfitting": {"overfitting": 0.9},
        "too-strong": {"pull": 0.01},
        "too-weak": {"pull": 0.99, "sign": 0.5, "distance": 0.2},
        "unequal-gradients": {"gradient_real": 9.0},
        "stalled": {"distance": 0.1},
    }
    assert set(ill) == {detector.name for detector in DETECTORS}
    for name, values in ill.items():
        (finding,) = [one for one in suspicions(course(22, **values))[0] if one.name == name]
        assert finding.sentence.endswith(".") or ":" in finding.sentence
        assert finding.remedy.endswith(".")
        assert finding.values
        assert "nan" not in finding.sentence


def prefixes(history: list[Vitals]):
    return (history[:end] for end in range(1, len(history) + 1))


def told_now(history: list[Vitals]) -> list[str]:
    return [finding.name for finding in suspicions(history)[0]]


def test_a_peak_of_one_check_does_not_count():
    noisy = course()
    noisy[5] = dataclasses.replace(noisy[5], coverage=1.0)
    lower = [*noisy[:10], *[dataclasses.replace(one, coverage=0.45) for one in noisy[10:]]]
    assert "collapse" not in told(lower)  # 0.45 is under half of 1.0 and over half of 0.7
    assert list(itertools.chain.from_iterable(told_now(h) for h in prefixes(course(10)))) == []
