"""The base models, made anew: their pictures, their training, their files and cards.

The program ships `drawings`, for the recipe `canvas`, and `emblems`, for `palette`; both learn the same pictures.

    apt-get download openclipart-png; dpkg-deb -x openclipart-png_*.deb clipart
    python bench/bases.py pictures FOLDER --openclipart clipart         drawings/ and scenes/ in FOLDER
    python bench/bases.py train drawings FOLDER/drawings --size 64 --minutes 50
    python bench/bases.py train emblems FOLDER/drawings --size 64 --minutes 30

Both learn clip art of openclipart.org, which its authors gave to the public domain, and shapes of our own;
`scenes` learns scenes of our own (bench/base_shapes.py), and stays grey for long (docs/experiments.md). Minutes are
minutes of CPU, one thread.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from base_shapes import SIDE_PX, scene, shapes  # pyrefly: ignore[missing-import]
from PIL import Image

from ganvas.api import make_trainer, prepare
from ganvas.files import make_folder, write_file
from ganvas.training.events import Finished
from ganvas.training.inherit import store

THINGS = [
    *("animals", "buildings", "computer", "containers", "decorations", "education", "electronics", "food", "office"),
    *("people", "plants", "recreation", "science", "special", "tools", "transportation", "unsorted"),
]
"""Of openclipart's folders: those that show things. Left out: shapes, signs, logos, buttons, maps."""
SAME = ("card", "flag")
"""In a path: series that would drown the rest."""
MARGIN_PX = 4
LARGEST_PX, SMALLEST_PX, THINNEST_PX = 4000, 16, 30
"""Of the longer side, of the shorter one, and of the shorter one after shrinking."""
LEAST_SPREAD = 18
"""Deviation of levels; below it a picture is nearly empty."""
RECIPES = {"drawings": "canvas", "emblems": "palette", "scenes": "canvas"}
OF_OUR_OWN = {"drawings": 2000, "scenes": 4000}
BASES = Path(__file__).parent.parent / "src" / "ganvas" / "bases"
CLIP_ART = (
    "clip art of openclipart.org (Debian's package `openclipart-png`), given to the public domain by its authors, and "
    "shapes of our own"
)
LEARNED = {
    "drawings": CLIP_ART,
    "emblems": CLIP_ART,
    "scenes": "landscapes of our own, drawn by rules from random numbers",
}
LIMITS = {
    "drawings": "single things on plain grounds; no faces, no text; no style of anyone",
    "emblems": "single things in flat colours on plain grounds; no faces, no text; no style of anyone",
    "scenes": "plain landscapes; no style of anyone",
}
CARD = """# {name}, {side} px

What `ganvas train DATA --from {name}` begins with: a generator and its critic that draw already, so that yours need
not learn anew what lines, areas and colours are. Alone it draws what is almost something, and is not meant to.

| | |
|---|---|
| learned from | {count:,} pictures: {learned} |
| licence of the pictures | public domain |
| licence of the weights | public domain (CC0 1.0) |
| how | `bench/bases.py train {name} FOLDER --size {side} --minutes {minutes:g}`: recipe `{recipe}`, {kimg:.0f} kimg |
| file | {name}-{side}.safetensors, float16, {megabytes:.1f} MB |
| pictures | colour, {side}x{side} px, no labels, tones "sine" |
| limits | {limits} |

{versions}.
"""


def clip_art(found: Path, folder: Path) -> int:
    """Openclipart's things on white squares, each once."""
    seen: set[bytes] = set()
    Image.MAX_IMAGE_PIXELS = None  # our own check comes first
    for path in sorted(path for name in THINGS for path in (found / name).rglob("*.png")):
        if any(word in str(path.relative_to(found)).lower() for word in SAME):
            continue
        with Image.open(path) as file:
            if max(file.size) > LARGEST_PX or min(file.size) < SMALLEST_PX:
                continue
            thing = file.convert("RGBA")
        thing = Image.alpha_composite(Image.new("RGBA", thing.size, "white"), thing).convert("RGB")
        thing.thumbnail((SIDE_PX - 2 * MARGIN_PX, SIDE_PX - 2 * MARGIN_PX), Image.Resampling.LANCZOS)
        if min(thing.size) < THINNEST_PX:
            continue
        page = Image.new("RGB", (SIDE_PX, SIDE_PX), "white")
        page.paste(thing, ((SIDE_PX - thing.width) // 2, (SIDE_PX - thing.height) // 2))
        coarse = np.asarray(page.resize((12, 12), Image.Resampling.BOX))
        key = (coarse // 24).tobytes()
        if coarse.std() >= LEAST_SPREAD and key not in seen:
            page.save(folder / f"clip-{len(seen):05}.png")
            seen.add(key)
    return len(seen)


def pictures(folder: Path, openclipart: Path) -> None:
    for name, draw in (("drawings", shapes), ("scenes", scene)):
        make_folder(folder / name)
        for number in range(OF_OUR_OWN[name]):
            draw(np.random.default_rng(number)).save(folder / name / f"own-{number:05}.png")
    (root,) = openclipart.rglob("openclipart/png")
    print(f"{clip_art(root, folder / 'drawings')} pieces of clip art, {OF_OUR_OWN} of our own in {folder}")


def train(name: str, data: Path, side: int, minutes: float, out: Path) -> None:
    torch.set_num_threads(1)
    dataset = prepare(data, str(side), channels=3)
    trainer = make_trainer(
        dataset, RECIPES[name], minutes=minutes, labels=False, doctor="off", out=out, clock=time.process_time, seed=0
    )
    for event in trainer.fit():
        if isinstance(event, Finished):
            print(event)
    path = BASES / f"{name}-{side}.safetensors"
    store(trainer.run, path)
    card = CARD.format(
        name=name,
        recipe=RECIPES[name],
        side=side,
        count=len(dataset),
        learned=LEARNED[name],
        limits=LIMITS[name],
        minutes=minutes,
        kimg=trainer.images / 1000,
        megabytes=path.stat().st_size / 1e6,
        versions=", ".join(trainer.run.config.versions),
    )
    write_file(path.with_suffix(".md"), card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("pictures", help="make the pictures")
    one.add_argument("folder", type=Path)
    one.add_argument("--openclipart", type=Path, required=True, help="the unpacked package")
    one = verbs.add_parser("train", help="train one, and put it into the program")
    one.add_argument("name", choices=tuple(RECIPES))
    one.add_argument("data", type=Path)
    one.add_argument("--size", type=int, default=64)
    one.add_argument("--minutes", type=float, default=60.0, help="of CPU; %(default)s")
    one.add_argument("--out", type=Path, default=None, help="run folder; by default runs/base-NAME-SIZE")
    asked = parser.parse_args()
    if asked.verb == "pictures":
        pictures(asked.folder, asked.openclipart)
    else:
        out = asked.out or Path("runs") / f"base-{asked.name}-{asked.size}"
        train(asked.name, asked.data, asked.size, asked.minutes, out)


if __name__ == "__main__":
    main()
