"""Base models: small players that draw already, shipped with the program, to start from: `--from drawings`.

Each is a safetensors file, NAME-SIDE.safetensors, with both players' weights and the settings that they learned by, and
a card, NAME-SIDE.md: from which pictures, under which licence, how. `python bench/bases.py` makes them anew.
"""

import math
import re
from pathlib import Path

FOLDER = Path(__file__).parent
FILE = re.compile(r"([a-z]+)-([0-9]+)\.safetensors")


def files() -> dict[tuple[str, int], Path]:
    """The base models' files, by name and by the side of their pictures in pixels."""
    found = {path: FILE.fullmatch(path.name) for path in sorted(FOLDER.glob("*.safetensors"))}
    return {(match[1], int(match[2])): path for path, match in found.items() if match}


def names() -> list[str]:
    """What can be asked for, sorted."""
    return sorted({name for name, _ in files()})


def nearest_to(name: str, shape: tuple[int, int, int]) -> Path:
    """The file of the base model called so whose pictures' size is nearest to these. Raises KeyError."""
    side = math.sqrt(shape[1] * shape[2])
    sides = {s: path for (called, s), path in files().items() if called == name}
    if not sides:
        raise KeyError(name)
    return sides[min(sides, key=lambda s: abs(math.log(s / side)))]
