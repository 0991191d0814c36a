"""The plot of bench/quality.py: distance from real pictures against CPU-seconds, a panel for each pair of eyes.

Draws from the JSON alone. matplotlib is imported when the plot is drawn: nothing else in ganvas needs it.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganvas.errors import UsageError
from ganvas.files import make_folder, new_file

INSTALL = "pip install matplotlib"
WIDTH_IN, HEIGHT_IN, DOTS_PER_INCH = 12.0, 5.9, 100
MAIN = "canvas"
COLOURS = {
    "canvas": "#d1440c",
    "dcgan": "#8a8a8a",
    "classic": "#b5a642",
    "dcgan64": "#0b62a4",
    "wgan-gp": "#0a8f6a",
    "sn-hinge": "#b4559b",
    "r3gan": "#3aa0dc",
    "rough-trial": "#3d3d3d",
}
"""Told apart by most eyes, after Okabe & Ito 2008; each line also has its name beside it."""
OTHER = "#777777"
INK, FAINT = "#222222", "#cccccc"
LABEL_GAP = 0.062
"""Least distance of two names, as a share of the panel's height."""


@dataclass(frozen=True)
class Line:
    """A player in one panel: CPU-seconds, distances and the ends of their intervals, from left to right."""

    name: str
    seconds: list[float]
    value: list[float]
    low: list[float]
    high: list[float]


def lines_of(content: dict[str, Any], space: str) -> list[Line]:
    """The players' lines in the order of the file; of several seeds the mean, between the outermost interval ends."""
    lines = []
    for name in content["players"]:
        records = [record for record in content["results"] if record["player"] == name and "spaces" in record]
        points: dict[float, list[dict[str, Any]]] = {}
        for record in records:
            if "value" in record["spaces"][space]["frechet"]:
                points.setdefault(record["minutes"], []).append(record)
        if points:
            lines.append(line_of(name, [points[minutes] for minutes in sorted(points)], space))
    return lines


def line_of(name: str, points: Sequence[Sequence[dict[str, Any]]], space: str) -> Line:
    """points: from left to right, the records of all seeds at each. An interval that reaches 0 ends at a tenth."""
    found = [[record["spaces"][space]["frechet"] for record in point] for point in points]
    return Line(
        name=name,
        seconds=[sum(record["cpu_seconds"] for record in point) / len(point) for point in points],
        value=[sum(score["value"] for score in scores) / len(scores) for scores in found],
        low=[max(min(score["low"] for score in scores), scores[0]["value"] / 10) for scores in found],
        high=[max(score["high"] for score in scores) for scores in found],
    )


def floor_of(content: dict[str, Any], space: str) -> float | None:
    """The Fréchet distance of as many real training pictures; the same in all records."""
    for record in content["results"]:
        score = record.get("spaces", {}).get(space, {}).get("frechet", {})
        if "floor" in score:
            return score["floor"]["value"]
    return None


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Places for names, each as close to where it is wanted as a least distance `gap` lets it; the order stays.

    Names that are too close form a heap about the middle of what they want; heaps that meet become one.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    heaps: list[list[int]] = []

    def bottom(heap: list[int]) -> float:
        return sum(wanted[i] for i in heap) / len(heap) - gap * (len(heap) - 1) / 2

    for i in order:
        heaps.append([i])
        while len(heaps) > 1 and bottom(heaps[-2]) + gap * len(heaps[-2]) > bottom(heaps[-1]):
            last = heaps.pop()
            heaps[-1] += last
    places = [0.0] * len(wanted)
    for heap in heaps:
        for number, i in enumerate(heap):
            places[i] = bottom(heap) + gap * number
    return places


def draw(source: Path, target: Path) -> str:
    """Draws the results in `source` into `target`, a PNG. returns: a sentence that says so, or what is missing.

    Raises UsageError when there is no such file or nothing in it to draw.
    """
    if not source.exists():
        raise UsageError(f"{source} does not exist. Run the bench first.")
    content = json.loads(source.read_text())
    spaces = list(content["measuring"]["features"])
    if not any(lines_of(content, space) for space in spaces):
        raise UsageError(f"{source} holds no Fréchet distance yet, so there is nothing to draw.")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return f"No plot: it takes matplotlib. {INSTALL}"
    style = {"figsize": (WIDTH_IN, HEIGHT_IN), "dpi": DOTS_PER_INCH, "facecolor": "white"}
    figure = Figure(**style)
    panels = figure.subplots(1, len(spaces), squeeze=False)[0]
    for panel, space in zip(panels, spaces, strict=True):
        draw_panel(panel, content, space)
    figure.subplots_adjust(left=0.06, right=0.89, top=0.86, bottom=0.19, wspace=0.44)
    count = content["measuring"]["works"]
    title = f"How far {count:,} works are from {content['measuring']['compared with']}, by CPU time of training"
    figure.text(0.06, 0.95, title, fontsize=15, color=INK, weight="bold")
    figure.text(0.06, 0.02, caption(content), fontsize=9.5, color="#555555", va="bottom", linespacing=1.45)
    make_folder(target.parent)
    with new_file(target) as file:
        figure.savefig(file, format="png")
    return f"{target}: {len(content['results'])} results of {len(content['players'])} players"


def draw_panel(panel: Any, content: dict[str, Any], space: str) -> None:
    """One pair of eyes: a line with its band for each player, the floor, the names at the lines' ends."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    lines, floor = lines_of(content, space), floor_of(content, space)
    panel.set_xscale("log")
    panel.set_yscale("log")
    for line in lines:
        colour, main = COLOURS.get(line.name, OTHER), line.name == MAIN
        panel.fill_between(line.seconds, line.low, line.high, color=colour, alpha=0.2, linewidth=0, zorder=2 + main)
        size, order = (3.4, 6) if main else (1.6, 4)
        panel.plot(
            line.seconds, line.value, color=colour, linewidth=size, marker="o", markersize=size + 2.4, zorder=order
        )
    seconds = sorted({round(second) for line in lines for second in line.seconds})
    ends = sorted({60 * record["minutes"] for record in content["results"]})
    low, high = min(ends[0], seconds[0]), max(ends[-1], seconds[-1])
    panel.set_xlim(low / 1.25, high * 1.12)
    values = [value for line in lines for value in (*line.low, *line.high) if value > 0] + ([floor] if floor else [])
    panel.set_ylim(min(values) / 1.35, max(values) * 1.25)
    panel.set_xticks(ends)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 10 else f"{x:.2g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.xaxis.set_minor_locator(_no_ticks())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    if math.log10(max(values) / min(values)) > 1:
        panel.yaxis.set_minor_formatter(NullFormatter())
    else:  # a short axis may hold no power of ten
        panel.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: f"{y:.2g}"))
    if floor:
        panel.axhline(floor, color=INK, linewidth=1.2, linestyle=(0, (5, 3)), zorder=3)
    panel.grid(True, which="major", color=FAINT, linewidth=0.6, zorder=0)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.tick_params(labelsize=11, colors=INK)
    panel.set_xlabel("CPU-seconds of training", fontsize=12, color=INK)
    panel.set_title(f"Fréchet distance, features: {described(space)}", fontsize=12.5, color=INK, loc="left")
    put_names(panel, lines, floor)


def put_names(panel: Any, lines: Sequence[Line], floor: float | None) -> None:
    """Each name to the right of its line's end, with a thin line to it where it had to move."""
    names = [(line.name, line.seconds[-1], line.value[-1], COLOURS.get(line.name, OTHER)) for line in lines]
    if floor:
        names.append(("real pictures", panel.get_xlim()[1], floor, INK))
    bottom, top = (math.log(end) for end in panel.get_ylim())
    wanted = [(math.log(value) - bottom) / (top - bottom) for _, _, value, _ in names]
    for (name, second, value, colour), place in zip(names, spread(wanted, LABEL_GAP), strict=True):
        panel.annotate(
            name,
            xy=(second, value),
            xytext=(1.045, place),
            textcoords=panel.transAxes,
            fontsize=12 if name == MAIN else 10.5,
            weight="bold" if name == MAIN else "normal",
            color=colour,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "alpha": 0.6, "shrinkA": 1, "shrinkB": 4},
        )


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def described(space: str) -> str:
    return {"second": "second classifier", "digits": "ganvas' digits"}.get(space, space)


def caption(content: dict[str, Any]) -> str:
    """What the figures hang on, in two or three lines."""
    machine, data, measuring = content["machine"], content["data"], content["measuring"]
    accuracy = measuring["second classifier, accuracy on unseen pictures"]
    seeds = sorted({record["seed"] for record in content["results"]})
    several = "seed" if len(seeds) == 1 else "mean of seeds"
    threads = f"{machine['threads']} thread{'s' * (machine['threads'] > 1)} on {machine['cores']} cores"
    return (
        f"Lower is better; bands: 95% intervals; dashed: as many real training pictures.  Data: {data['source']}, "
        f"{data['digest'][:12]};  {several} {', '.join(map(str, seeds))};  second classifier: {accuracy:.1%} right.\n"
        f"{machine['processor']}, {threads};  ganvas {content['ganvas']}, torch {machine['torch']}, numpy "
        f"{machine['numpy']}, Python {machine['Python']};  {content['date'][:10]}."
    )
