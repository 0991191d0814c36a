"""`ganvas explore`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..errors import UsageError
from . import common

if TYPE_CHECKING:
    from ..explore.latent import Latent
    from ..model import Model


def explore_verb(arguments: list[str]) -> None:
    import tyro

    @dataclass(frozen=True)
    class Explore:
        """Walk through what a model can draw, mix its works, steer them, breed new ones.

        Say one of --walk, --mix, --breed, --directions, --steer, --teach, --words, --invert, --neighbours, --tile,
        --sprites, --poster, --upscale. A work is named by its seed, or by the PNG file that ganvas made of it. What
        comes out carries how it was made, and can be drawn again from its file alone: ganvas sample RUN --like FILE
        """

        run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
        """A run folder, or an ema.safetensors file."""
        walk: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="WORK")] = None
        """A film through these works and back to the first, without a seam: --walk seeds 1 2 3"""
        mix: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="WORK")] = None
        """A matrix of works, each a row's with a column's style at --layers: --mix rows 1 2 3 cols 4 5 6"""
        breed: Annotated[tuple[str, str] | None, tyro.conf.arg(metavar="WORK")] = None
        """Children of two works, each layer from one of them by chance: --breed 1 2 --count 8"""
        directions: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
        """Find so many directions by each --method, name them after what they change, and draw a strip of each."""
        steer: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="WORK")] = None
        """Draw these works again, further along --direction by --amount: --steer 1 2 --direction size --amount 2"""
        teach: Annotated[tuple[Path, ...] | None, tyro.conf.arg(metavar="FOLDER")] = None
        """Learn a direction from your favourites, folders of works that you like more and less: --teach more/ less/
        --name bolder"""
        words: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
        """Which word does what: works of this text, without each of its words, and with each --swap; of a run that
        learned from captions."""
        swap: tuple[str, ...] = ()
        """With --words: a word in the place of another: --swap red:blue"""
        invert: Annotated[tuple[Path, ...] | None, tyro.conf.arg(metavar="FILE")] = None
        """Enter pictures of your own: draw them as the model would, and say when one is far from what it knows. What
        comes out is a work like any other."""
        neighbours: Annotated[str | None, tyro.conf.arg(metavar="WORK")] = None
        """Draw variations near a work; with --away move it until it is no near-copy of a training picture."""
        away: bool = False
        """With --neighbours: move the work away from what the model learned from, no farther than it takes."""
        near: float = 0.3
        """How near variations are: 0.3 is a relative, 1 another work of the kind."""
        tile: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="WORK")] = None
        """Draw these works as textures that repeat without a seam, each also repeated three times."""
        sprites: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="WORK")] = None
        """A sheet of these works for a game, with their transparency, and a JSON atlas beside it."""
        poster: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="WORK")] = None
        """Lay these works out on a sheet of --paper, for printing at --dpi: --poster 1-24"""
        upscale: Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="WORK")] = None
        """Draw these works --factor times as large."""
        factor: int = 4
        """How many times as large, a whole number."""
        filter: Literal["smooth", "pixels"] = "smooth"
        """To enlarge by: smooth (Lanczos), or pixels that stay squares, for pixel art."""
        paper: str = "a3"
        """Of a poster: a5 to a0, such as a3-landscape, or width x height in mm: 300x400."""
        dpi: int = 150
        """Dots an inch of a poster's print."""
        margin: float = 15.0
        """White around a poster's works, in mm."""
        out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Where to: a film (.mp4, .webp, .gif), a sheet (.png) or a folder; by default in the folder "explored"."""
        seconds: float = 10.0
        """How long a walk takes until it is back."""
        fps: int = 30
        """Frames a second."""
        path: Literal["spline", "slerp"] = "spline"
        """How to walk: without corners, or along the shortest arcs."""
        cells: int = 1
        """So many walks side by side; those after the first go through the seeds that follow."""
        layers: str = "fine"
        """Which styles to mix: coarse (shape), middle, fine (colour, texture), all, or numbers such as 0,1,4-6."""
        method: tuple[Literal["sefa", "pca", "label"], ...] = ("sefa", "pca", "label")
        """How to find directions: sefa (in closed form), pca (what varies most), label (from other labels to one)."""
        direction: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
        """A direction by its name, or by how it was found, such as "sefa 3"."""
        amount: float = 2.0
        """How far to steer, in deviations among works; -3 to 3 is usual."""
        name: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
        """What to call the direction that you teach."""
        count: int = 16
        """How many children, or variations."""
        seed: int = 0
        """The number of the first child or variation; the next ones count up."""
        label: Annotated[str | None, tyro.conf.arg(metavar="LABEL")] = None
        """Draw seeds with this label ("none": without one). By default each seed chooses."""
        truncation: float = 1.0
        """Of works named by seeds: 1 is full variety; towards 0: more typical, more alike."""
        scale: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
        """Each pixel becomes a square of so many; by default small works are enlarged."""
        text_encoder: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
        """Where the sentence model lies now that reads the run's captions, if it was moved."""
        best: bool = False
        """Draw by the best generator, kept by train --evaluate-every, instead of the newest."""

    asked: Any = common.parse(Explore, "explore", arguments)
    verbs = {
        "walk": walk,
        "mix": mix,
        "breed": breed,
        "directions": directions,
        "steer": steer,
        "teach": teach,
        "words": words,
        "invert": invert,
        "neighbours": neighbours,
        "tile": tile,
        "sprites": sprites,
        "poster": poster,
        "upscale": upscale,
    }
    wanted = [name for name in verbs if getattr(asked, name) is not None]
    if len(wanted) != 1:
        which = " and ".join(f"--{name}" for name in wanted) or "nothing"
        every = ", ".join(f"--{name}" for name in verbs)
        raise UsageError(f"Say one thing to do of {every}; not {which}. See: ganvas explore --help")
    from ..opening import open_model

    print(verbs[wanted[0]](open_model(asked.run, asked.best, asked.text_encoder), asked))


def warn(model: "Model", words: Sequence[str]) -> None:
    """Says which of the works that the user named another generator drew."""
    from ..explore.points import same_model

    for warning in same_model(words, model.fingerprint):
        print(f"Warning: {warning}")


def works(model: "Model", asked: Any, words: Sequence[str]) -> "list[Latent]":
    from ..explore.points import latents_of

    warn(model, words)
    return latents_of(words, model.drawer, asked.label, asked.truncation)


def seeds_of(asked: Any) -> dict[str, Any]:
    """How works that are named by their seeds are drawn, and how large."""
    return {"label": asked.label, "truncation": asked.truncation, "scale": asked.scale}


def walk(model: "Model", asked: Any) -> str:
    from ..explore.points import seeds_word
    from ..steering import save_walk

    out, words = asked.out or Path("explored/walk.mp4"), seeds_word(asked.walk)
    warn(model, words)
    options = {name: getattr(asked, name) for name in ("seconds", "fps", "path", "cells")} | seeds_of(asked)
    frames = common.with_bar("Drawing", lambda bar: save_walk(model, words, out, **options, progress=bar))
    return f"{frames} frames, {asked.seconds:g} seconds: {out}"


def mix(model: "Model", asked: Any) -> str:
    from ..steering import save_matrix

    out = asked.out or Path("explored/mix.png")
    warn(model, asked.mix)
    rows, columns = save_matrix(model, asked.mix, out, layers=asked.layers, **seeds_of(asked))
    return f"{rows} x {columns} works, {asked.layers} styles of the columns: {out}"


def breed(model: "Model", asked: Any) -> str:
    from ..steering import save_children

    a, b = works(model, asked, asked.breed)
    out = asked.out or Path("explored/children")
    save_children(model, a, b, out, asked.count, asked.seed)
    return f"{asked.count} children of {' and '.join(asked.breed)}: {out}"


def directions(model: "Model", asked: Any) -> str:
    from ..steering import save_strips

    found = model.directions(asked.directions, asked.method)
    out = asked.out or (model.folder or Path("explored")) / "directions"
    for one, path in zip(found, save_strips(model, found, out, asked.scale), strict=True):
        changes = sorted(one.effects.items(), key=lambda item: -abs(item[1]))[:3]
        told = ", ".join(f"{name} {value:+.2f}" for name, value in changes)
        print(
            f"{one.name}: {one.method} {one.number}, {one.layers} layers, purity {one.purity:.0%} ({told}) {path.name}"
        )
    return f"{len(found)} directions: {out}"


def steer(model: "Model", asked: Any) -> str:
    from ..explore.points import seeds_word
    from ..explore.store import pick
    from ..steering import save_steered

    if asked.direction is None:
        raise UsageError("Say where to: --direction NAME. Those of this run: ganvas explore RUN --directions 8")
    words = seeds_word(asked.steer)
    direction = pick(model.known_directions(), asked.direction)
    out = asked.out or Path("explored/steered")
    paths = save_steered(model, works(model, asked, words), direction, asked.amount, out)
    return f"{len(paths)} works, {asked.amount:+g} along {direction.name}: {out}"


def teach(model: "Model", asked: Any) -> str:
    from ..explore.points import works_in
    from ..steering import save_strips

    if not 1 <= len(asked.teach) <= 2 or asked.name is None:
        raise UsageError("Say what you like more, perhaps what less, and a name: --teach more/ less/ --name bolder")
    folders = [works_in(folder) for folder in asked.teach]
    more, less = (works(model, asked, words) for words in [*folders, []][:2])
    direction = model.teach(more, less, asked.name)
    out = asked.out or (model.folder or Path("explored")) / "directions"
    (path,) = save_strips(model, [direction], out, asked.scale)
    against = f"{len(less)} that you like less" if less else "works at random"
    return f"{direction.name}: learned from {len(more)} works against {against}, purity {direction.purity:.0%}: {path}"


def words(model: "Model", asked: Any) -> str:
    from ..prompts import Prompt
    from ..steering import save_rewordings

    for warning in Prompt((asked.words,)).warnings(model.config.words, model.config.text_encoder is not None):
        print(f"Warning: {warning}")
    out = asked.out or Path("explored/words.png")
    found = save_rewordings(
        model, asked.words, out, asked.swap, range(asked.seed, asked.seed + 4), asked.truncation, asked.scale
    )
    for name, (size, gain) in sorted(found.items(), key=lambda item: -item[1][0]):
        suits = "" if gain is None else f", their match with the whole text by {gain:+.3f}"
        print(f"{name}: works change by {size:.3f}{suits}")
    return f"What each word of {asked.words!r} does: {out}"


def invert(model: "Model", asked: Any) -> str:
    from ..steering import save_inverted

    if not asked.invert:
        raise UsageError("Name at least one picture: --invert picture.png")
    out = asked.out or Path("explored/entered")
    found = common.with_stages(
        lambda progress: save_inverted(model, asked.invert, out, progress, asked.scale), is_quiet=False
    )
    for path, one in zip(asked.invert, found, strict=True):
        print(f"{path.name}: off by {one.error:.3f}")
        if one.warning:
            print(f"Warning: {one.warning}")
    return f"{len(found)} pictures as works: {out}"


def neighbours(model: "Model", asked: Any) -> str:
    from ..steering import save_away, save_neighbours

    (latent,) = works(model, asked, [asked.neighbours])
    out = asked.out or Path("explored/neighbours")
    if not asked.away:
        save_neighbours(model, latent, out, asked.near, asked.count, asked.seed)
        return f"{asked.count} works near {asked.neighbours}: {out}"
    found = save_away(model, latent, out, asked.seed)
    if found is None:
        raise UsageError(
            f"{asked.neighbours} stays too near to a training picture, however it was moved. Try another work, or "
            "another --seed."
        )
    told = f"{found.before:.2f} of the least distance that is new"
    if found.amount == 0:
        return f"{asked.neighbours} is no near-copy as it is ({told}): {out}"
    return f"{asked.neighbours} was at {told}, and is at {found.after:.2f} now, moved by {found.amount:.2f}: {out}"


def named(model: "Model", asked: Any, words: Sequence[str]) -> "list[Latent]":
    """The works of a list that may begin with the word "seeds"; a range such as 1-24 stands for all its seeds."""
    from ..explore.points import spelled_out

    return works(model, asked, spelled_out(words))


def tile(model: "Model", asked: Any) -> str:
    from ..steering import save_tiles

    out = asked.out or Path("explored/tiles")
    paths = save_tiles(model, named(model, asked, asked.tile), out, repeat=3, scale=asked.scale)
    return f"{len(paths)} textures: {out}"


def sprites(model: "Model", asked: Any) -> str:
    from ..steering import save_sprite_sheet

    out = asked.out or Path("explored/sprites.png")
    latents = named(model, asked, asked.sprites)
    save_sprite_sheet(model, latents, out)
    return f"{len(latents)} sprites: {out}, {out.with_suffix('.json').name}"


def poster(model: "Model", asked: Any) -> str:
    from ..explore.prints import save_poster

    out = asked.out or Path("explored/poster.png")
    latents = named(model, asked, asked.poster)
    columns, rows = save_poster(model.drawn(latents), out, asked.paper, asked.dpi, asked.margin, by=asked.filter)
    return f"{len(latents)} works in {columns} columns and {rows} rows, {asked.paper} at {asked.dpi} dpi: {out}"


def upscale(model: "Model", asked: Any) -> str:
    from ..steering import save_upscaled

    out = asked.out or Path("explored/upscaled")
    paths = save_upscaled(model, named(model, asked, asked.upscale), out, asked.factor, asked.filter)
    return f"{len(paths)} works, {asked.factor} times as large: {out}"
