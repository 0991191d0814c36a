"""One try: `canvas` with a setting or two changed, in so many CPU-seconds, and what its validation pictures say.

    python bench/trial.py DATA [--seconds 150] [--seed 0] [--threads 1] [--out RUN] [SETTING=VALUE ...]
    python bench/trial.py mnist/ r1_gamma=1 r2_gamma=1 net.width=48

SETTING: a field of the recipe or, after "net.", of its nets. The test split is never looked at. Prints a row for
docs/experiments.md.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import ganvas
from ganvas.api import make_trainer
from ganvas.config import Recipe, from_json, to_json
from ganvas.dataset import prepare
from ganvas.evaluation.judge import make_judge


def changed(recipe: Recipe, settings: list[str]) -> Recipe:
    """The recipe with "name=value" settings, values as JSON or else as text. Raises UsageError."""
    data = to_json(recipe)
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            value: Any = json.loads(text)
        except ValueError:
            value = text
        part = data["net"] if name.startswith("net.") else data
        part[name.removeprefix("net.")] = value
    return from_json(Recipe, data, "the command line")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("settings", nargs="*", metavar="SETTING=VALUE")
    parser.add_argument("--recipe", default="canvas")
    parser.add_argument("--seconds", type=float, default=150.0, help="of CPU, over all threads; 150")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="keep the run here")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    recipe, dataset = changed(ganvas.recipe(asked.recipe), asked.settings), prepare(asked.data)
    with tempfile.TemporaryDirectory() as folder:
        out = asked.out or Path(folder) / "run"
        trainer = make_trainer(
            dataset, recipe, minutes=asked.seconds / 60, seed=asked.seed, out=out, clock=time.process_time
        )
        for _ in trainer.fit():
            pass
        judge = make_judge(trainer.run.config, dataset, "coverage", trainer.device)
        scores = judge(trainer.average, trainer.images / 1000)["scores"]
    figures = " / ".join(f"{name} {value:.3g}" for name, value in scores.items() if value is not None)
    print(f"| {' '.join(asked.settings) or asked.recipe} | {trainer.images / 1000:.1f} | {figures} |")


if __name__ == "__main__":
    main()
