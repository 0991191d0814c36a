"""How well runs can be steered: path length, separability, truncation, inversion, and how long it takes.

    python bench/steering.py RUN [RUN ...] [--threads 2] [--out bench/results/steering.json] [--plot FILE]

For each run: perceptual path length through the features that suit its pictures; separability by label, if it has
any; precision and coverage at truncations from 0 to 1; the error of inversion on pictures that it never saw; the time
of one steer (styles plus a direction, to pixels), and of a walk of 10 seconds at 30 frames a second, film included.
Times are wall-clock seconds of this machine.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganvas as gv
from ganvas.drawing import BATCH, Drawer
from ganvas.evaluation.choice import choose
from ganvas.evaluation.data import own_dataset
from ganvas.evaluation.evaluate import all_scores, evaluate, extractor_for
from ganvas.evaluation.team import Team
from ganvas.explore.directions import find, steered
from ganvas.explore.numbers import path_length, separability
from ganvas.explore.reading import reader
from ganvas.features.extractor import Extractor
from ganvas.files import write_file
from ganvas.model import Model
from ganvas.steering import save_walk
from ganvas.training.events import rounded

RESULTS = Path(__file__).parent / "results" / "steering.json"
TRUNCATIONS = (0.3, 0.5, 0.7, 0.85, 1.0)
WORKS = 1000
STEERS = 40


class Truncated(Drawer):
    """Draws with a truncation, whatever it is asked for: for scores, which ask for none."""

    truncation = 1.0

    def pixels(
        self,
        seeds: Sequence[int],
        *,
        label: str | int | None = None,
        truncation: float = 1.0,
        prompt: gv.Prompt | None = None,
        batch_size: int = BATCH,
    ) -> Iterator[np.ndarray]:
        return super().pixels(seeds, label=label, truncation=self.truncation, prompt=prompt, batch_size=batch_size)


def truncations(model: Model, extractor: Extractor, own: gv.Dataset) -> list[dict[str, float]]:
    """Precision and coverage at each truncation, beside what real pictures have; not where they would be noise."""
    choice, found = choose(model.config, own, None, WORKS), []
    for truncation in TRUNCATIONS:
        drawer = Truncated(model.generator, model.config, model.name, model.device)
        drawer.truncation = truncation
        scores = all_scores(["precision", "coverage"])
        report = evaluate(drawer, choice, scores, extractor, kimg=model.kimg, seed=0, team=Team(None))
        values = {line.score: (line.works.value, line.real.value) for line in report.lines}
        found.append(
            {"truncation": truncation}
            | {name: works for name, (works, _) in values.items()}
            | {f"{name} of real": real for name, (_, real) in values.items()}
        )
    return found


def separated(model: Model) -> float | None:
    """By label; None without labels."""
    if not model.labels:
        return None
    latents = model.latents(range(5_000_000, 5_000_000 + 2000))
    look = reader(model.drawer)
    seen = look(model.drawn(latents))
    shares = np.stack([seen[f"label {label}"] for label in model.labels])
    return separability(np.stack([one.styles.mean(axis=0) for one in latents]), shares)[0]


def seconds_of_a_steer(model: Model) -> float:
    """The median of one work at a time, as a slider asks for it."""
    direction = find(model.studied, 1, ["sefa"])[0]
    (latent,) = model.latents([0])
    times = []
    for number in range(STEERS):
        start = time.perf_counter()
        model.drawn([steered(latent, direction, number / STEERS)])
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def seconds_of_a_walk(model: Model) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        save_walk(model, ["1", "2", "3"], Path(folder) / "walk.mp4", seconds=10, fps=30)
        return time.perf_counter() - start


def measured(path: Path) -> dict[str, Any]:
    model = gv.open(path)
    own = own_dataset(model.config, model.folder)
    if own is None:
        raise SystemExit(f"{path}: the pictures that it learned from are not at hand.")
    extractor, _ = extractor_for(choose(model.config, own, None, WORKS), None, None, model.config.recipe)
    value, low, high = path_length(model.drawer, extractor)
    start = time.perf_counter()
    known = model.inverter().known
    return {
        "recipe": model.recipe,
        "data": model.config.data,
        "shape": list(model.shape),
        "kimg": model.kimg,
        "features": extractor.name,
        "path length": [value, low, high],
        "separability": separated(model),
        "truncation": truncations(model, extractor, own),
        "inversion": {
            "of": known.of,
            "count": len(known.errors),
            "median": float(np.median(known.errors)),
            "far": known.far,
        },
        "seconds": {
            "inverter": time.perf_counter() - start,
            "steer": seconds_of_a_steer(model),
            "walk": seconds_of_a_walk(model),
        },
    }


def plot(results: dict[str, Any], path: Path) -> None:
    """Precision against coverage, a line for each run, its truncations as points."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 5.4), dpi=100)
    for name, found in results.items():
        points = [point for point in found["truncation"] if {"precision", "coverage"} <= point.keys()]
        if not points:
            continue
        x, y = ([100 * point[score] for point in points] for score in ("coverage", "precision"))
        (line,) = axes.plot(x, y, marker="o", label=f"{name} ({found['features']})")
        for point, a, b in zip(points, x, y, strict=True):
            axes.annotate(f"{point['truncation']:g}", (a, b), textcoords="offset points", xytext=(5, 5), fontsize=8)
        real = [100 * points[0][f"{score} of real"] for score in ("coverage", "precision")]
        axes.plot(*real, marker="*", markersize=12, color=line.get_color(), linestyle="none")
    axes.set_xlabel("coverage, %")
    axes.set_ylabel("precision, %")
    axes.set_title("Truncation at the points; stars are real pictures")
    axes.legend(frameon=False, loc="lower left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    results = json.loads(asked.out.read_text("utf-8")) if asked.out.exists() else {}
    for path in asked.runs:
        results[path.resolve().name] = rounded(measured(path) | {"threads": asked.threads})
        write_file(asked.out, json.dumps(results, indent=1) + "\n")
        print(json.dumps({path.resolve().name: results[path.resolve().name]}))
    if asked.plot:
        plot(results, asked.plot)


if __name__ == "__main__":
    main()
