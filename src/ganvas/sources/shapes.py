"""`shapes`: coloured shapes with captions, drawn by the program; as many as are asked for, in any size."""

import hashlib
import inspect
import itertools
import math
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from ..registry import sources
from . import scenes
from .artwork import Artwork

COUNT = 10_000
SIDE_PX = 256
"""Drawn so large and scaled down when prepared, so that edges are smooth in every size up to it."""
JITTER = 0.02
"""Of places, as a share of the side; of radii and of colours, up to five times that share of them."""
STRIPES, DOTS = 6, 4
"""Across a shape."""
PALE = 0.15
"""Share of the ink in what is between stripes and in dots."""
STAR_INNER = 0.45
RING_INNER = 0.55
CROSS_ARM = 0.36


def draw(scene: scenes.Scene, rng: np.random.Generator, side: int = SIDE_PX) -> np.ndarray:
    """(side, side, 3) uint8, on white; places, sizes and colours vary a little by chance."""
    picture = Image.new("RGB", (side, side), "white")
    for thing in scene.things:
        colour = np.array(scenes.COLOURS[thing.colour]) * (1 + rng.uniform(-5, 5) * JITTER)
        ink = tuple(int(level) for level in colour.clip(0, 255))
        pale = tuple(round(255 - PALE * (255 - level)) for level in ink)
        shift_x, shift_y, grow = *rng.uniform(-JITTER, JITTER, 2).tolist(), 1 + rng.uniform(-5, 5) * JITTER
        for x, y, radius in thing.spots():
            mask = Image.new("L", (side, side))
            _shape(ImageDraw.Draw(mask), thing.shape, (x + shift_x) * side, (y + shift_y) * side, radius * grow * side)
            picture.paste(_filled(thing.texture, ink, pale, mask), mask=mask)
    return np.asarray(picture)


def _shape(pen: ImageDraw.ImageDraw, shape: str, x: float, y: float, radius: float) -> None:
    """White on what was black."""
    if shape in ("circle", "ring"):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        if shape == "ring":
            inner = RING_INNER * radius
            pen.ellipse((x - inner, y - inner, x + inner, y + inner), fill=0)
    elif shape == "square":
        half = 0.88 * radius  # as much ink as the circle
        pen.rectangle((x - half, y - half, x + half, y + half), fill=255)
    elif shape == "cross":
        arm = CROSS_ARM * radius
        pen.rectangle((x - radius, y - arm, x + radius, y + arm), fill=255)
        pen.rectangle((x - arm, y - radius, x + arm, y + radius), fill=255)
    else:
        corners, inner = (3, 0.5) if shape == "triangle" else (5, STAR_INNER)
        radii = [1.12 * radius * (inner if number % 2 else 1) for number in range(2 * corners)]
        angles = [math.pi * number / corners - math.pi / 2 for number in range(2 * corners)]
        pen.polygon([(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)], fill=255)


def _filled(texture: str, ink: tuple[int, ...], pale: tuple[int, ...], mask: Image.Image) -> Image.Image:
    """A picture in `ink`, with stripes or dots in `pale`, spaced by the shape's own size."""
    fill = Image.new("RGB", mask.size, ink)
    box = mask.getbbox()
    if texture == "plain" or box is None:
        return fill
    pen, (left, top, right, bottom) = ImageDraw.Draw(fill), box
    if texture == "striped":
        step = (bottom - top) / STRIPES
        for number in range(1, STRIPES, 2):
            pen.rectangle((left, top + number * step, right, top + (number + 1) * step - 1), fill=pale)
    else:
        step = (right - left) / DOTS
        for row in range(DOTS + 1):
            for column in range(DOTS + 1):
                x, y = left + (column + 0.5 * (row % 2)) * step, top + row * step
                pen.ellipse((x - 0.27 * step, y - 0.27 * step, x + 0.27 * step, y + 0.27 * step), fill=pale)
    return fill


@sources.register("shapes")
class Shapes:
    """`shapes`, or `shapes:500` for as many: colour x shape x size x texture x place x number, in words.

    Labels are the shape of what is named first. Scenes with a pair of colour and shape that is kept from those who
    learn are left out.
    """

    reads_folders = False
    counts = True
    """Whether `NAME:COUNT` may ask for a number of pictures."""

    def __init__(self, count: int = COUNT) -> None:
        self.name = "shapes" if count == COUNT else f"shapes:{count}"
        self.folder = None
        self.warnings: list[str] = []
        self.notes: list[str] = [
            "labels: the shape that is named first",
            "left out: one shape of each colour, so that one can ask for what was never seen",
        ]
        self._count = count

    def native_size(self) -> None:
        return None

    def count(self) -> int:
        return self._count

    def fingerprint(self) -> str:
        """Of the code that draws and speaks."""
        code = inspect.getsource(scenes) + inspect.getsource(inspect.getmodule(Shapes) or scenes)
        return hashlib.sha256(f"{self._count}/{code}".encode()).hexdigest()

    def artworks(self) -> Iterator[Artwork]:
        shown = 0
        for number in itertools.count():
            if shown == self._count:
                return
            rng = np.random.default_rng([0, number])
            scene = scenes.make_scene(rng)
            if scene.is_unseen:
                continue
            shown += 1
            yield Artwork(
                name=f"shapes/{number:06d}",
                image=draw(scene, rng),
                label=scene.things[0].shape,
                texts=scenes.captions(scene, rng),
                author="ganvas",
                licence="CC0-1.0",
                source="drawn by ganvas",
            )
