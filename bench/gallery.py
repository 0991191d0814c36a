"""The pictures of docs/explore.md, from runs trained on real folders.

    python bench/gallery.py NAME=RUN [NAME=RUN ...] [--out docs/images]

NAME begins the pictures' file names. For each run: the mixing matrix, strips of the purest directions, children of two
works, variations, pictures that entered (held-out ones, of what the run learned from), textures, a walk. Nothing is
chosen by hand: seeds count up from 0, directions are the purest of each method.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import ganvas as gv
from ganvas.evaluation.data import own_dataset
from ganvas.explore.directions import METHODS, Direction, steered
from ganvas.explore.mix import children
from ganvas.explore.sheets import strips
from ganvas.explore.tile import check_tiles
from ganvas.files import make_folder
from ganvas.model import Model
from ganvas.pictures import grid, save_png, scale_for, to_image
from ganvas.steering import AMOUNTS, save_matrix, save_walk

CELL_PX = 64
PUREST = 3
"""Directions of each method that are shown."""


def cell_scale(model: Model) -> int:
    return scale_for(model.shape[1], CELL_PX)


def purest(found: list[Direction]) -> list[Direction]:
    """The purest of each method."""
    return [
        one
        for method in METHODS
        for one in sorted((d for d in found if d.method == method), key=lambda d: -d.purity)[:PUREST]
    ]


def show_directions(model: Model, path: Path) -> None:
    """A row for each, of one work; prints what they are."""
    shown = purest(model.directions(8))
    latents = model.latents(range(len(shown)))
    cells = [steered(latent, one, amount) for latent, one in zip(latents, shown, strict=True) for amount in AMOUNTS]
    captions = [f"{amount:+g}" if amount else "0" for amount in AMOUNTS]
    save_png(strips(model.drawn(cells), captions, cell_scale(model)), path)
    for one in shown:
        effects = sorted(one.effects.items(), key=lambda item: -abs(item[1]))[:3]
        print(f"| {one.name} | {one.method} {one.number} | {one.layers} | {one.purity:.0%} | {effects_told(effects)} |")


def effects_told(effects: list[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {value:+.2f}" for name, value in effects)


def show_family(model: Model, path: Path) -> None:
    """Rows of two parents and six children."""
    rows = []
    for row in range(4):
        a, b = model.latents([2 * row, 2 * row + 1])
        rows += [a, *children(a, b, 6), b]
    save_png(grid(model.drawn(rows), 8, cell_scale(model)), path)


def show_neighbours(model: Model, path: Path) -> None:
    """Rows of a work and its variations, nearer and farther."""
    rows = []
    for seed, amount in ((0, 0.3), (0, 0.6), (1, 0.3), (1, 0.6)):
        (latent,) = model.latents([seed])
        rows += [latent, *model.neighbours(latent, amount, 7)]
    save_png(grid(model.drawn(rows), 8, cell_scale(model)), path)


def show_entered(model: Model, path: Path) -> None:
    """Held-out pictures above what the model makes of them."""
    own = own_dataset(model.config, model.folder)
    assert own is not None
    _, held = own.split(model.config.recipe.holdout, model.config.seed)
    pictures = own.batch(np.random.default_rng(1).permutation(held)[:10])
    found = model.invert(list(pictures))
    pairs = np.concatenate([pictures, np.stack([one.work.pixels for one in found])])
    save_png(grid(pairs, len(pictures), cell_scale(model)), path)
    print("entered:", " ".join(f"{one.error:.3f}" for one in found), f"far: {model.inverter().known.far:.3f}")


def show_tiles(model: Model, path: Path) -> None:
    """Three textures, each repeated three times in both directions."""
    try:
        check_tiles(model.drawer)
    except gv.GanvasError as error:
        print(error)
        return
    latents = [one.moved(np.zeros_like(one.styles), tile=True) for one in model.latents([0, 1, 2])]
    sheets = [to_image(np.tile(picture, (3, 3, 1))) for picture in model.drawn(latents)]
    width, height = sheets[0].size
    whole = Image.new(sheets[0].mode, (3 * width + 16, height), 255 if sheets[0].mode == "L" else (255,) * 3)
    for number, sheet in enumerate(sheets):
        whole.paste(sheet, (number * (width + 8), 0))
    save_png(whole, path)


def show(name: str, model: Model, folder: Path) -> None:
    rows, columns = ["0", "1", "2", "3", "4"], ["5", "6", "7", "8", "9", "10"]
    for layers in ("coarse", "fine"):
        words = ["rows", *rows, "cols", *columns]
        save_matrix(model, words, folder / f"{name}-mix-{layers}.png", layers=layers, scale=cell_scale(model))
    show_directions(model, folder / f"{name}-directions.png")
    show_family(model, folder / f"{name}-family.png")
    show_neighbours(model, folder / f"{name}-neighbours.png")
    show_entered(model, folder / f"{name}-entered.png")
    show_tiles(model, folder / f"{name}-tiles.png")
    save_walk(
        model, ["0", "1", "2", "3"], folder / f"{name}-walk.webp", seconds=6, fps=15, cells=4, scale=cell_scale(model)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="NAME=RUN")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    asked = parser.parse_args()
    make_folder(asked.out)
    for named in asked.runs:
        name, _, path = named.partition("=")
        show(name, gv.open(path), asked.out)


if __name__ == "__main__":
    main()
