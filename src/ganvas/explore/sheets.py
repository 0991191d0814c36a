"""Sheets of works: the mixing matrix, strips, grids of walks."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..drawing import BATCH
from ..pictures import GAP, PAPER, grid
from .latent import Latent

Draw = Callable[[Sequence[Latent]], np.ndarray]
"""Latents -> (n, H, W, C) uint8."""


def with_sources(rows: np.ndarray, columns: np.ndarray, cells: np.ndarray, scale: int) -> Image.Image:
    """A matrix with what it was mixed of in its margins: columns' sources above, rows' on the left.

    rows: (r, H, W, C); columns: (c, H, W, C); cells: (r * c, H, W, C) row by row, all uint8.
    """
    corner = np.full_like(rows[:1], PAPER)
    if corner.shape[3] == 4:
        corner[..., 3] = 0
    count, lines = len(columns), [corner, columns]
    for number in range(len(rows)):
        lines += [rows[number : number + 1], cells[number * count : (number + 1) * count]]
    return grid(np.concatenate(lines), count + 1, scale)


def strips(pictures: np.ndarray, captions: Sequence[str], scale: int) -> Image.Image:
    """(rows * columns, H, W, C) uint8, a row for each work, under a caption for each column."""
    sheet = grid(pictures, len(captions), scale)
    font = ImageFont.load_default(12)
    high = 18
    whole = Image.new(sheet.mode, (sheet.width, sheet.height + high), (PAPER,) * len(sheet.getbands()))
    whole.paste(sheet, (0, high))
    draw, cell = ImageDraw.Draw(whole), (sheet.width - GAP) / len(captions)
    ink = (0,) * 3 + (255,) if sheet.mode == "RGBA" else 0
    for number, caption in enumerate(captions):
        draw.text(((number + 0.5) * cell + GAP / 2, high / 2), caption, fill=ink, font=font, anchor="mm")
    return whole


def frames_of(walks: Sequence[Sequence[Latent]], draw: Draw, columns: int) -> Iterator[np.ndarray]:
    """Frames of one walk, or of several side by side, (H, W, C) uint8 each; drawn in batches.

    walks: of equally many latents each.   columns: walks in a row.
    """
    together = max(1, BATCH // len(walks))
    for start in range(0, len(walks[0]), together):
        part = [latent for walk in walks for latent in walk[start : start + together]]
        pictures = draw(part)
        pictures = pictures.reshape(len(walks), -1, *pictures.shape[1:])
        for cells in pictures.transpose(1, 0, 2, 3, 4):
            yield cells[0] if len(walks) == 1 else np.atleast_3d(np.asarray(grid(cells, columns)))
