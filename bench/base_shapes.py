"""Pictures of our own for base models: outlined shapes on plain grounds, and painted-looking scenes. No one's rights.

Drawn by rules from random numbers: what can be learned from them is what an outline, an inside, a gradient, a horizon
and a texture are, not what anyone has drawn. Baradad et al. 2021 ("Learning to see by looking at noise") have the idea.
"""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE_PX = 128
FINE = 2
"""Drawn so many times larger, then shrunk: edges become smooth."""

Colour = tuple[int, int, int]


def colour(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    """A random colour; warm hues come more often, as they do in drawings."""
    hue = rng.uniform(0, 1) if rng.random() < 0.5 else rng.normal(0.1, 0.06) % 1
    hsv = (hue, rng.uniform(*saturation), rng.uniform(*value))
    return Image.new("HSV", (1, 1), tuple(round(255 * part) for part in hsv)).convert("RGB").getpixel((0, 0))  # type: ignore


def blob(rng: np.random.Generator, x: float, y: float, size: float, rough: float) -> list[tuple[float, float]]:
    """A closed line around (x, y): a circle whose radius waves."""
    turns = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    radius = np.full(48, 1.0)
    for wave in range(2, 6):
        radius += rough / wave * rng.normal() * np.cos(wave * turns + rng.uniform(0, 7))
    stretch, lean = rng.uniform(0.5, 1.6), rng.uniform(0, math.pi)
    across, along = size * radius * np.cos(turns) * stretch, size * radius * np.sin(turns) / stretch
    xs = x + across * math.cos(lean) - along * math.sin(lean)
    return list(zip(xs, y + across * math.sin(lean) + along * math.cos(lean), strict=True))


def polygon(rng: np.random.Generator, x: float, y: float, size: float) -> list[tuple[float, float]]:
    """A regular polygon, a star or a box around (x, y)."""
    corners, turned = int(rng.integers(3, 8)), rng.choice([0.0, math.pi / 4, rng.uniform(0, 7)])
    inner = float(rng.choice([1.0, 1.0, 0.45]))
    radius = size * np.where(np.arange(2 * corners) % 2 == 0, 1.0, inner) if inner < 1 else np.full(corners, size)
    turns = turned + np.linspace(0, 2 * math.pi, len(radius), endpoint=False)
    stretch = rng.uniform(0.6, 1.5)
    return list(zip(x + radius * stretch * np.cos(turns), y + radius / stretch * np.sin(turns), strict=True))


def shapes(rng: np.random.Generator) -> Image.Image:
    """One thing of a few parts, outlined or flat, on white or a plain colour; often the same left and right."""
    side = SIDE_PX * FINE
    ground: Colour = (255, 255, 255) if rng.random() < 0.8 else colour(rng, (0.1, 0.8), (0.4, 1.0))
    page = Image.new("RGB", (side, side), ground)
    pen = ImageDraw.Draw(page)
    line = rng.choice([0, 2, 3, 4]) * side // SIDE_PX
    ink: Colour = (0, 0, 0) if rng.random() < 0.8 else colour(rng, (0.3, 1.0), (0.1, 0.4))
    palette = [colour(rng, (0.2, 1.0), (0.3, 1.0)) for _ in range(3)] + [ink, (255, 255, 255)]
    mirrored, size = rng.random() < 0.6, side * rng.uniform(0.2, 0.4)
    x, y = side / 2, side / 2
    for part in range(int(rng.integers(2, 9))):
        points = blob(rng, x, y, size, rng.uniform(0, 0.5)) if rng.random() < 0.6 else polygon(rng, x, y, size)
        fill = palette[int(rng.integers(len(palette)))] if part else palette[0]
        for way in (points, [(side - a, b) for a, b in points]) if mirrored and part else (points,):
            pen.polygon(way, fill=fill)
            if line:
                pen.line([*way, way[0], way[1]], fill=ink, width=int(line), joint="curve")
        spread = side * 0.18
        x, y = side / 2 + rng.normal() * spread, side / 2 + rng.normal() * spread
        size = side * rng.uniform(0.03, 0.2)
    return page.resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)


def clouds(rng: np.random.Generator, side: int, fall: float) -> np.ndarray:
    """(side, side) noise with power in 1/f**fall, from 0 to 1."""
    ways = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    ways[0, 0] = 1
    noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) / ways ** (fall / 2), (side, side))
    return (noise - noise.min()) / (np.ptp(noise) + 1e-9)


def mixed(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    return a + (b - a) * share[..., None]


def scene(rng: np.random.Generator) -> Image.Image:
    """Sky, ridges behind one another in haze, ground or water, sometimes trees, a tower, a sun; as if painted."""

    def tint(saturation: tuple[float, float], value: tuple[float, float]) -> np.ndarray:
        return np.array(colour(rng, saturation, value), float)

    light, horizon = rng.uniform(0.25, 1.0), rng.uniform(0.25, 0.8)
    high, low = tint((0.1, 0.7), (0.2 * light, 0.9 * light)), tint((0.05, 0.6), (0.5 * light, light))
    near = tint((0.1, 0.8), (0.05, 0.5 * light))
    picture = mixed(high * np.ones((SIDE_PX, SIDE_PX, 1)), low, DOWN)
    haze = clouds(rng, SIDE_PX, 3.0) * rng.uniform(0, 0.9)
    picture = mixed(picture, tint((0, 0.3), (0.6 * light, light)), haze)
    picture = land(rng, picture, horizon, near, low)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if rng.random() < 0.6:
        things(rng, ImageDraw.Draw(image), horizon, near)
    if rng.random() < 0.3:
        x, y, r = rng.uniform(0, 1), horizon * rng.uniform(0.1, 0.9), rng.uniform(0.02, 0.1)
        box = (SIDE_PX * (x - r), SIDE_PX * (y - r), SIDE_PX * (x + r), SIDE_PX * (y + r))
        ImageDraw.Draw(image).ellipse(box, fill=whole(tint((0, 0.5), (0.8, 1.0))))
    if rng.random() < 0.7:  # strokes of a brush
        image = image.filter(ImageFilter.ModeFilter(int(rng.choice([3, 5, 7]))))
    return image


DOWN = np.linspace(0, 1, SIDE_PX)[:, None].repeat(SIDE_PX, axis=1)
"""(SIDE_PX, SIDE_PX): 0 in the first row, 1 in the last."""


def whole(colour: np.ndarray) -> Colour:
    red, green, blue = (int(part) for part in np.clip(colour, 0, 255))
    return red, green, blue


def land(rng: np.random.Generator, sky: np.ndarray, horizon: float, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Ridges over the sky, the farther ones hazier: of colours between `near` and `far`, (3,)."""
    layers = int(rng.integers(1, 5))
    for closeness in (np.arange(layers) + 1) / layers:
        ridge = clouds(rng, SIDE_PX, rng.uniform(2.5, 4.0))[0] - 0.5
        top = horizon + 0.25 * (closeness - 0.6) + ridge * rng.uniform(0.1, 0.6)
        texture = clouds(rng, SIDE_PX, rng.uniform(1.2, 2.6))[..., None] - 0.5
        painted = (near + (far - near) * (1 - closeness) * 0.7) * (1 + rng.uniform(0.2, 1.0) * texture)
        sky = mixed(sky, painted, np.clip((DOWN - top[None]) * SIDE_PX, 0, 1))
    return sky


def things(rng: np.random.Generator, pen: ImageDraw.ImageDraw, horizon: float, near: np.ndarray) -> None:
    """A few trees or towers that stand on the land."""
    for _ in range(int(rng.integers(0, 12))):
        x, foot = rng.uniform(0, SIDE_PX), SIDE_PX * min(1.0, horizon + rng.uniform(0, 0.5))
        tall = SIDE_PX * rng.uniform(0.08, 0.6)
        wide, shade = tall * rng.uniform(0.1, 0.5), whole(near * rng.uniform(0.3, 1.2))
        tower = [(x - wide / 2, foot), (x - wide / 3, foot - tall), (x + wide / 3, foot - tall), (x + wide / 2, foot)]
        crown = blob(rng, x, foot - tall * 0.6, wide, 0.6) if rng.random() < 0.5 else tower
        pen.line([(x, foot), (x, foot - tall / 2)], fill=shade, width=max(1, int(wide / 8)))
        pen.polygon(crown, fill=shade)
