"""`ganvas sample`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from ..errors import UsageError
from . import common


def sample_verb(arguments: list[str]) -> None:
    import tyro

    @dataclass(frozen=True)
    class Sample:
        """Draw new works: PNG files named by their seeds, a grid, or one array of many.

        The same seed gives the same work, however many are drawn. Each PNG carries run, recipe, seed, label and
        truncation as text.
        """

        run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
        """A run folder, or an ema.safetensors file."""
        count: int = 16
        """How many."""
        out: Path = field(default=Path("works"))
        """Folder for the PNG files and the grid."""
        seed: int = 0
        """The first work's seed; the next ones count up."""
        label: Annotated[str | None, tyro.conf.arg(metavar="LABEL")] = None
        """Draw only this label ("none": without one). By default each work's seed chooses."""
        truncation: float = 1.0
        """1: full variety; towards 0: more typical, more alike."""
        like: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """A work's PNG file: draws that work again, by what the file says of it, as again.png."""
        best: bool = False
        """Draw by the best generator, kept by train --evaluate-every, instead of the newest."""
        grid: bool = False
        """All works on one sheet, grid.png, instead of a file each."""
        columns: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
        """Works in a row of the grid; by default about as many as rows."""
        npz: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Instead of PNG files one .npz with arr_0, uint8 N x H x W x C; for 10,000 works and more."""
        batch_size: int = 100
        """Works drawn at once."""

    asked = common.parse(Sample, "sample", arguments)
    if asked.like and (asked.grid or asked.npz):
        raise UsageError("--like draws one work as a PNG; leave out --grid and --npz.")
    if asked.grid and asked.npz:
        raise UsageError("--grid and --npz are two kinds of output; ask for one.")
    from ..opening import open_model
    from ..works import save_files, save_grid, save_npz

    if asked.like:
        draw_again(asked)
        return
    model, choice = open_model(asked.run, asked.best), (asked.count, asked.seed, asked.label, asked.truncation)
    if asked.npz:
        made = common.with_bar("Drawing", lambda bar: save_npz(model, asked.npz, *choice, asked.batch_size, bar))
    elif asked.grid:
        made = save_grid(model, asked.out / "grid.png", *choice, asked.columns)
    else:
        common.with_bar("Drawing", lambda bar: save_files(model, asked.out, *choice, bar))
        made = asked.out
    print(f"{asked.count:,} works by {model.name}: {made}")


def draw_again(asked: Any) -> None:
    from ..explore.points import same_model
    from ..files import make_folder
    from ..opening import open_model

    model = open_model(asked.run, asked.best)
    for warning in same_model([str(asked.like)], model.fingerprint):
        print(f"Warning: {warning}")
    out = asked.out / "again.png"
    if out.resolve() == asked.like.resolve():
        raise UsageError(f"{out} would be written over the work itself. Choose another folder: --out")
    (work,) = model.draw([model.like(asked.like)])
    make_folder(asked.out)
    print(f"{asked.like} again: {work.save(out)}")
