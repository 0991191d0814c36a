"""What the source `shapes` draws and says: a few coloured shapes, in many wordings.

A `Scene` is all that a caption can say, so captions, pictures and what a judge reads off a picture can be compared
word by word. Some pairs of a colour and a shape are never shown to those who learn (`is_unseen`): whether a model
understands words, or only remembers pictures, shows there.
"""

import re
from dataclasses import dataclass

import numpy as np

COLOURS = {
    "red": (214, 40, 40),
    "orange": (244, 140, 6),
    "yellow": (250, 214, 30),
    "green": (42, 157, 74),
    "blue": (36, 96, 214),
    "purple": (130, 60, 180),
    "black": (24, 24, 28),
    "grey": (140, 144, 150),
}
"""sRGB levels."""
SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")
SIZES = {"small": 0.13, "large": 0.22}
"""Radius as a share of the side."""
SMALLER = 0.7
"""Large ones are as many times as large where there are several."""
TEXTURES = ("plain", "striped", "dotted")
ROWS = {"top": 0.23, "": 0.5, "bottom": 0.77}
COLUMNS = {"left": 0.23, "": 0.5, "right": 0.77}
PLACES = {f"{row} {column}".strip() or "centre": (x, y) for row, y in ROWS.items() for column, x in COLUMNS.items()}
"""Centres, x to the right and y down, as shares of the side."""
APART = [
    (one, other)
    for one, (x, y) in PLACES.items()
    for other, (u, v) in PLACES.items()
    if max(abs(x - u), abs(y - v)) > 2 * max(SIZES.values())
]
"""Pairs of places where even two large ones do not touch."""
COUNTS = ("one", "two", "three")
UNSEEN_EACH = 6
"""One of so many pairs of a colour and a shape is kept from those who learn: one of each colour."""
KINDS = (0.6, 0.25, 0.15)
"""Shares of scenes with one thing, with two different ones, and with two or three alike in a row."""
WORDINGS = 3
"""English captions of a picture; a Chinese one comes on top."""

Words = dict[str, tuple[str, ...]]
ENGLISH: Words = {
    "small": ("small", "little", "tiny"),
    "large": ("large", "big", "huge"),
    "grey": ("grey", "gray"),
    "purple": ("purple", "violet"),
    "circle": ("circle", "disc", "dot"),
    "square": ("square", "box"),
    "ring": ("ring", "hoop"),
    "cross": ("cross", "plus"),
    "plain": ("", "", "", "plain"),
    "striped": ("striped", "stripy"),
    "dotted": ("dotted", "spotted"),
    "top": ("top", "at the top", "above"),
    "bottom": ("bottom", "at the bottom", "below"),
    "left": ("left", "on the left"),
    "right": ("right", "on the right"),
    "centre": ("centre", "in the centre", "in the middle"),
    "top left": ("top left", "in the top left corner", "upper left"),
    "top right": ("top right", "in the top right corner", "upper right"),
    "bottom left": ("bottom left", "in the bottom left corner", "lower left"),
    "bottom right": ("bottom right", "in the bottom right corner", "lower right"),
}
"""Ways to say it; what is not here is said as it is called."""
A_VOWEL = re.compile(r"\ba (?=[aeio])")
PLURALS = {"box": "boxes", "cross": "crosses", "plus": "pluses"}
CHINESE = {
    **{"small": "小", "large": "大", "plain": "", "striped": "条纹", "dotted": "圆点"},
    **{"one": "一", "two": "两", "three": "三"},
    **{"red": "红色", "orange": "橙色", "yellow": "黄色", "green": "绿色", "blue": "蓝色"},
    **{"purple": "紫色", "black": "黑色", "grey": "灰色"},
    **{"circle": "圆形", "square": "正方形", "triangle": "三角形", "star": "星形", "ring": "圆环", "cross": "十字"},
    **{"top": "上方", "bottom": "下方", "left": "左边", "right": "右边", "centre": "中间"},
    **{"top left": "左上角", "top right": "右上角", "bottom left": "左下角", "bottom right": "右下角"},
}


@dataclass(frozen=True)
class Thing:
    """One kind of shape in a scene; `count` of them in a row."""

    colour: str
    shape: str
    size: str
    texture: str
    place: str
    count: int = 1

    @property
    def is_unseen(self) -> bool:
        """Whether its colour and shape are never shown together to those who learn."""
        return (list(COLOURS).index(self.colour) + SHAPES.index(self.shape)) % UNSEEN_EACH == 0

    def spots(self) -> list[tuple[float, float, float]]:
        """(x, y, radius) of each, as shares of the side."""
        x, y = PLACES[self.place]
        if self.count == 1:
            return [(x, y, SIZES[self.size])]
        radius = SIZES[self.size] * (SMALLER if self.size == "large" else 1)
        return [((2 * number + 1) / (2 * self.count), y, radius) for number in range(self.count)]


@dataclass(frozen=True)
class Scene:
    things: tuple[Thing, ...]

    @property
    def is_unseen(self) -> bool:
        return any(thing.is_unseen for thing in self.things)


def make_scene(rng: np.random.Generator) -> Scene:
    """One by chance: each attribute evenly, and independent of the others."""
    kind = rng.choice(len(KINDS), p=KINDS)
    places = list(PLACES)
    if kind == 0:
        return Scene((_thing(rng, places[rng.integers(len(places))]),))
    if kind == 1:
        first, second = APART[rng.integers(len(APART))]
        return Scene((_thing(rng, first), _thing(rng, second)))
    return Scene((_thing(rng, ("top", "centre", "bottom")[rng.integers(3)], int(rng.integers(2, 4))),))


def _thing(rng: np.random.Generator, place: str, count: int = 1) -> Thing:
    colour, shape, size, texture = (
        names[rng.integers(len(names))] for names in (list(COLOURS), SHAPES, list(SIZES), TEXTURES)
    )
    return Thing(colour, shape, size, texture, place, count)


def captions(scene: Scene, rng: np.random.Generator) -> tuple[str, ...]:
    """`WORDINGS` different ways to say it in English, as far as they come by chance, then one in Chinese."""
    english = dict.fromkeys(_english(scene, rng) for _ in range(WORDINGS))
    return (*english, "，".join(_chinese(thing) for thing in scene.things))


def _english(scene: Scene, rng: np.random.Generator) -> str:
    pattern = int(rng.integers(4))
    joint = (", ", " and ", "; ")[rng.integers(3)]
    return A_VOWEL.sub("an ", joint.join(_phrase(thing, pattern, rng) for thing in scene.things))


def _phrase(thing: Thing, pattern: int, rng: np.random.Generator) -> str:
    def say(name: str) -> str:
        ways = ENGLISH.get(name, (name,))
        return ways[rng.integers(len(ways))]

    size, texture, colour, shape, place = (
        say(name) for name in (thing.size, thing.texture, thing.colour, thing.shape, thing.place)
    )
    many = thing.count > 1
    shape = PLURALS.get(shape, f"{shape}s") if many else shape
    number = COUNTS[thing.count - 1] if many else ("", "a", "one")[rng.integers(3)]
    if pattern == 3:
        what = f"{number or ('' if many else 'a')} {colour} {shape} {place}"
        return " ".join(f"{what}, {size}{f' and {texture}' if texture else ''}".split())
    said = f"{number} {size} {texture} {colour} {shape}"
    return " ".join((f"{place}: {said}" if pattern == 2 else f"{said} {place}").split())


def _chinese(thing: Thing) -> str:
    number = CHINESE[COUNTS[thing.count - 1]]
    texture, size = CHINESE[thing.texture], CHINESE[thing.size]
    return f"{CHINESE[thing.place]}{number}个{size}的{texture}{CHINESE[thing.colour]}{CHINESE[thing.shape]}"
