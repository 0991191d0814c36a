"""Do works show what their words say: the source `shapes`, attribute by attribute.

    python bench/obey.py RUN [RUN ...] [--count 500] [--guidance 1] [--temperature 1] [--best-of 1]
                         [--page PAGE.png] [--out FILE.json]

RUN learned from `shapes`. A judge learns to read single things off pictures that it draws itself, and says how often it
is right about new ones: the ceiling. Prompts are new scenes of one thing, and of two, in words by chance; pairs of
colour and shape that nobody learned from are told apart (`unseen`). Of two things each is read in a window around its
place.
"""

import argparse
import itertools
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import ganvas as gv
from ganvas.decode import DecodeOptions, decode
from ganvas.files import write_file
from ganvas.model import Model
from ganvas.pictures import grid, save_png
from ganvas.prompts import Prompt
from ganvas.sources import scenes
from ganvas.sources.scenes import Scene, Thing
from ganvas.sources.shapes import draw
from ganvas.tensors import as_floats
from ganvas.training.events import rounded

ATTRIBUTES = {
    "colour": list(scenes.COLOURS),
    "shape": list(scenes.SHAPES),
    "size": list(scenes.SIZES),
    "texture": list(scenes.TEXTURES),
    "place": list(scenes.PLACES),
}
LEARNED, ASKED = 12_000, 1500
"""Pictures that the judge learns from, and is tried on."""
ROUNDS, BATCH, LEARNING_RATE = 6, 64, 2e-3
WINDOW = 0.27
"""Half of its side, as a share of the picture's: to where another thing may begin."""
COLUMNS, ROWS = 8, 5


class Judge(nn.Module):
    """(n, 3, side, side) -> a row of logits for each attribute."""

    def __init__(self, side: int) -> None:
        super().__init__()
        widths = (3, 32, 64, 96)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in itertools.pairwise(widths))
        self.gather = nn.Linear(96 * (side // 8) ** 2, 192)
        self.heads = nn.ModuleDict({name: nn.Linear(192, len(values)) for name, values in ATTRIBUTES.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        x = pictures
        for layer in self.layers:
            x = F.max_pool2d(F.relu(layer(x)), 2)
        x = F.relu(self.gather(x.flatten(1)))
        return {name: head(x) for name, head in self.heads.items()}

    @torch.inference_mode()
    def read(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """(n, H, W, C) uint8 -> of each attribute the numbers of its values, (n,)."""
        return {name: row.argmax(dim=1).numpy() for name, row in self(as_floats(pictures)).items()}


def single(rng: np.random.Generator) -> Scene:
    while len((scene := scenes.make_scene(rng)).things) > 1 or scene.things[0].count > 1:
        pass
    return scene


def double(rng: np.random.Generator) -> Scene:
    while len((scene := scenes.make_scene(rng)).things) < 2:
        pass
    return scene


def painted(scene: Scene, side: int, rng: np.random.Generator) -> np.ndarray:
    """As `ganvas prepare` makes them."""
    return decode(draw(scene, rng), DecodeOptions(side, side, channels=3)).pixels


def numbers_of(things: list[Thing]) -> dict[str, np.ndarray]:
    return {name: np.array([values.index(getattr(t, name)) for t in things]) for name, values in ATTRIBUTES.items()}


def examples(count: int, side: int, purpose: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    pictures, things = [], []
    for number in range(count):
        rng = np.random.default_rng([purpose, number])
        scene = single(rng)
        things.append(scene.things[0])
        pictures.append(painted(scene, side, rng))
    return np.stack(pictures), numbers_of(things)


def two_read(judge: Judge, side: int) -> dict[str, float]:
    """How often it is right about pictures of two things, each in its window."""
    pictures, things = [], []
    for number in range(ASKED // 3):
        rng = np.random.default_rng([79, number])
        scene = double(rng)
        things += scene.things
        picture = painted(scene, side, rng)
        pictures += [windowed(picture, thing.place) for thing in scene.things]
    read, numbers = judge.read(np.stack(pictures)), numbers_of(things)
    return {name: float((read[name] == numbers[name]).mean()) for name in list(ATTRIBUTES)[:-1]}


def learned(side: int) -> Judge:
    """Blurred a little now and then, and noisy, as works are."""
    pictures, numbers = examples(LEARNED, side, 77)
    x, targets = as_floats(pictures), {name: torch.from_numpy(values) for name, values in numbers.items()}
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    judge = Judge(side)
    optimizer = torch.optim.Adam(judge.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, ROUNDS * -(-LEARNED // BATCH))
    for chosen in (part for _ in range(ROUNDS) for part in torch.randperm(LEARNED, generator=rng).split(BATCH)):
        seen = x[chosen] + 0.05 * torch.randn(len(chosen), *x.shape[1:], generator=rng)
        seen = torch.lerp(seen, F.avg_pool2d(seen, 3, 1, 1), 0.5 * torch.rand((), generator=rng))
        found = judge(seen)
        loss = torch.stack([F.cross_entropy(found[name], values[chosen]) for name, values in targets.items()]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return judge.eval()


def windowed(picture: np.ndarray, place: str) -> np.ndarray:
    """White but for a window around the place."""
    height, width, _ = picture.shape
    x, y = scenes.PLACES[place]
    rows = slice(max(0, round((y - WINDOW) * height)), round((y + WINDOW) * height))
    columns = slice(max(0, round((x - WINDOW) * width)), round((x + WINDOW) * width))
    alone = np.full_like(picture, 255)
    alone[rows, columns] = picture[rows, columns]
    return alone


def shares(read: dict[str, np.ndarray], things: list[Thing], names: list[str]) -> dict[str, Any]:
    """How often each attribute is as asked, for pairs of colour and shape that were learned, and for others."""
    right = {name: read[name] == numbers_of(things)[name] for name in names}
    unseen = np.array([thing.is_unseen for thing in things])
    return {
        kind: {"things": int(of.sum()), **{name: float(hits[of].mean()) for name, hits in right.items()}}
        for kind, of in (("learned", ~unseen), ("unseen", unseen))
        if of.any()
    }


def asked_of(model: Model, judge: Judge, count: int, how: Prompt) -> tuple[dict[str, Any], np.ndarray]:
    """Obedience in scenes of one thing and of two, and works of the first few prompts. how: all but the text."""
    found, shown, seconds = {}, [], []
    for kind, make in (("one thing", single), ("two things", double)):
        pictures, things = [], []
        for number in range(count):
            rng = np.random.default_rng([5, number])
            scene = make(rng)
            prompt = replace(how, texts=(scenes.captions(scene, rng)[0],))
            began = time.perf_counter()
            (work,) = model.sample(1, seed=number, text=prompt)
            seconds.append(time.perf_counter() - began)
            things += scene.things
            pictures += [windowed(work.pixels, t.place) for t in scene.things] if kind != "one thing" else [work.pixels]
            if number < COLUMNS * ROWS:
                shown.append(work.pixels)
        names = list(ATTRIBUTES) if kind == "one thing" else list(ATTRIBUTES)[:-1]
        found[kind] = shares(judge.read(np.stack(pictures)), things, names)
    return {"milliseconds": 1000 * float(np.median(seconds)), **found}, np.stack(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="of pictures of one size")
    parser.add_argument("--count", type=int, default=500, help="prompts of each kind")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--temperature", type=float, default=1.0, help="of the recipe tokens")
    parser.add_argument("--best-of", type=int, default=1)
    parser.add_argument("--page", type=Path, help="a PNG of works")
    parser.add_argument("--out", type=Path, help="a JSON file")
    asked = parser.parse_args()
    models = {run: gv.open(run) for run in asked.runs}
    (side,) = {model.shape[1] for model in models.values()}
    judge = learned(side)
    pictures, numbers = examples(ASKED, side, 78)
    ceiling = {name: float((read == numbers[name]).mean()) for name, read in judge.read(pictures).items()}
    results = {"ceiling": rounded(ceiling), "ceiling of two": rounded(two_read(judge, side))}
    for run, model in models.items():
        temperature = asked.temperature if model.config.recipe.net.tokenizes else 1.0  # others have none
        how: Any = {"guidance": asked.guidance, "temperature": temperature, "best_of": asked.best_of}
        found, shown = asked_of(model, judge, asked.count, Prompt(("words",), **how))
        results[Path(run).name] = rounded({"kimg": model.kimg, **how, **found})
        print(json.dumps(results, indent=1))
        if asked.page:
            page = asked.page.with_stem(f"{asked.page.stem}-{Path(run).name}") if len(models) > 1 else asked.page
            save_png(grid(shown, 2 * COLUMNS, max(1, 64 // side)), page)
    if asked.out:
        write_file(asked.out, json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
