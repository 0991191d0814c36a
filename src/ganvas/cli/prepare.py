"""`ganvas prepare`."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from . import common


def prepare_verb(arguments: list[str]) -> None:
    import tyro

    from ..dataset import CROPS

    @dataclass(frozen=True)
    class Prepare:
        """Decode, crop and check pictures once, into one memory-mapped array.

        Pictures that cannot be used are skipped, with the reason on the terminal and in dataset.json. The same call
        again is instant.
        """

        data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
        """A source's name (digits, shapes, shapes:500, openmoji) or a path: a folder of pictures, or of idx files."""
        out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Folder for the array; by default ganvas's cache."""
        size: Annotated[str | None, tyro.conf.arg(metavar="SIZE")] = None
        """Pixels: 64, or 96x64 (width x height). By default 64; the pictures' own size for digits and idx files."""
        crop: Literal[CROPS] = "centre"  # type: ignore[valid-type]
        """centre: fill the size and cut; fit: show all, padded; random: cut anew at each look. Never squashed."""
        alpha: bool = False
        """Keep transparency as a fourth channel."""
        background: str = "white"
        """Colour under transparent pictures and around fitted ones: a name or #rrggbb."""
        channels: Literal[1, 3] | None = None
        """Force grey (1) or colour (3); by default grey only when all pictures are grey."""
        workers: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
        """Threads that decode; by default one for each core."""

    asked = common.parse(Prepare, "prepare", arguments)
    from ..dataset import prepare
    from ..training.few import few_warnings
    from ..training.sides import sides

    options = {name: getattr(asked, name) for name in ("crop", "alpha", "background", "channels", "out", "workers")}
    dataset = common.with_bar(
        "Preparing pictures", lambda progress: prepare(asked.data, asked.size, progress=progress, **options)
    )
    common.report(dataset)
    for warning in few_warnings(dataset):
        print(f"Warning: {warning}")
    found = sides(dataset)
    if found is not None:
        print(found.sentence())
    print(f"Ready in {dataset.folder}\nLearn from it with: ganvas train {shlex.quote(str(dataset.folder))}")
