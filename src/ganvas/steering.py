"""Steering to files: walks as films, matrices and strips as sheets, children and steered works as PNGs."""

from collections.abc import Callable, Sequence
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from .config import check
from .errors import UsageError
from .explore.directions import Direction, steered
from .explore.film import check_film, save_film
from .explore.latent import Latent
from .explore.mix import children, matrix
from .explore.near import Away
from .explore.points import latents_of, rows_and_columns
from .explore.prints import Filter, enlarge, save_sprites
from .explore.sheets import frames_of, strips, with_sources
from .explore.walk import Route, loop
from .explore.wording import changes, differences, rewordings
from .files import make_folder
from .model import Model
from .pictures import grid, save_png, scale_for, to_image
from .prompts import Prompt
from .work import Inverted

FILM_PX, SHEET_PX = 256, 64
"""About how large a small work appears in a film, and on a sheet."""
AMOUNTS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Of a direction, in its strip."""
STRIP_ROWS = 4
"""Works in a direction's strip."""

Progress = Callable[[int, int | None], None]


def scale_of(model: Model, scale: int | None, wanted_px: float) -> int:
    """Each pixel becomes a square of so many: as asked, or so that a work is about as large as wanted."""
    check(scale is None or 1 <= scale <= 64, "scale", scale, "from 1 to 64")
    return scale or scale_for(model.shape[1], round(wanted_px))


def save_walk(
    model: Model,
    words: Sequence[str],
    out: Path,
    *,
    seconds: float = 10.0,
    fps: int = 30,
    path: Route = "spline",
    cells: int = 1,
    label: str | None = None,
    truncation: float = 1.0,
    scale: int | None = None,
    progress: Progress = lambda done, total: None,
) -> int:
    """A film through the works that `words` name and back, without a seam. returns: its frames.

    cells: so many walks side by side; those after the first go through the seeds that follow.
    Raises UsageError, UnknownName, DataError, StorageError.
    """
    check(0 < seconds <= 3600, "seconds", seconds, "above 0 and at most 3600")
    check(1 <= cells <= 100, "cells", cells, "from 1 to 100")
    frames = max(1, round(seconds * fps))
    walks = []
    for named in following(words, cells):
        works = latents_of(named, model.drawer, label, truncation)
        walks.append(loop(works, model.centres(works), frames, path, on_sphere=not model.maps))
    check_film(out, fps)
    pictures = frames_of(walks, model.drawn, ceil(sqrt(cells)))
    factor = scale_of(model, scale, FILM_PX / sqrt(cells))
    save_film(pictures, out, fps, factor, lambda done: progress(done, frames))
    return frames


def following(words: Sequence[str], cells: int) -> list[list[str]]:
    """Seeds for each of several walks: ["1", "3"] and 2 cells -> [["1", "3"], ["4", "6"]]. Raises UsageError."""
    if cells == 1:
        return [list(words)]
    if not all(word.isdecimal() for word in words):
        raise UsageError("Several walks side by side go through seeds only. Leave out --cells, or the files.")
    seeds = [int(word) for word in words]
    span = max(seeds, default=0) - min(seeds, default=0) + 1
    return [[str(seed + cell * span) for seed in seeds] for cell in range(cells)]


def save_matrix(
    model: Model,
    words: Sequence[str],
    out: Path,
    *,
    layers: str = "fine",
    label: str | None = None,
    truncation: float = 1.0,
    scale: int | None = None,
) -> tuple[int, int]:
    """A mixing matrix with its sources in the margins. returns: its rows and columns. Raises as `save_walk`."""
    if out.suffix.lower() != ".png":
        raise UsageError(f"A sheet is a PNG: name it with .png, not {out.name!r}.")
    rows, columns = (latents_of(part, model.drawer, label, truncation) for part in rows_and_columns(words))
    cells = [cell for row in matrix(rows, columns, model.steered, layers) for cell in row]
    factor = scale_of(model, scale, SHEET_PX)
    sheet = with_sources(model.drawn(rows), model.drawn(columns), model.drawn(cells), factor)
    make_folder(out.parent)
    save_png(sheet, out, {"run": model.name, "mix": " ".join(words), "layers": layers})
    return len(rows), len(columns)


def save_children(model: Model, a: Latent, b: Latent, folder: Path, count: int = 16, seed: int = 0) -> list[Path]:
    """Children of two works, a PNG each, with their lineage. Raises UsageError, StorageError."""
    check(1 <= count <= 10_000, "count", count, "from 1 to 10,000")
    assert model.steered  # raises where there is nothing between parents
    born = model.draw(children(a, b, count, seed))
    make_folder(folder)
    return [work.save(folder / f"child-{work.latent.lineage['breed']:06d}.png") for work in born]


def apart(names: Sequence[str]) -> list[str]:
    """The same, so that no two are alike: a, a -> a, a-2."""
    found: list[str] = []
    for name in names:
        free = (f"{name}-{number}" if number > 1 else name for number in range(1, len(names) + 2))
        found.append(next(one for one in free if one not in found))
    return found


def save_tiles(
    model: Model, latents: Sequence[Latent], folder: Path, repeat: int = 1, scale: int | None = None
) -> list[Path]:
    """Works without a seam, a PNG each. repeat: beside each a sheet of it, so many times in both directions.

    Raises UsageError, StorageError.
    """
    check(1 <= repeat <= 16, "repeat", repeat, "from 1 to 16")
    check(scale is None or 1 <= scale <= 64, "scale", scale, "from 1 to 64")
    works = model.draw([Latent(one.styles, one.label, {"tile": True, "of": one.lineage}) for one in latents])
    make_folder(folder)
    paths = []
    for number, work in enumerate(works):
        name = f"tile-{number:06d}"
        paths.append(folder / f"{name}.png")
        save_png(enlarge(work.image, scale or 1, "pixels"), paths[-1], work.text())
        if repeat > 1:
            sheet = np.tile(work.pixels, (repeat, repeat, 1))
            save_png(enlarge(to_image(sheet), scale or 1, "pixels"), folder / f"{name}-repeated.png")
    return paths


def save_upscaled(model: Model, latents: Sequence[Latent], folder: Path, factor: int, by: Filter) -> list[Path]:
    """Works so many times as large, a PNG each, with their lineage. Raises UsageError, StorageError."""
    works = model.draw(latents)
    images = [enlarge(work.image, factor, by) for work in works]
    make_folder(folder)
    paths = [folder / f"work-{number:06d}-x{factor}.png" for number in range(len(works))]
    for image, work, path in zip(images, works, paths, strict=True):
        save_png(image, path, work.text())
    return paths


def save_sprite_sheet(model: Model, latents: Sequence[Latent], out: Path) -> Path:
    """Works as sprites on one sheet, with a JSON atlas beside it. Raises UsageError, StorageError."""
    check(out.suffix.lower() == ".png", "a sprite sheet", out.name, "named with .png; the atlas goes beside it")
    works = model.draw(latents)
    names = [f"seed-{work.seed}" if work.seed is not None else f"work-{k}" for k, work in enumerate(works)]
    about = [{"lineage": work.latent.lineage, "label": work.label} for work in works]
    return save_sprites(np.stack([work.pixels for work in works]), apart(names), out, about)


def save_neighbours(model: Model, latent: Latent, folder: Path, amount: float, count: int, seed: int) -> list[Path]:
    """Variations near a work, a PNG each, with their lineage. Raises UsageError, StorageError."""
    check(1 <= count <= 10_000, "count", count, "from 1 to 10,000")
    works = model.draw(model.neighbours(latent, amount, count, seed))
    make_folder(folder)
    return [work.save(folder / f"near-{work.latent.lineage['near']:06d}.png") for work in works]


def save_away(model: Model, latent: Latent, folder: Path, seed: int = 0) -> Away | None:
    """The work moved away from the nearest training picture, as away.png beside before.png; None if nothing helps."""
    found = model.away(latent, seed)
    if found is not None:
        before, after = model.draw([latent, found.latent])
        make_folder(folder)
        before.save(folder / "before.png")
        after.save(folder / "away.png")
    return found


def save_inverted(
    model: Model, files: Sequence[Path], folder: Path, progress: Any, scale: int | None = None
) -> list[Inverted]:
    """Pictures as the model draws them: a PNG each, to be used like any work, and all beside what they were.

    Raises UsageError, DataError, StorageError.
    """
    found = model.invert(files, progress)
    make_folder(folder)
    for name, one in zip(apart([path.stem for path in files]), found, strict=True):
        one.work.save(folder / f"entered-{name}.png")  # never over the picture itself
    pairs = np.stack([pixels for one in found for pixels in (one.picture, one.work.pixels)])
    save_png(grid(pairs, 2 * min(4, len(found)), scale_of(model, scale, SHEET_PX)), folder / "beside.png")
    return found


def save_strip(
    model: Model,
    direction: Direction,
    latents: Sequence[Latent],
    out: Path,
    amounts: Sequence[float] = AMOUNTS,
    scale: int | None = None,
) -> Path:
    """A row for each latent: its work, steered along the direction by each amount. Raises StorageError."""
    cells = [steered(latent, direction, amount) for latent in latents for amount in amounts]
    captions = [f"{amount:+g}" if amount else "0" for amount in amounts]
    sheet = strips(model.drawn(cells), captions, scale_of(model, scale, SHEET_PX))
    make_folder(out.parent)
    save_png(sheet, out, {"run": model.name, "direction": direction.name})
    return out


def save_rewordings(
    model: Model,
    text: str,
    out: Path,
    swaps: Sequence[str] = (),
    seeds: Sequence[int] = range(STRIP_ROWS),
    truncation: float = 1.0,
    scale: int | None = None,
) -> dict[str, tuple[float, float | None]]:
    """Which word did what: works of a text, without each word, and with each swap; below each what has changed.

    returns: of each change how much it changes a work, the mean over `seeds`, from 0 to 1; and how much better works
    then suit the whole text, a difference of two cosines, None for a model that cannot tell. Raises UsageError,
    StorageError.
    """
    found = rewordings(model.drawer, seeds, text, swaps, truncation)
    pictures = [model.drawn(one.latents) for one in found]
    changed = [differences(pictures[0], one) for one in pictures]
    cells = [one[seed] for seed in range(len(seeds)) for row in (pictures, changed) for one in row]
    sheet = strips(np.stack(cells), [one.name for one in found], scale_of(model, scale, SHEET_PX))
    make_folder(out.parent)
    save_png(sheet, out, {"run": model.name, "prompt": text})
    sizes = [float(changes(pictures[0], one).mean()) for one in pictures]
    suits: list[float | None] = [None] * len(found)
    if model.drawer.towers is not None:
        matches = [float(model.drawer.match(one, Prompt((text,))).mean()) for one in pictures]
        suits = [one - matches[0] for one in matches]
    return {one.name: (size, gain) for one, size, gain in zip(found[1:], sizes[1:], suits[1:], strict=True)}


def save_strips(model: Model, directions: Sequence[Direction], folder: Path, scale: int | None = None) -> list[Path]:
    """A strip for each direction, of the same few works: sefa-1.png, pca-1.png, ... Raises StorageError."""
    latents = model.latents(range(STRIP_ROWS))
    return [
        save_strip(model, one, latents, folder / f"{one.method}-{one.number}.png", scale=scale) for one in directions
    ]


def save_steered(
    model: Model, latents: Sequence[Latent], direction: Direction, amount: float, folder: Path
) -> list[Path]:
    """Each work steered, a PNG with its lineage. Raises UsageError, StorageError."""
    works = model.draw([steered(latent, direction, amount) for latent in latents])
    make_folder(folder)
    name = "".join(letter if letter.isalnum() else "-" for letter in direction.name)[:60]
    return [work.save(folder / f"{name}{amount:+g}-{number:06d}.png") for number, work in enumerate(works)]
