"""For games and walls: sprite sheets with an atlas, posters at a print size, pictures enlarged."""

import json
from collections.abc import Sequence
from math import ceil, sqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from ..config import check
from ..errors import UsageError
from ..files import make_folder, new_file, write_file
from ..pictures import PAPER, save_png, to_image

MM_PER_INCH = 25.4
MOST_PIXELS = 400_000_000
"""Of a poster: A0 at 200 dpi and a little more."""
PAPERS = {"a5": (148, 210), "a4": (210, 297), "a3": (297, 420), "a2": (420, 594), "a1": (594, 841), "a0": (841, 1189)}
"""Width and height in mm, upright. ISO 216."""

Filter = Literal["pixels", "smooth"]


def enlarge(image: Image.Image, factor: int, by: Filter = "smooth") -> Image.Image:
    """So many times as large. "pixels": each becomes a square, for pixel art; "smooth": Lanczos, for all else.

    Colours are weighed by alpha, so that what nobody sees does not bleed into edges. Raises UsageError.
    """
    check(type(factor) is int and 1 <= factor <= 64, "upscale", factor, "a whole number from 1 to 64")
    size = (image.width * factor, image.height * factor)
    if by == "pixels" or factor == 1:
        return image.resize(size, Image.Resampling.NEAREST)
    if image.mode == "RGBA":
        return image.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    return image.resize(size, Image.Resampling.LANCZOS)


def save_sprites(
    pictures: np.ndarray, names: Sequence[str], path: Path, about: Sequence[dict[str, Any]], gap: int = 2
) -> Path:
    """A sheet of sprites and, beside it, an atlas of the same name: where each lies, as game engines read it.

    pictures: (n, H, W, C) uint8; alpha is kept, and the gaps between sprites, which keep a scaled one from seeing its
    neighbour, are transparent.   about: of each, further entries of its frame, such as seed and label.
    The atlas is TexturePacker's "JSON hash", which Phaser, PixiJS, Godot and Unity read. Raises StorageError.
    """
    count, height, width, channels = pictures.shape
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    sheet = np.zeros((rows * (height + gap) + gap, columns * (width + gap) + gap, 4), np.uint8)
    frames = {}
    for number, (picture, name, more) in enumerate(zip(pictures, names, about, strict=True)):
        top, left = gap + number // columns * (height + gap), gap + number % columns * (width + gap)
        cell = sheet[top : top + height, left : left + width]
        cell[..., :3] = picture[..., : min(channels, 3)]
        cell[..., 3] = picture[..., 3] if channels == 4 else 255
        place, size = {"x": left, "y": top, "w": width, "h": height}, {"w": width, "h": height}
        whole = {"x": 0, "y": 0, **size}
        frames[name] = {
            "frame": place,
            "rotated": False,
            "trimmed": False,
            "spriteSourceSize": whole,
            "sourceSize": size,
            **more,
        }
    make_folder(path.parent)
    save_png(to_image(sheet), path)
    size = {"w": sheet.shape[1], "h": sheet.shape[0]}
    meta = {"app": "ganvas", "image": path.name, "format": "RGBA8888", "size": size, "scale": "1"}
    write_file(
        path.with_suffix(".json"), json.dumps({"frames": frames, "meta": meta}, ensure_ascii=False, indent=1) + "\n"
    )
    return path


def parse_paper(text: str) -> tuple[float, float]:
    """Width and height in mm of "a3", "a3-landscape" or "300x400". Raises UsageError."""
    name, _, turned = text.lower().partition("-")
    if name in PAPERS and turned in ("", "landscape", "portrait"):
        width, height = PAPERS[name]
        return (height, width) if turned == "landscape" else (width, height)
    parts = text.lower().removesuffix("mm").split("x")
    try:
        width, height = (float(part) for part in parts)
    except ValueError:
        width = height = 0.0
    good = 10 <= width <= 5000 and 10 <= height <= 5000
    check(good, "poster", text, f"{', '.join(PAPERS)}, one of these with -landscape, or width x height in mm: 300x400")
    return width, height


def save_poster(
    pictures: np.ndarray,
    path: Path,
    paper: str = "a3",
    dpi: int = 150,
    margin_mm: float = 15.0,
    gap_mm: float = 3.0,
    by: Filter = "smooth",
) -> tuple[int, int]:
    """A contact sheet for printing: as many rows and columns as make the pictures largest. returns: (columns, rows).

    pictures: (n, H, W, C) uint8.   The PNG or PDF carries its dpi, so that it prints at the size of the paper.
    Raises UsageError, StorageError.
    """
    if path.suffix.lower() not in (".png", ".pdf"):
        raise UsageError(f"A poster is a PNG or a PDF: name it with .png or .pdf, not {path.name!r}.")
    check(30 <= dpi <= 1200, "dpi", dpi, "from 30 to 1200")
    page_mm = parse_paper(paper)
    check(0 <= margin_mm < min(page_mm) / 2, "margin", margin_mm, f"from 0 to less than half of {min(page_mm):g} mm")
    width, height = (round(side / MM_PER_INCH * dpi) for side in page_mm)
    check(width * height <= MOST_PIXELS, "dpi", dpi, f"lower: {width}x{height} px are more than a file should have")
    margin, gap = (round(side / MM_PER_INCH * dpi) for side in (margin_mm, gap_mm))
    count, high, wide, channels = pictures.shape
    columns, rows, scale = best_grid(count, (wide, high), (width - 2 * margin, height - 2 * margin), gap)
    check(scale * min(wide, high) >= 1, "poster", paper, f"large enough for {count} works: larger, fewer, or more dpi")
    cell_wide, cell_high = round(wide * scale), round(high * scale)
    sheet = Image.new("L" if channels == 1 else "RGB", (width, height), PAPER if channels == 1 else (PAPER,) * 3)
    left = (width - columns * cell_wide - (columns - 1) * gap) // 2
    top = (height - rows * cell_high - (rows - 1) * gap) // 2
    resampling = Image.Resampling.NEAREST if by == "pixels" else Image.Resampling.LANCZOS
    for number, picture in enumerate(pictures):
        image = to_image(picture)
        work = (image.convert("RGBa") if channels == 4 else image).resize((cell_wide, cell_high), resampling)
        work = work.convert("RGBA") if channels == 4 else work
        place = (left + number % columns * (cell_wide + gap), top + number // columns * (cell_high + gap))
        sheet.paste(work, place, work if channels == 4 else None)
    make_folder(path.parent)
    with new_file(path) as file:
        if path.suffix.lower() == ".pdf":
            sheet.save(file, "PDF", resolution=dpi)
        else:
            sheet.save(file, "PNG", dpi=(dpi, dpi))
    return columns, rows


def best_grid(count: int, picture: tuple[int, int], page: tuple[int, int], gap: int) -> tuple[int, int, float]:
    """Columns, rows and the scale at which `count` pictures fill a page the most. All in px."""
    found = (1, count, 0.0)
    for columns in range(1, count + 1):
        rows = ceil(count / columns)
        across, down = page[0] - (columns - 1) * gap, page[1] - (rows - 1) * gap
        scale = min(across / columns / picture[0], down / rows / picture[1])
        if scale > found[2]:
            found = (columns, rows, scale)
    return found
