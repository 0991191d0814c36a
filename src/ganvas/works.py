"""Works to files: PNGs named by seed or one large array, both flat in memory however many; or a grid."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from .config import check
from .drawing import BATCH
from .files import make_folder, new_file
from .model import Model
from .pictures import grid, save_png, scale_for
from .prompts import Prompt

GRID_PX, FEW_PX, FEW = 64, 128, 25
"""About how large a small work appears in a grid, and in a grid of few."""
GRID_MOST = 10_000
"""Most works in one grid."""

Progress = Callable[[int, int | None], None]


def quietly(done: int, total: int | None) -> None:
    """Shows no progress."""


def save_files(
    model: Model,
    folder: Path,
    count: int,
    seed: int = 0,
    label: str | int | None = None,
    truncation: float = 1.0,
    prompt: Prompt | None = None,
    progress: Progress = quietly,
) -> list[Path]:
    """A PNG for each seed from `seed` on, named seed-000042.png. Raises StorageError, and what `sample` raises."""
    check(count >= 1, "count", count, "at least 1")
    paths = []
    for start in range(seed, seed + count, BATCH):
        works = model.sample(min(BATCH, seed + count - start), start, label=label, truncation=truncation, text=prompt)
        make_folder(folder)
        paths += [work.save(folder / f"seed-{work.seed:06d}.png") for work in works]
        progress(len(paths), count)
    return paths


def save_grid(
    model: Model,
    path: Path,
    count: int,
    seed: int = 0,
    label: str | int | None = None,
    truncation: float = 1.0,
    prompts: Sequence[Prompt | None] = (None,),
    columns: int | None = None,
    rows: int = 0,
) -> Path:
    """One sheet of `count` works of each prompt, at least `rows` high.

    Raises StorageError, UsageError, and what `sample` raises.
    """
    check(1 <= count <= GRID_MOST, "count", count, f"from 1 to {GRID_MOST:,} for a grid")
    check(columns is None or columns >= 1, "columns", columns, "at least 1")
    drawn = [model.pixels(range(seed, seed + count), label=label, truncation=truncation, prompt=one) for one in prompts]
    pixels = np.concatenate([part for of_one in drawn for part in of_one])
    columns = min(count, columns or ceil(sqrt(count)))
    text = {"run": model.name, "recipe": model.recipe, "seed": f"{seed}-{seed + count - 1}"}
    text |= {"truncation": f"{truncation:g}"} | ({} if label is None else {"label": str(label)})
    asked = [" + ".join(prompt.texts) for prompt in prompts if prompt is not None]
    text |= {"prompts": "\n".join(asked)} if asked else {}
    make_folder(path.parent)
    save_png(grid(pixels, columns, scale_for(model.shape[1], FEW_PX if count <= FEW else GRID_PX), rows), path, text)
    return path


def save_npz(
    model: Model,
    path: Path,
    count: int,
    seed: int = 0,
    label: str | int | None = None,
    truncation: float = 1.0,
    prompt: Prompt | None = None,
    batch_size: int = BATCH,
    progress: Progress = quietly,
) -> Path:
    """arr_0: uint8 (count, H, W, C), written batch by batch. Raises StorageError, and what `Model.sample` raises."""
    check(count >= 1, "count", count, "at least 1")
    check(batch_size >= 1, "batch_size", batch_size, "at least 1")
    batches = model.pixels(
        range(seed, seed + count), label=label, truncation=truncation, prompt=prompt, batch_size=batch_size
    )
    channels, height, width = model.shape
    make_folder(path.parent)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, height, width, channels)}
    with (
        new_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("arr_0.npy", "w", force_zip64=True) as array,
    ):
        np.lib.format.write_array_header_1_0(array, header)
        for done, batch in _counted(batches):
            array.write(batch.tobytes())
            progress(done, count)
    return path


def _counted(batches: Iterator[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    done = 0
    for batch in batches:
        done += len(batch)
        yield done, batch
