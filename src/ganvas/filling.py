"""From a source of pictures to the files of a prepared folder: streaming, in flat memory, nothing half there."""

import contextlib
import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import IO, Any

from . import decode, stored
from .arrayfile import ArrayWriter, array_writer, remove_stale
from .errors import NoPictures
from .files import make_folder, new_file, storage_errors
from .sources.artwork import Artwork, Skipped, Source, natural_key, some
from .words import Tally

IN_FLIGHT = 4  # pictures for each worker
PROGRESS_SECONDS = 0.1
ARRAY_NAME = re.compile("pictures-[0-9a-f]{12}[.]npy")
Progress = Callable[[int, int | None], None]
Outcome = decode.Decoded | str  # the picture, or why it is skipped


def settings_of(options: decode.DecodeOptions) -> dict[str, Any]:
    """What decides on the pixels, for dataset.json and for the digest."""
    return {
        "width": options.width,
        "height": options.height,
        "crop": options.crop,
        "alpha": options.alpha,
        "background": list(options.background),
        "channels": options.channels,
        "decoder": decode.ALPHA_VERSION if options.alpha else decode.VERSION,
    }


def fill(
    target: Path,
    source: Source,
    options: decode.DecodeOptions,
    fingerprint: str,
    workers: int,
    progress: Progress | None,
) -> None:
    """Writes the array, works.jsonl and, last, dataset.json into the folder `target`; older ones of ours are replaced.

    Raises NoPictures, StorageError, and what the source raises; then nothing has changed.
    """
    with storage_errors(target):
        is_new = not target.exists()
    make_folder(target)
    remove_stale(target)
    try:
        digest = _write(target, source, options, fingerprint, workers, progress)
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):  # not empty: somebody else put something there
                target.rmdir()
        raise
    for path in target.iterdir():
        if ARRAY_NAME.fullmatch(path.name) and path.name != stored.array_name(digest):
            with contextlib.suppress(OSError):  # on Windows a run that uses it keeps it; it goes next time
                path.unlink()


def _write(
    target: Path,
    source: Source,
    options: decode.DecodeOptions,
    fingerprint: str,
    workers: int,
    progress: Progress | None,
) -> str:
    """Returns the digest. All that can fail for want of space is done before the first file gets its name."""
    width, height = options.stored_size
    channels = 4 if options.alpha else options.channels or 1
    with (
        decode.quiet(),
        new_file(target / "dataset.json") as described,  # entered first, so it gets its name last
        new_file(target / "works.jsonl") as works,
        array_writer(target, height, width, channels) as array,
    ):
        record = _Record(options, works)
        _stream(source, options, workers, progress, array, record)
        if not array.count:
            raise NoPictures(_nothing(source, record.skipped))
        shape = (array.count, height, width, array.channels)
        described.write(json.dumps(record.description(source, fingerprint, shape), indent=1).encode() + b"\n")
        for file in (described, works):
            file.flush()
            os.fsync(file.fileno())
        array.finish(target / stored.array_name(record.digest.hexdigest()))
    return record.digest.hexdigest()


def _stream(
    source: Source,
    options: decode.DecodeOptions,
    workers: int,
    progress: Progress | None,
    array: ArrayWriter,
    record: "_Record",
) -> None:
    total, done, shown = source.count(), 0, -PROGRESS_SECONDS
    with contextlib.closing(_decoded(source.artworks(), options, workers)) as outcomes:
        for done, (item, outcome) in enumerate(outcomes, 1):
            if progress is not None and monotonic() - shown >= PROGRESS_SECONDS:
                progress(done - 1, total)
                shown = monotonic()
            if isinstance(outcome, str):
                record.skipped.append({"name": item.name, "reason": outcome})
            elif isinstance(item, Artwork):
                array.append(outcome.pixels)
                record.add(item, outcome)
    if progress is not None:
        progress(done, total)


def _nothing(source: Source, skipped: list[dict[str, str]]) -> str:
    where = source.folder or source.name
    if not skipped:
        return f"{where}: expected pictures, found none. Give a folder that holds PNG, JPEG or other picture files."
    reasons = "; ".join(f"{entry['name']} {entry['reason']}" for entry in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"{where}: expected pictures, but none of {len(skipped)} files can be used: {reasons}{more}."


def _attempt(artwork: Artwork, options: decode.DecodeOptions) -> Outcome:
    try:
        return decode.decode(artwork.image, options)
    except decode.SkipPicture as reason:
        return str(reason)


def _decoded(
    artworks: Iterable[Artwork | Skipped], options: decode.DecodeOptions, workers: int
) -> Generator[tuple[Artwork | Skipped, Outcome]]:
    """In order, with a bounded number in flight. Threads, because Pillow lets go of the interpreter while it works."""
    window: deque[tuple[Artwork | Skipped, Outcome | Future[Outcome]]] = deque()

    def first() -> tuple[Artwork | Skipped, Outcome]:
        item, outcome = window.popleft()
        return item, outcome.result() if isinstance(outcome, Future) else outcome

    with ThreadPoolExecutor(workers, thread_name_prefix="ganvas-decode") as pool:
        try:
            for item in artworks:
                if isinstance(item, Skipped):
                    window.append((item, item.reason))
                elif isinstance(item.image, Path):
                    window.append((item, pool.submit(_attempt, item, options)))
                else:  # an array is done sooner than it is handed over
                    window.append((item, _attempt(item, options)))
                if len(window) >= IN_FLIGHT * workers:
                    yield first()
            while window:
                yield first()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Record:
    """What is written about the pictures while they stream by.

    Nothing in it grows with their number but `skipped`; with the number of different words, what counts them.
    """

    def __init__(self, options: decode.DecodeOptions, works: IO[bytes]) -> None:
        self.settings = settings_of(options)
        self.skipped: list[dict[str, str]] = []
        self.digest = hashlib.sha256(json.dumps(self.settings).encode())
        self._works = works
        self._works_summary = hashlib.sha256()
        self._labels: dict[str | None, int] = {}
        self._notes: dict[str, list[str]] = {}
        self._note_counts: dict[str, int] = {}
        self._transparent = 0
        self._tally = Tally()

    def add(self, artwork: Artwork, decoded: decode.Decoded) -> None:
        more = [artwork.texts, artwork.group] if artwork.texts or artwork.group else []
        self.digest.update(json.dumps([decoded.sha256, artwork.label, artwork.split, *more]).encode())
        self._tally.add(artwork.texts)
        self._labels[artwork.label] = self._labels.get(artwork.label, 0) + 1
        for note in decoded.notes:
            self._note_counts[note] = self._note_counts.get(note, 0) + 1
            if self._note_counts[note] <= 3:
                self._notes.setdefault(note, []).append(artwork.name)
        self._transparent += bool(self.settings["alpha"] and decoded.pixels[..., 3].min() < 255)
        known = {
            "name": artwork.name,
            "sha256": decoded.sha256,
            "label": artwork.label,
            "split": artwork.split,
            "text": artwork.texts[0] if len(artwork.texts) == 1 else artwork.texts or None,
            "author": artwork.author,
            "licence": artwork.licence,
            "source": artwork.source,
            "consent": artwork.consent,
            "group": artwork.group,
            "width": decoded.width,
            "height": decoded.height,
        }
        line = json.dumps({key: value for key, value in known.items() if value is not None}).encode() + b"\n"
        self._works_summary.update(line)
        self._works.write(line)

    def description(self, source: Source, fingerprint: str, shape: tuple[int, int, int, int]) -> dict[str, Any]:
        """The content of dataset.json."""
        names = sorted((name for name in self._labels if name is not None), key=natural_key)
        warnings, notes = list(source.warnings), list(source.notes)
        for note, first in self._notes.items():
            count = self._note_counts[note]
            notes.append(f"{note} ({count}): {some(first, count)}")
        if self._tally.pictures:
            notes.append(self._tally.sentence())
        if 0 < self._tally.pictures < shape[0]:
            warnings.append(f"pictures without a caption among captioned ones: {shape[0] - self._tally.pictures:,}")
        if self.settings["alpha"] and not self._transparent:
            warnings.append("no picture has a transparent pixel, so the alpha channel is of no use")
        elif self.settings["alpha"] and self._transparent < shape[0]:
            notes.append(f"alpha: {self._transparent} of {shape[0]} pictures use it, the others are opaque")
        return {
            "kind": stored.KIND,
            "format": stored.FORMAT,
            "source": source.name,
            "settings": self.settings,
            "digest": self.digest.hexdigest(),
            "fingerprint": fingerprint,
            "works_sha256": self._works_summary.hexdigest(),
            "count": shape[0],
            "shape": list(shape),
            "label_names": names,
            "counts": {name: self._labels[name] for name in names},
            "unlabelled": self._labels.get(None, 0),
            "skipped": self.skipped,
            "warnings": warnings,
            "notes": notes,
        }
