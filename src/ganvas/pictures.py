"""Pictures out: arrays to PNG with what made them written inside, grids, strips over time, animations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from .errors import DataError
from .files import new_file

GAP = 2
"""Pixels between the pictures of a grid."""
PAPER = 255
"""The grey of those pixels."""


def to_image(picture: np.ndarray) -> Image.Image:
    """(H, W, C) uint8 with 1, 3 or 4 channels."""
    return Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)


def on_white(pictures: np.ndarray) -> np.ndarray:
    """(n, H, W, 4) uint8 -> the same with the colours as they look on white, as nets see them; others unchanged."""
    if pictures.shape[3] != 4:
        return pictures
    alpha = pictures[..., 3:] / np.float32(255)
    laid = (255 - (255 - pictures[..., :3]) * alpha).round().astype(np.uint8)
    return np.concatenate([laid, pictures[..., 3:]], axis=3)


def save_png(image: Image.Image, path: Path, text: dict[str, str] | None = None) -> None:
    """A PNG with `text` as its text chunks. Raises StorageError."""
    chunks = PngInfo()
    for key, value in (text or {}).items():
        chunks.add_itxt(key, value)
    with new_file(path) as file:
        image.save(file, format="PNG", pnginfo=chunks)


def read_text(path: Path) -> dict[str, str]:
    """The text chunks of a PNG. Raises DataError for what is no picture."""
    try:
        with Image.open(path) as image:
            image.load()  # chunks may follow the pixels
            return {key: str(value) for key, value in getattr(image, "text", {}).items()}
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as a picture: {error}.") from None


def grid(pictures: np.ndarray, columns: int, scale: int = 1, least_rows: int = 0) -> Image.Image:
    """(n, H, W, C) uint8 as rows of `columns`, each pixel enlarged to `scale` x `scale`, with gaps between.

    An alpha channel stays; the gaps are then transparent.
    """
    n, height, width, channels = pictures.shape
    rows = max(-(-n // columns), least_rows)
    cell_height, cell_width = height * scale + GAP, width * scale + GAP
    sheet = np.full((rows * cell_height + GAP, columns * cell_width + GAP, channels), PAPER, dtype=np.uint8)
    if channels == 4:
        sheet[:, :, 3] = 0
    large = pictures.repeat(scale, axis=1).repeat(scale, axis=2)
    for number, picture in enumerate(large):
        top, left = GAP + number // columns * cell_height, GAP + number % columns * cell_width
        sheet[top : top + height * scale, left : left + width * scale] = picture
    return to_image(sheet)


def scale_for(size_px: int, wanted_px: int) -> int:
    """The whole factor that enlarges `size_px` to about `wanted_px`, at least 1."""
    return max(1, round(wanted_px / size_px))


def strip(frames: Sequence[tuple[str, Path]], row_px: int) -> Image.Image:
    """The top row of each preview grid under the one before: the same latents over time, each with its caption.

    frames: captions and preview PNGs.   row_px: height of a grid's row with its gap.
    """
    rows = []
    for _, path in frames:
        with Image.open(path) as grid_image:
            row = grid_image.crop((0, 0, grid_image.width, row_px))
            if row.mode == "RGBA":  # what is half transparent would be too strong without its paper
                row = Image.alpha_composite(Image.new("RGBA", row.size, "white"), row)
            rows.append(row.convert("L" if row.mode == "L" else "RGB"))
    font = ImageFont.load_default(14)
    margin = 12 + max(round(font.getlength(caption)) for caption, _ in frames)
    sheet = Image.new(rows[0].mode, (margin + rows[0].width, row_px * len(rows) + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for number, ((caption, _), row) in enumerate(zip(frames, rows, strict=True)):
        sheet.paste(row, (margin, number * row_px))
        draw.text((margin - 6, number * row_px + row_px // 2), caption, fill="black", font=font, anchor="rm")
    return sheet


def save_animation(frames: Sequence[Path], path: Path, frame_ms: int = 250, last_ms: int = 2500) -> None:
    """An endless animated WebP of PNG files; the last one stays longer. Raises StorageError."""
    images = []
    for frame in frames:
        with Image.open(frame) as image:
            images.append(image.convert("RGBA" if image.mode == "RGBA" else "RGB"))
    durations = [frame_ms] * (len(images) - 1) + [last_ms]
    with new_file(path) as file:
        images[0].save(file, "WEBP", save_all=True, append_images=images[1:], duration=durations, loop=0, lossless=True)
