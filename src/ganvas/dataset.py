"""From a source of pictures to one checked array on disk, and from the array to batches.

A prepared folder holds `pictures-<digest>.npy` (uint8, N x height x width x channels), `works.jsonl` (what is known
about each picture, in the array's order) and `dataset.json` (the rest; written last). The digest is made of the
settings and of each picture's content, label and split: the same content has the same digest wherever it lies.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import decode, stored, words
from .decode import CROPS
from .errors import DataError, StorageError, UsageError
from .files import storage_errors
from .filling import ARRAY_NAME, Progress, fill, settings_of
from .sources.artwork import Artwork, Skipped, Source, printable
from .sources.find import built_in, find, name_clash
from .sources.walk import is_prepared, is_run

SIDES = range(8, 1025)  # of a prepared picture, px
FEWEST_TO_SPLIT = 20
"""Of fewer different pictures none is held out."""
ALPHA_SAMPLE = 200
"""Pictures looked at, at most, before transparency is kept or not."""
ALPHA_FROM = 0.5
"""Share of the pictures that use transparency from which on it is kept, when asked to decide."""
FOLDER_SIZE = (64, 64)  # (width, height) where pictures have no size of their own and none was asked for


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures ready to learn from; made by `prepare` or `open_dataset`.

    pictures: uint8 (N, stored height, stored width, C), memory-mapped, read only; larger than `size` for crop="random".
    labels: int64 (N,), an index into `label_names`, -1 for none.   is_test: bool (N,), the source's own test split.
    content: uint64 (N,), equal for identical pictures: the first 8 bytes of their sha256.
    kin: uint64 (N,), equal for pictures of one group, which are nearly the same; `content` where there is no group.
    size: (height, width) in px of what training sees.   digest: 64 hex digits of the content.
    """

    folder: Path
    source: str
    pictures: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    is_test: np.ndarray
    content: np.ndarray
    kin: np.ndarray
    digest: str
    size: tuple[int, int]
    settings: dict[str, Any]
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of what training sees."""
        return self.pictures.shape[3], *self.size

    @property
    def has_labels(self) -> bool:
        return bool(self.label_names)

    def works(self) -> Iterator[dict[str, Any]]:
        """What is known about each picture, in the array's order: name, sha256, label, split, licence, width, ..."""
        with (self.folder / "works.jsonl").open("rb") as file:
            for line in file:
                yield json.loads(line)

    def captions(self) -> list[tuple[str, ...]]:
        """What is said of each picture, in the array's order; () where nothing is."""
        return [words.tidy(stored.captions_of(work)) for work in self.works()]

    def split(self, holdout: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices (train, held out), int64, each ascending.

        Held out are the source's own test works and a share `holdout`, 0 <= holdout < 1, of the others. Who is held out
        depends on content and seed alone, so it stays when files are added, and identical pictures, or those of one
        group, are never on both sides. Of fewer than `FEWEST_TO_SPLIT` different pictures, those of the own test split
        not counted, each one is needed: no share of them is held out. Raises UsageError for another share, DataError
        when nothing is left to train on.
        """
        if not 0 <= holdout < 1:
            raise UsageError(f"Expected a holdout of 0 up to, not including, 1; found {holdout}.")
        held = self._with_kin(self.is_test)
        if len(np.unique(self.content[~held])) >= FEWEST_TO_SPLIT:
            held = self._with_kin(held | (_mix(self.kin, seed) / 2.0**64 < holdout))
        if held.all():
            raise DataError(
                f"{self.folder}: all {len(self)} works would be held out. Lower the holdout from {holdout}."
            )
        return np.flatnonzero(~held), np.flatnonzero(held)

    def _with_kin(self, held: np.ndarray) -> np.ndarray:
        """And whatever is the same picture or of the same group, or is that of one of these, and so on."""
        while True:
            more = np.isin(self.content, self.content[held])
            more |= np.isin(self.kin, self.kin[more])
            if (more == held).all():
                return more
            held = more

    def batch(self, indices: Sequence[int] | np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """uint8 (n, H, W, C), contiguous, a copy.

        places: (n, 2) in [0, 1): where between top and bottom, left and right, each picture is cut out of what was
        stored when prepared with crop="random"; the centre without them. Drawn by the caller, who may want them again.
        """
        height, width = self.size
        spare_rows, spare_columns = self.pictures.shape[1] - height, self.pictures.shape[2] - width
        if spare_rows == spare_columns == 0:
            return np.ascontiguousarray(self.pictures[indices])
        if places is None:
            corners = np.full((len(indices), 2), (spare_rows // 2, spare_columns // 2))
        else:
            corners = (places * (spare_rows + 1, spare_columns + 1)).astype(int)
        result = np.empty((len(indices), height, width, self.pictures.shape[3]), np.uint8)
        for row, (index, (top, left)) in enumerate(zip(indices, corners, strict=True)):
            result[row] = self.pictures[index, top : top + height, left : left + width]
        return result


def _mix(values: np.ndarray, seed: int) -> np.ndarray:
    """uint64 (N,) to uint64 (N,), well mixed, another way for each seed: SplitMix64 (Steele et al. 2014, fig. 16)."""
    values = values + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def open_dataset(folder: str | Path) -> Dataset:
    """A prepared folder, checked: it may come from a stranger. Raises DataError for what does not agree."""
    folder = Path(folder)
    found = stored.read_description(folder)
    names = tuple(printable(name) for name in found["label_names"])
    pictures = stored.open_pictures(folder, found["digest"], found["shape"])  # first: it bounds what is allocated below
    labels, is_test, content, kin = stored.read_works(
        folder / "works.jsonl", found["shape"][0], names, found["works_sha256"]
    )
    return Dataset(
        folder=folder,
        source=printable(found["source"]),
        pictures=pictures,
        labels=labels,
        label_names=names,
        is_test=is_test,
        content=content,
        kin=kin,
        digest=found["digest"],
        size=(found["settings"]["height"], found["settings"]["width"]),
        settings=found["settings"],
        skipped=tuple(Skipped(printable(entry["name"]), printable(entry["reason"])) for entry in found["skipped"]),
        warnings=tuple(map(printable, found["warnings"])),
        notes=tuple(map(printable, found["notes"])),
    )


def prepare(
    data: str | Path,
    size: int | str | tuple[int, int] | None = None,
    *,
    crop: str = "centre",
    alpha: bool | None = False,
    background: str = "white",
    channels: int | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Decode the pictures of `data` into one array on disk; at once when that was done before and nothing changed.

    data: a source's name ("digits", "shapes:500"), a folder of pictures or of idx files, or a prepared folder.
    size: 64, "96x64" (width x height) or (width, height), 8 to 1024 px; None for the size that the source has by
        nature, 64 for a folder of pictures.
    crop: "centre" cuts off what is too long, "fit" pads with the background, "random" cuts elsewhere each time.
    alpha: keep transparency as a 4th channel, else lay the pictures on `background`, a colour such as "#ff8800". None
        keeps it where at least half of the pictures use it (`share_transparent`) and `channels` is not given.
    channels: 1 or 3 forces grey or colour; None keeps grey pictures grey when all are.
    out: the folder to fill; None for one in the cache: $GANVAS_CACHE, $XDG_CACHE_HOME/ganvas or ~/.cache/ganvas.
    workers: threads that decode.   progress: called with (done, total or None) about ten times a second.

    What cannot be used is in the result's `skipped`, what deserves a look in `warnings`, what was decided in `notes`.
    Raises UsageError, UnknownName, DataError, NoPictures, StorageError.
    """
    asked_size = None if size is None else _parse_size(size)
    options = _options(asked_size or FOLDER_SIZE, crop, bool(alpha), background, channels)
    if workers is not None and workers < 1:
        raise UsageError(f"Expected at least 1 worker, found {workers}.")
    if data not in built_in() and is_prepared(Path(data)):
        return _open_prepared(Path(data), asked_size, options, out)
    source = find(data)
    share = share_transparent(source) if alpha is None and channels is None else 0.0
    options = replace(options, alpha=options.alpha or share >= ALPHA_FROM)
    if asked_size is None:
        width, height = source.native_size() or FOLDER_SIZE
        options = replace(options, width=width, height=height)
    settings = settings_of(options)
    target = _target(source, settings, out)
    fingerprint = source.fingerprint()
    dataset = _up_to_date(target, settings, fingerprint)
    if dataset is None:
        fill(target, source, options, fingerprint, workers or min(8, os.cpu_count() or 1), progress)
        dataset = open_dataset(target)
    if share:
        how = "kept" if options.alpha else "laid on the background"
        dataset = replace(dataset, notes=(*dataset.notes, f"alpha: {how}, as {share:.1%} of the pictures use it"))
    clash = name_clash(data)
    return replace(dataset, warnings=(clash, *dataset.warnings)) if clash else dataset


def share_transparent(source: Source, most: int = ALPHA_SAMPLE) -> float:
    """Share of pictures with a pixel that is not opaque, in [0, 1]; of at most `most` drawn by chance, always the same.

    0 where none can be read. Raises DataError, StorageError.
    """
    count = source.count()
    chosen = None if count is None else set(np.random.default_rng(0).choice(count, min(count, most), replace=False))
    with decode.quiet():
        found = [
            decode.uses_alpha(item.image)
            for number, item in enumerate(source.artworks())
            if isinstance(item, Artwork) and (number < most if chosen is None else number in chosen)
        ]
    known = [uses for uses in found if uses is not None]
    return sum(known) / len(known) if known else 0.0


def _parse_size(size: int | str | tuple[int, int]) -> tuple[int, int]:
    """(width, height)."""
    if isinstance(size, str):
        parts: Sequence[object] = [
            int(part) if re.fullmatch("[0-9]{1,4}", part) else part for part in re.split("[x×]", size.strip().lower())
        ]
    else:
        parts = list(size) if isinstance(size, tuple | list) else [size]
    sides = [part for part in parts if isinstance(part, int) and not isinstance(part, bool) and part in SIDES]
    if len(sides) != len(parts) or len(sides) not in (1, 2):
        raise UsageError(
            f"Expected a size such as 64 or 96x64 (width x height), {SIDES[0]} to {SIDES[-1]} px; found {size!r}."
        )
    return sides[0], sides[-1]


def _options(
    size: tuple[int, int], crop: str, alpha: bool, background: str, channels: int | None
) -> decode.DecodeOptions:
    if crop not in CROPS:
        raise UsageError(f"Expected a crop of {', '.join(CROPS)}; found {crop!r}.")
    if channels not in (None, 1, 3) or (alpha and channels is not None):
        raise UsageError(
            f"Expected 1 or 3 channels, and none given together with alpha; found {channels!r}, alpha={alpha}."
        )
    try:
        ground = decode.parse_colour(background)
    except ValueError:
        raise UsageError(f"Expected a background such as 'white' or '#ff8800'; found {background!r}.") from None
    return decode.DecodeOptions(*size, crop=crop, alpha=alpha, background=ground, channels=channels)


def _open_prepared(
    folder: Path, size: tuple[int, int] | None, options: decode.DecodeOptions, out: str | Path | None
) -> Dataset:
    """The prepared folder, unless something else was asked for than what it holds."""
    if out is not None and Path(out).resolve() != folder.resolve():
        raise UsageError(
            f"{folder} is prepared already, so there is nothing to write into {out}. Leave out the folder."
        )
    dataset = open_dataset(folder)
    asked, plain = settings_of(options), settings_of(decode.DecodeOptions(*FOLDER_SIZE))
    for key, value in asked.items():
        given = size is not None if key in ("width", "height") else value != plain[key]
        if given and dataset.settings.get(key) != value:
            held = dataset.settings.get(key)
            raise UsageError(
                f"{folder} was prepared with {key} {held}, not {value}. Prepare the pictures anew to change it."
            )
    return dataset


def cache_folder() -> Path:
    """Where prepared pictures and what was seen in them are kept. Raises StorageError."""
    if os.environ.get("GANVAS_CACHE"):
        return Path(os.environ["GANVAS_CACHE"])
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "ganvas"
    try:
        return Path.home() / ".cache" / "ganvas"
    except RuntimeError:
        raise StorageError("There is no home folder to cache in. Set GANVAS_CACHE or say where with `out`.") from None


def _target(source: Source, settings: dict[str, Any], out: str | Path | None) -> Path:
    """The folder to fill, after checking that nobody else's files are in the way."""
    if out is None:
        key = hashlib.sha256(json.dumps([source.name, os.fsdecode(source.folder or ""), settings]).encode()).hexdigest()
        slug = re.sub("[^A-Za-z0-9_-]+", "-", source.name)[:40]
        return cache_folder() / f"{slug}-{settings['width']}x{settings['height']}-{key[:12]}"
    with storage_errors(Path(out)):
        _check_target(Path(out), source)
    return Path(out)


def _check_target(target: Path, source: Source) -> None:
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target}: expected a folder to write into, found a file. Choose another `out`.")
    if source.folder is not None and target.resolve() == source.folder:
        raise UsageError(f"{target} is the folder of pictures itself. Choose another `out`.")
    if is_run(target):
        raise UsageError(f"{target} is a run and stays as it is. Choose another `out`.")
    inside = source.folder is not None and source.folder in target.resolve().parents
    if inside and not is_prepared(target) and target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} is a part of the pictures themselves. Choose another `out`.")
    if not is_prepared(target):
        foreign = [name for name in ("dataset.json", "works.jsonl") if (target / name).exists()]
        if foreign and not any(ARRAY_NAME.fullmatch(path.name) for path in target.iterdir()):
            raise UsageError(
                f"{target / foreign[0]} is not from ganvas prepare and stays as it is. Choose another `out`."
            )


def _up_to_date(target: Path, settings: dict[str, Any], fingerprint: str) -> Dataset | None:
    if not is_prepared(target):
        return None
    try:
        found = stored.read_description(target)
        same = found["settings"] == settings and found["fingerprint"] == fingerprint
        return open_dataset(target) if same else None
    except DataError:  # damaged: made anew
        return None
