"""What a source of pictures yields, and what every source offers.

A new origin of pictures is one file in this folder: a class with the members of `Source`, registered by
`@sources.register("name")`. A class with `reads_folders = True` is made with the folder's path and also has
`recognises(folder: Path) -> bool`; any other is made without arguments.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

# Control characters, line separators, what turns the direction of text, lone surrogates.
UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


@dataclass(frozen=True)
class Artwork:
    """One picture with what is known about it; None where nothing is known.

    name: unique in its source: the path relative to the folder, "digits/00012", "train/00031".
    image: the path of a picture file, or uint8 pixels (H, W) or (H, W, C).
    label: the name of its class.   split: "train" or "test".
    texts: its captions, each on one line.   consent: what its author allows, in words or as a link.
    group: the same for pictures that are nearly the same; they are never on both sides of a split.
    """

    name: str
    image: Path | np.ndarray
    label: str | None = None
    split: str = "train"
    texts: tuple[str, ...] = ()
    author: str | None = None
    licence: str | None = None
    source: str | None = None
    consent: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Skipped:
    """Something that was found and cannot be used. `reason` completes the sentence "`name` ..."."""

    name: str
    reason: str


class Source(Protocol):
    """Where pictures come from. Making one does no reading; the first call of a method may scan."""

    name: str
    """For people: "digits", or the folder's name."""
    folder: Path | None
    """The folder it reads, absolute, or None when the pictures come with the program."""
    warnings: list[str]
    """What the user should look at; complete when `artworks` has ended."""
    notes: list[str]
    """What was decided, such as where the labels come from; complete when `artworks` has ended."""

    def native_size(self) -> tuple[int, int] | None:
        """(width, height) in pixels when all pictures have one size by nature, else None."""
        ...

    def count(self) -> int | None:
        """How many things `artworks` will yield, None when that is not known beforehand."""
        ...

    def fingerprint(self) -> str:
        """Changes when a file changes; made of names, sizes and times, without reading pixels."""
        ...

    def artworks(self) -> Iterator[Artwork | Skipped]:
        """All works in an order that does not change, in flat memory. Raises DataError."""
        ...


def printable(text: str) -> str:
    """`text` with what a terminal or a log could stumble on (control characters, lone surrogates) escaped."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts names as people do: "2" before "10", "class 2" before "class 10"."""
    parts = re.split("([0-9]+)", name)
    numbers = [part.lstrip("0") for part in parts]
    return [(index % 2, len(numbers[index]) if index % 2 else 0, part) for index, part in enumerate(numbers)]


def some(names: Iterable[str], count: int, shown: int = 3) -> str:
    """The first few of `count` names for a message: "a.png, b.png, c.png and 9 more"."""
    first = [name for name, _ in zip(names, range(shown), strict=False)]
    rest = count - len(first)
    return ", ".join(first) + (f" and {rest} more" if rest > 0 else "")
