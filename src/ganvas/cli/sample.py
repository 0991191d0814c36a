"""`ganvas sample`."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..errors import DataError, UsageError
from . import common

if TYPE_CHECKING:
    from ..model import Model
    from ..prompts import Prompt


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
        text: tuple[str, ...] = ()
        """What the works are to show, of a run that learned from captions; two texts are mixed."""
        text_file: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """A text a line: so many works of each, in folders 001, 002, ...; in a grid a row of each."""
        shares: tuple[float, ...] = ()
        """How much each of several texts counts: 0.7 0.3."""
        guidance: float = 1.0
        """Above 1 words count for more than they did in training; at 0 for nothing."""
        weights: str = ""
        """How much single words count: "red:1.5 circle:0.7"."""
        best_of: int = 1
        """Draws so many works for each, and keeps the one that suits the text best."""
        temperature: float = 1.0
        """With --text, of the recipe tokens: below 1 what is likely is likelier still, above 1 less so."""
        top_k: int = 0
        """With --text, of the recipe tokens: choose from so many of the likeliest codes only; 0: from all."""
        complete: Annotated[Path | None, tyro.conf.arg(metavar="PICTURE")] = None
        """A picture of yours that the works go on with, of the recipe tokens; its half --keep is given."""
        keep: Literal["top", "left"] = "top"
        """The half of the picture to complete that is kept."""
        text_encoder: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Where the sentence model lies now that reads the run's captions, if it was moved."""
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
    check_together(asked)
    from ..config import check
    from ..opening import open_model
    from ..works import save_files, save_grid, save_npz

    if asked.like:
        draw_again(asked)
        return
    prompts = prompts_of(asked)
    model = open_model(asked.run, asked.best, asked.text_encoder)
    reads_all = model.config.text_encoder is not None
    for prompt in prompts:
        for warning in [] if prompt is None else prompt.warnings(model.config.words, reads_all):
            print(f"Warning: {warning}")
    if asked.complete:
        print(complete(model, asked, prompts[0]))
        return
    choice = (asked.count, asked.seed, asked.label, asked.truncation)
    if asked.npz:
        check(len(prompts) == 1, "--npz", asked.npz, "left out with --text-file")
        path, size = asked.npz, asked.batch_size
        made = common.with_bar("Drawing", lambda bar: save_npz(model, path, *choice, prompts[0], size, bar))
    elif asked.grid:
        columns = asked.count if len(prompts) > 1 else asked.columns
        made = save_grid(model, asked.out / "grid.png", *choice, prompts, columns)
    else:
        for number, prompt in enumerate(prompts, 1):
            folder = asked.out if len(prompts) == 1 else asked.out / f"{number:03d}"
            common.with_bar("Drawing", partial(save_files, model, folder, *choice, prompt))
        made = asked.out
    print(f"{asked.count * len(prompts):,} works by {model.name}: {made}")


def check_together(asked: Any) -> None:
    """Raises UsageError for options that exclude each other."""
    if asked.like and (asked.grid or asked.npz):
        raise UsageError("--like draws one work as a PNG; leave out --grid and --npz.")
    if asked.complete and (asked.like or asked.text_file or asked.grid or asked.npz):
        raise UsageError("--complete draws PNG files; leave out --like, --text-file, --grid and --npz.")
    if asked.keep != "top" and not asked.complete:
        raise UsageError("--keep says which half of a picture is kept; name the picture with --complete.")
    if asked.like and (asked.text or asked.text_file or given_about_words(asked)):
        raise UsageError("--like draws a work as its file says; leave out --text and what weighs its words.")
    if asked.grid and asked.npz:
        raise UsageError("--grid and --npz are two kinds of output; ask for one.")


def prompts_of(asked: Any) -> "list[Prompt | None]":
    """What was asked in words: one prompt, one for each line of a file, or [None]. Raises UsageError, DataError."""
    from ..config import check
    from ..prompts import Prompt, parse_weights

    weights = parse_weights(asked.weights)
    if asked.text and asked.text_file:
        raise UsageError("--text and --text-file both say what to draw; give one.")
    if asked.text_file is None and not asked.text:
        if given := given_about_words(asked):
            raise UsageError(f"--{given[0]} says how words are drawn; say which with --text.")
        return [None]
    how = (asked.best_of, asked.temperature, asked.top_k)
    if asked.text_file is None:
        return [Prompt(asked.text, asked.shares, asked.guidance, weights, *how)]
    check(not asked.shares, "--shares", asked.shares, "left out with --text-file, whose texts are not mixed")
    try:
        lines = asked.text_file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{asked.text_file}: expected text in UTF-8, a prompt a line; it cannot be read ({error})."
        ) from None
    prompts = [Prompt((line.strip(),), (), asked.guidance, weights, *how) for line in lines if line.strip()]
    if not prompts:
        raise DataError(f"{asked.text_file}: expected a prompt a line, found none.")
    return list(prompts)


def given_about_words(asked: Any) -> list[str]:
    """The options given that mean something with words only."""
    usual = {"shares": (), "weights": "", "guidance": 1.0, "best_of": 1, "temperature": 1.0, "top_k": 0}
    return [name.replace("_", "-") for name, value in usual.items() if getattr(asked, name) != value]


def complete(model: "Model", asked: Any, prompt: "Prompt | None") -> str:
    """Works that go on with a picture, named by their seeds. returns: what to print."""
    from ..files import make_folder

    label = "none" if asked.label is None else asked.label
    options = {"label": label, "truncation": asked.truncation, "text": prompt}
    works = model.complete(asked.complete, asked.keep, asked.count, asked.seed, **options)
    make_folder(asked.out)
    for number, work in enumerate(works, asked.seed):
        work.save(asked.out / f"complete-{number:06d}.png")
    return f"{asked.count:,} works by {model.name} from the {asked.keep} of {asked.complete}: {asked.out}"


def draw_again(asked: Any) -> None:
    from ..explore.points import same_model
    from ..files import make_folder
    from ..opening import open_model

    model = open_model(asked.run, asked.best, asked.text_encoder)
    for warning in same_model([str(asked.like)], model.fingerprint):
        print(f"Warning: {warning}")
    out = asked.out / "again.png"
    if out.resolve() == asked.like.resolve():
        raise UsageError(f"{out} would be written over the work itself. Choose another folder: --out")
    (work,) = model.draw([model.like(asked.like)])
    make_folder(asked.out)
    print(f"{asked.like} again: {work.save(out)}")
