"""How good from how few: the library's recipes and their peers on small collections of art, by CPU-minutes.

    python bench/art.py NAME=DATA [NAME=DATA ...] --minutes 30 [--players canvas,grow,fastgan] [--seeds 0,1,2]
    python bench/art.py --table                                            the results again, as a table

A player is a recipe, a recipe with the base model that it starts from (canvas+drawings), `auto` (what `ganvas train`
decides for these pictures), or a peer.

Each DATA is anything that `ganvas prepare` takes, or a folder that it made. Results go into bench/results/art.json as
they come; what is there already, of the same settings, is not done again. Each player is measured by its works beside
the pictures that it learned from (where 500 were kept from learning: beside those), through the features `effnet` and
`random`; and by how many of its works are nearer to a training picture than pictures that were kept usually are. Pages
of 40 works, without choice, and of 40 pictures, go into --pages. Minutes are minutes of CPU, all threads together.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from art_peers import PEERS  # pyrefly: ignore[missing-import]
from peers import Feed, Match  # pyrefly: ignore[missing-import]
from quality_measure import Draw  # pyrefly: ignore[missing-import]
from quality_players import Standing, play_match, play_recipe, sha256_of  # pyrefly: ignore[missing-import]
from torch import Tensor, nn

from ganvas.advice import AUTO, advise, look
from ganvas.api import run_config
from ganvas.config import Budget, Recipe, to_json
from ganvas.dataset import Dataset, prepare
from ganvas.drawing import Drawer
from ganvas.errors import NonFiniteLoss
from ganvas.evaluation.choice import choose
from ganvas.evaluation.evaluate import all_scores, evaluate
from ganvas.evaluation.team import Team
from ganvas.features.choose import make_features
from ganvas.files import make_folder, write_file
from ganvas.pictures import grid, save_png
from ganvas.registry import recipes
from ganvas.tensors import CPU
from ganvas.training import machine
from ganvas.training.events import rounded

RESULTS = Path(__file__).parent / "results" / "art.json"
SCORES = ["kernel", "precision", "recall", "coverage", "diversity", "copying"]
FEATURES = ("effnet", "random")
WORKS = 1000
PAGE = 40


class Drawing(nn.Module):
    """A player's works as the evaluation wants them drawn."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.draw = draw

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.draw(z, label)


def recipe_of(player: str, dataset: Dataset) -> tuple[Recipe, str | None] | None:
    """The recipe that plays, and the base model that it starts from; None for a peer."""
    if player == AUTO:
        advice = advise(look(dataset))
        return advice.recipe, advice.base
    name, _, base = player.partition("+")
    return (recipes.get(name)(), base or None) if name in recipes.names() else None


def settings_of(player: str, dataset: Dataset) -> dict[str, Any]:
    found = recipe_of(player, dataset)
    if found is None:
        return PEERS[player]().settings()
    recipe, base = found
    return to_json(recipe) | ({} if base is None else {"base": base})


def trained(player: str, dataset: Dataset, minutes: float, seed: int) -> Standing:
    """Raises NonFiniteLoss for a player that broke."""
    import time

    found = recipe_of(player, dataset)
    if found is not None:
        recipe, base = found
        (standing,) = play_recipe(recipe, dataset, minutes, seed, time.process_time, base)
        return standing
    machine.keep_freed_memory()
    train, _ = dataset.split(recipes.get("canvas")().holdout, seed)
    feed = Feed(dataset, train, seed)
    match = Match(PEERS[player](), feed, dataset.shape, seed)
    (standing,) = play_match(match, [minutes], time.process_time)
    return standing


def measured(standing: Standing, player: str, dataset: Dataset, seed: int, page: Path) -> dict[str, Any]:
    recipe = replace(recipes.get("canvas")(), latent_dim=standing.latent_dim, tones="linear")
    config = run_config(dataset, recipe, Budget("minutes", 1.0), seed, labels=standing.is_conditional)
    drawer = Drawer(Drawing(standing.draw), config, player, CPU)
    choice = choose(config, dataset, None, WORKS)
    found: dict[str, Any] = {"compared with": choice.compared_with}
    played = recipe_of(player, dataset)
    barred = () if played is None else played[0].net.learned_from
    for name in (name for name in FEATURES if name not in barred):
        extractor = make_features(name, dataset.shape, None)
        report = evaluate(drawer, choice, all_scores(SCORES), extractor, kimg=standing.kimg, seed=0, team=Team(None))
        found[name] = {
            line.score: [line.works.value, line.works.low, line.works.high, line.real.value, line.real.high]
            for line in report.lines
        }
    save_png(grid(next(drawer.pixels(range(PAGE))), 8, scale_of(dataset)), page)
    return rounded(found)


def scale_of(dataset: Dataset) -> int:
    return max(1, 96 // dataset.shape[1])


def one(player: str, dataset: Dataset, minutes: float, seed: int, page: Path) -> dict[str, Any]:
    train, _ = dataset.split(recipes.get("canvas")().holdout, seed)
    first = page.parent / f"{page.name.split(',')[0]}, pictures.png"
    if not first.exists():
        chosen = np.random.default_rng(0).permutation(train)[:PAGE]
        save_png(grid(dataset.batch(chosen), 8, scale_of(dataset)), first)
    try:
        standing = trained(player, dataset, minutes, seed)
    except NonFiniteLoss as error:
        return {"failed": str(error)}
    return {"pictures": len(train), **standing.record(), **measured(standing, player, dataset, seed, page)}


def table(results: dict[str, Any]) -> str:
    """As docs/experiments.md has it."""
    lines = [
        "| what | kimg | kernel, effnet | kernel, random | coverage, % | diversity | copying, % |",
        "|" + "---|" * 7,
    ]
    for key, found in results["results"].items():
        if "failed" in found:
            lines.append(f"| {key} | {found['failed']} |  |  |  |  |  |")
            continue
        effnet, random = found.get("effnet", {}), found["random"]  # no `effnet` for those that learned from it

        def told(part: dict[str, list[float]], score: str, times: float = 1) -> str:
            return f"{times * part[score][0]:.3g} ({times * part[score][3]:.3g})" if score in part else "–"

        cells = [told(effnet, "kernel"), told(random, "kernel"), told(effnet, "coverage", 100)]
        cells += [told(effnet, "diversity"), told(effnet, "copying", 100)]
        lines.append(f"| {key} | {found['kimg']:.1f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def kind_of_machine() -> str:
    """A minute is worth several times as much where the machine multiplies bfloat16: such results stay apart."""
    return "" if machine.multiplies_bfloat16(CPU) else ", float32"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="NAME=DATA")
    parser.add_argument("--minutes", type=float, default=30.0, help="of CPU, each run; 30")
    parser.add_argument("--players", default="canvas,grow,diffaugment-dcgan,fastgan", help="%(default)s")
    parser.add_argument("--seeds", default="0", help="0")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE.json", help="bench/results/art.json")
    parser.add_argument("--pages", type=Path, default=Path("runs/art"), help="where the pages go")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    asked = parser.parse_args()
    results: dict[str, Any] = json.loads(asked.out.read_text()) if asked.out.exists() else {"results": {}}
    if asked.table:
        print(table(results))
        return
    players = asked.players.split(",")
    unknown = [name for name in players if name.split("+")[0] not in (AUTO, *recipes.names(), *PEERS)]
    if unknown or not asked.sets:
        sys.exit(f"Give sets, and players of: {', '.join([AUTO, *recipes.names(), *PEERS])}.")
    make_folder(asked.pages)
    results["machine"] = {"threads": torch.get_num_threads(), "cores": os.cpu_count(), "torch": torch.__version__}
    for name, data in (text.split("=", 1) for text in asked.sets):
        dataset = prepare(data)
        for player in players:
            sha256 = sha256_of(settings_of(player, dataset))[:8]
            for seed in (int(part) for part in asked.seeds.split(",")):
                key = f"{name}, {player} {sha256}, {asked.minutes:g} min, seed {seed}{kind_of_machine()}"
                if key not in results["results"]:
                    page = asked.pages / f"{key}.png"
                    results["results"][key] = one(player, dataset, asked.minutes, seed, page)
                    write_file(asked.out, json.dumps(results, indent=1) + "\n")
                print(table({"results": {key: results["results"][key]}}).splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
