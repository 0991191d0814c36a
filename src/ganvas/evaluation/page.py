"""report.html: an evaluation as one file that needs nothing from anywhere, for a phone, a screen or paper.

Here is what it shows and where the points of its drawings lie; report.html.j2 says how it looks.
"""

import base64
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..files import write_file
from ..metrics.score import LEVEL, REPLICATES
from ..pictures import to_image
from ..sources.artwork import printable
from .report import Example, Line, Report
from .wording import UNKNOWN, against_real, interval, number, standing

QUESTIONS = {
    "How good?": "Do the works look like real pictures, one by one and as a whole?",
    "How varied?": "Does the model make every kind of picture there is, or only a few?",
    "How original?": "Are the works new, or copies of pictures that the model learned from?",
    "Does it obey?": "Asked for a label, does the model draw that label?",
}
GROUPS = {
    "best": (
        "Best works",
        "The works deepest among real pictures; where there are labels, one of each first.",
    ),
    "typical": ("Typical works", "From the middle of the range: what to expect of a seed."),
    "worst": (
        "Worst works",
        "The works least among real pictures; where there are labels, one of each first.",
    ),
    "nearest": ("Closest to a training picture", "Look here for copies: a work and its neighbour should differ."),
}
SUSPICIOUS = 0.99
"""Closer to a training picture than this share of other real pictures."""
MOST_POINTS = 300
"""Of a curve."""
MOST_CHARTS = 24
LARGEST = 1e30
"""Numbers beyond this are no measurements, and their differences would overflow."""
LOG_FROM = 50
"""A score that falls to less than a 50th is drawn on a log scale, else its end could not be seen."""
LARGEST_PX = 256
"""Of a picture's longer side; larger ones are made smaller, as a page of large ones is slow to open."""
CRISP_PX = 112
"""The width at which a work is shown: smaller pictures are enlarged with hard edges."""


def save_page(report: Report, path: Path, stats: Sequence[dict], metrics: Sequence[dict]) -> None:
    """Writes report.html. Raises StorageError.

    stats, metrics: the objects of the run's stats.jsonl and metrics.jsonl; what is not a number in them is passed over.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, finalize=shown, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))
    lines = report.lines
    page = template.render(
        report=report,
        date=readable_date(report.date),
        count=max((line.count for line in lines), default=None),
        verdict=verdict(lines),
        questions=by_question(lines),
        groups=[(kind, *words, report.examples[kind]) for kind, words in GROUPS.items() if report.examples.get(kind)],
        has_neighbours=any(one.nearest for group in report.examples.values() for one in group),
        charts=charts(report, stats, metrics),
        features=features_used(report),
        level=f"{LEVEL:.0%}",
        replicates=REPLICATES,
        number=number,
        interval=interval,
        against_real=against_real,
        standing=standing,
        kimg=lambda kimg: f"{kimg:,.0f}" if kimg >= 100 else f"{kimg:.3g}",
        comparison=comparison,
        data_uri=data_uri,
        is_small=lambda picture: max(picture.shape[:2]) <= CRISP_PX,
        closeness=closeness,
        realism=realism,
    )
    write_file(path, page)


def shown(value: Any) -> Any:
    """What a name from a stranger's file could confuse a page with is escaped; markup of our own passes."""
    return printable(value) if type(value) is str else value


def readable_date(date: str) -> str:
    """ISO 8601 as "2026-11-24 05:19 UTC"; anything else stays as it is."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return date
    return (moment.astimezone(UTC) if moment.tzinfo else moment).strftime("%Y-%m-%d %H:%M UTC")


def verdict(lines: Sequence[Line]) -> str:
    """All scores in one sentence."""
    told = [line for line in lines if against_real(line) != UNKNOWN]
    if not told:
        return "No score could be told."
    differing = sum(standing(line) != "even" for line in told)
    return f"Scores that can tell the works from real pictures: {differing} of {len(told)}."


def by_question(lines: Sequence[Line]) -> list[tuple[str, str, list[Line]]]:
    """Heading, what it asks in plain words, and its lines, in the order of `QUESTIONS`; headings without lines go."""
    names = dict.fromkeys([*QUESTIONS, *(line.question for line in lines)])
    found = [(name, QUESTIONS.get(name, ""), [line for line in lines if line.question == name]) for name in names]
    return [entry for entry in found if entry[2]]


def features_used(report: Report) -> list[tuple[str, str]]:
    """Name and hash of the report's features and of all that a line looked through."""
    of_lines = [(line.features, line.features_sha256 or "") for line in report.lines if line.features]
    return list(dict.fromkeys([(report.features, report.features_sha256), *of_lines]))


def realism(example: Example) -> str:
    """Infinite for a work that equals a real picture in the features."""
    if math.isfinite(example.realism):
        return f"{example.realism:.2f}"
    return "∞" if example.realism > 0 else UNKNOWN


def closeness(example: Example) -> tuple[str, bool] | None:
    """How close a work comes to a training picture, in words, and whether that is suspicious; None if not known."""
    if example.nearest and np.array_equal(example.pixels, example.nearest[0]):
        return "identical to a training picture, pixel by pixel", True
    if not math.isfinite(example.closer_than):
        return None
    # Rounded down: 99.97% is not all.
    share = math.floor(1000 * example.closer_than) / 10
    who = "all other real ones" if share >= 100 else f"{share:g}% of other real ones"
    return f"closer than {who}", example.closer_than >= SUSPICIOUS


def data_uri(picture: np.ndarray) -> str:
    """(H, W, C) uint8 with 1, 3 or 4 channels as a PNG inside an address."""
    image, buffer = to_image(picture), io.BytesIO()
    image.thumbnail((LARGEST_PX, LARGEST_PX), Image.Resampling.LANCZOS)
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


@dataclass(frozen=True)
class Scale:
    """Where values lie on an axis: `low` at position `start`, `high` at `end`, in the drawing's own pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float, log: bool = False) -> "Scale":
        """From the least value to the greatest, a little wider where they are (nearly) the same."""
        low, high = min(values), max(values)
        if high - low <= 1e-9 * max(abs(low), abs(high)):
            wider = abs(high) / 10 or 1.0
            low, high = low - wider, high + wider
        return cls(low, high, start, end, log)

    def __call__(self, value: float) -> float:
        low, high, at = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return round(self.start + (self.end - self.start) * (at - low) / (high - low), 1)

    def ticks(self, wanted: int, suffix: str = "") -> list[tuple[float, str]]:
        """Positions and labels of about `wanted` round values."""
        values = self.powers(wanted) if self.log else self.multiples(wanted)
        return [(self(value), tick_label(value, [value] if self.log else values) + suffix) for value in values]

    def multiples(self, wanted: int) -> list[float]:
        """Of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / wanted
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def powers(self, wanted: int) -> list[float]:
        """Of ten, and 2 and 5 times these where they are few."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = max(1, (last - first) // wanted)
        factors = (1,) if last - first > wanted else (1, 2, 5)
        values = [factor * 10.0**power for power in range(first, last + 1, every) for factor in factors]
        return [value for value in values if self.low <= value <= self.high]


def tick_label(value: float, values: Sequence[float]) -> str:
    """With the digits that all ticks need; tiny and huge ones as 2e-05."""
    if max(map(abs, values)) >= 1e6 or min((abs(x) for x in values if x), default=1.0) < 1e-4:
        return f"{value + 0.0:.3g}"
    gap = min((high - low for low, high in pairwise(values)), default=abs(value))
    enough = (count for count in range(9) if all(abs(round(x, count) - x) <= gap / 100 for x in values))
    return f"{round(value, 9) + 0.0:,.{next(enough, 9)}f}"


@dataclass(frozen=True)
class Comparison:
    """The works' interval and that of real pictures on one scale: (low, value, high) as positions."""

    works: list[float]
    real: list[float]
    ticks: list[tuple[float, str]]


def comparison(line: Line) -> Comparison | None:
    """None where a number is missing. The scale has 0 on it, so that lengths do not deceive; shares have 100%, too."""
    factor = 100 if line.as_percent else 1
    values = [factor * x for side in (line.works, line.real) for x in (side.low, side.value, side.high)]
    if not all(abs(x) < LARGEST for x in values):
        return None
    whole = [100.0] if line.as_percent and max(values) > 40 else []
    scale = Scale.over([0.0, *values, *whole], 24, 272)
    places = [scale(x) for x in values]
    return Comparison(places[:3], places[3:], scale.ticks(4, "%" if line.as_percent else ""))


@dataclass(frozen=True)
class Curve:
    """A line of a chart."""

    name: str
    points: list[tuple[float, float]]
    """(x, y) positions."""
    summary: str


@dataclass(frozen=True)
class Chart:
    """Something over the course of training."""

    title: str
    note: str
    curves: list[Curve]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]


def charts(report: Report, stats: Sequence[dict], metrics: Sequence[dict]) -> list[Chart]:
    """A chart for each score of metrics.jsonl, the losses, and D's accuracies; none for what was not recorded."""
    by_name = {line.score: line for line in report.lines}
    scores = [{**record["scores"], "kimg": record.get("kimg")} for record in metrics if has_scores(record)]
    names = dict.fromkeys(key for record in scores for key in record if key != "kimg")
    found = []
    for name in list(names)[:MOST_CHARTS]:
        line = by_name.get(name)
        title, note = (line.title, f"{line.better} is better") if line else (name, "")
        found.append(chart(title, note, scores, {name: title}, is_share=bool(line and line.as_percent)))
    found.append(chart("Losses", "", stats, {"loss_d": "D, the critic", "loss_g": "G, the maker"}))
    accuracies = {"accuracy_real": "real pictures", "accuracy_fake": "works"}
    found.append(chart("What the critic D tells right", "50% is guessing", stats, accuracies, is_share=True))
    return [one for one in found if one]


def has_scores(record: Any) -> bool:
    return isinstance(record, dict) and isinstance(record.get("scores"), dict)


def chart(
    title: str, note: str, records: Sequence[dict], curves: dict[str, str], is_share: bool = False
) -> Chart | None:
    """curves: keys of the records and what to call them. None where no record has any of them."""
    factor, suffix = (100, "%") if is_share else (1, "")
    series = {name: points_of(records, key, factor) for key, name in curves.items()}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    xs, ys = ([point[axis] for points in series.values() for point in points] for axis in (0, 1))
    log = not is_share and len(curves) == 1 and min(ys) > 0 and max(ys) > LOG_FROM * min(ys)
    x_scale = Scale.over(xs, 56, 334)
    y_scale = Scale(0, 100, 168, 12) if is_share and min(ys) >= 0 and max(ys) <= 100 else Scale.over(ys, 168, 12, log)
    drawn = [
        Curve(name, [(x_scale(x), y_scale(y)) for x, y in points], summary(name, points, suffix))
        for name, points in series.items()
    ]
    notes = [text for text in (note, "log scale" if log else "") if text]
    return Chart(title, ", ".join(notes), drawn, x_scale.ticks(4), y_scale.ticks(4, suffix))


def points_of(records: Iterable[Any], key: str, factor: float = 1) -> list[tuple[float, float]]:
    """(kimg, factor * value) of the records in which both are numbers, by kimg, at most `MOST_POINTS` of them."""
    pairs = (
        (measured(record.get("kimg")), measured(record.get(key))) for record in records if isinstance(record, dict)
    )
    points = sorted(((x, factor * y) for x, y in pairs if x is not None and y is not None), key=lambda point: point[0])
    kept = np.unique(np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).round().astype(int))
    return [points[index] for index in kept]


def measured(value: Any) -> float | None:
    """A value of a strangers' file as a number, None if it is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
    return float(value) if is_number else None


def summary(name: str, points: Sequence[tuple[float, float]], suffix: str) -> str:
    """A curve for somebody who cannot see it."""
    (x, y), (last_x, last_y) = points[0], points[-1]
    start = f"{name}: {y:.3g}{suffix} at {x:,.4g} kimg"
    return start if len(points) == 1 else f"{start}, {last_y:.3g}{suffix} at {last_x:,.4g} kimg"
