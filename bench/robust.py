"""Whether `canvas` works untouched on other pictures: no collapse on any seed, and how far from a tuned one.

    python bench/robust.py NAME=DATA [NAME=DATA ...] [--minutes 5] [--seeds 0,1,2] [--gammas 0.25,1,4]

Each DATA is anything that `ganvas prepare` takes, or a folder that it made. Results go into bench/results/robust.json
as they come; what is there already is not done again, unless `canvas` has changed since: then all begins anew. A run
collapsed when its works are less than 70% as unlike each other as real pictures are (the score `diversity`), or cover
less than a tenth of them, where enough were kept to tell. Minutes are minutes of CPU, all threads together. --gammas:
the same with both gammas multiplied by these, on the first seed, as the tuning for one set alone; the distance of the
untouched recipe should stay within twice the best.
"""

import argparse
import dataclasses
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
from quality_players import sha256_of  # pyrefly: ignore[missing-import]

import ganvas
from ganvas.api import make_trainer
from ganvas.config import to_json
from ganvas.files import write_file
from ganvas.training.events import Finished, Step

RESULTS = Path(__file__).parent / "results" / "robust.json"
SCORES = ["frechet", "kernel", "precision", "recall", "coverage", "diversity", "copying"]
WORKS = 5000


def one(name: str, data: str, minutes: float, seed: int, gamma: float, runs: Path) -> dict[str, Any]:
    """Trains, evaluates, and keeps a page of works. The run folder is kept: killed, the bench goes on with it."""
    plain = ganvas.recipe("canvas")
    recipe = dataclasses.replace(plain, r1_gamma=gamma * plain.r1_gamma, r2_gamma=gamma * plain.r2_gamma)
    out = runs / f"{name}-{minutes:g}min-seed{seed}-gamma{gamma:g}"
    trainer = make_trainer(data, recipe, minutes=minutes, seed=seed, out=out, clock=time.process_time)
    last, finished = None, None
    for event in trainer.fit():
        last = event if isinstance(event, Step) else last
        finished = event if isinstance(event, Finished) else finished
    report = ganvas.open(out).evaluate(trainer.dataset, SCORES, count=WORKS, features="random")
    lines = {line.score: line for line in report.lines}
    diverse, covered = lines["diversity"], lines.get("coverage")
    return {
        "kimg": finished.kimg if finished else None,
        "gammas of this run": trainer.players.recipe.r1_gamma,
        "compared with": report.compared_with,
        "works": {score: line.works.value for score, line in lines.items()},
        "intervals": {score: [line.works.low, line.works.high] for score, line in lines.items()},
        "real": {score: line.real.value for score, line in lines.items()},
        "left out": {one.score: one.reason for one in report.left_out},
        "D right on real, on generated": [last.accuracy_real, last.accuracy_fake] if last else None,
        "collapsed": diverse.works.value < 0.7 * diverse.real.value or bool(covered and covered.works.value < 0.1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="NAME=DATA")
    parser.add_argument("--minutes", type=float, default=5.0, help="of CPU, each run; 5")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--gammas", default="1", help="factors; those but 1 on the first seed only")
    parser.add_argument("--runs", type=Path, default=Path("runs/robust"), help="where the runs go")
    asked = parser.parse_args()
    seeds, gammas = ([float(part) for part in text.split(",")] for text in (asked.seeds, asked.gammas))
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    settings = sha256_of(to_json(ganvas.recipe("canvas")))
    if results.get("canvas, settings") != settings:
        results = {"canvas, settings": settings}
    results["machine"] = f"{torch.get_num_threads()} threads, torch {torch.__version__}, {platform.machine()}"
    for name, data in (text.split("=", 1) for text in asked.sets):
        for gamma in gammas:
            for seed in seeds if gamma == 1 else seeds[:1]:
                key = f"{name}, {asked.minutes:g} CPU-minutes, seed {seed:g}, gamma x {gamma:g}"
                if key not in results:
                    results[key] = one(name, data, asked.minutes, int(seed), gamma, asked.runs)
                    write_file(RESULTS, json.dumps(results, indent=2) + "\n")
                print(
                    key, json.dumps(results[key]["works"]), "COLLAPSED" if results[key]["collapsed"] else "", flush=True
                )


if __name__ == "__main__":
    main()
