"""Finding files: a walk through a tree that meets links, loops, pipes and folders that cannot be read."""

import errno
import heapq
import os
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path

from ..decode import EXTENSIONS
from . import metadata

IGNORED = ("thumbs.db", "desktop.ini", "__macosx")  # and every name that begins with a dot
UNSUPPORTED = (".heic", ".heif", ".svg", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".jxl", ".exr", ".hdr", ".eps")
CAPTION = ".txt"
"""Of a file with captions, one a line, for the picture of the same name."""
MARK = b'"ganvas dataset"'
File = tuple[str, str, str]  # name relative to the folder; kind: picture, caption, ...; state, or reason to skip


def _os_reason(error: OSError, is_link: bool = False) -> str:
    if error.errno == errno.ELOOP:
        return "is a link that loops"
    if error.errno == errno.ENOENT and is_link:
        return "is a link to something that is not there"
    return f"cannot be read: {(error.strerror or str(error)).lower()}"


def is_run(folder: Path) -> bool:
    """Whether the folder is a training run of ganvas."""
    return (folder / "run.json").is_file()


def is_prepared(folder: Path) -> bool:
    """Whether the folder holds an array that ganvas prepared (by the first bytes of its dataset.json)."""
    try:
        with (folder / "dataset.json").open("rb") as file:
            return MARK in file.read(100) and not is_run(folder)  # a run keeps a copy of dataset.json, but no array
    except (OSError, ValueError):  # ValueError: a path that no file can have
        return False


class Walk:
    """All files below a folder. Links to folders are followed last, in order, and each folder is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left_out: list[str] = []  # folders that ganvas made: a run's previews are no material to learn from
        self._folders = [""]
        self._links: list[str] = []
        self._seen: set[tuple[int, int]] = set()

    def files(self) -> Iterator[File]:
        while self._folders or self._links:
            linked = not self._folders
            name = heapq.heappop(self._links) if linked else self._folders.pop()
            try:
                reason = self._reason_to_skip(name, linked)
                if reason:
                    yield name, "skipped", reason
                elif name and (is_prepared(self.root / name) or is_run(self.root / name)):
                    self.left_out.append(name)
                else:
                    with os.scandir(self.root / name) as entries:
                        for entry in entries:
                            yield from self._entry(entry, name)
            except OSError as error:
                yield name or ".", "skipped", _os_reason(error)

    def _reason_to_skip(self, name: str, linked: bool) -> str:
        status = (self.root / name).stat()
        if linked:
            real = (self.root / name).resolve()
            if real == self.root or real in self.root.parents:
                return "is a link that loops: it leads to a folder around it"
            if self.root in real.parents:
                return "is a link to another folder in here, which is read there"
        key = (status.st_dev, status.st_ino)
        if key in self._seen:
            return "is a link to a folder that was read already"
        self._seen.add(key)
        return ""

    def _entry(self, entry: os.DirEntry[str], folder: str) -> Iterator[File]:
        if entry.name.startswith(".") or entry.name.lower() in IGNORED:
            return
        name = f"{folder}/{entry.name}" if folder else entry.name
        is_link = entry.is_symlink()
        try:
            status = entry.stat()
        except OSError as error:
            yield name, "skipped", _os_reason(error, is_link)
            return
        suffix = posixpath.splitext(entry.name)[1].lower()
        state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        if stat.S_ISDIR(status.st_mode):
            if is_link:
                heapq.heappush(self._links, name)
            else:
                self._folders.append(name)
        elif not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            yield name, "skipped", "is not a regular file but a pipe, a socket or a device"
        elif entry.name in metadata.NAMES:
            yield name, "metadata", state
        elif suffix in EXTENSIONS:
            yield name, "picture", state
        elif suffix == CAPTION:
            yield name, "caption", state
        elif suffix in UNSUPPORTED:
            yield name, "skipped", f"is in a format that cannot be read ({suffix}); convert it to PNG or JPEG"
        else:
            yield name, "skipped", f"is not a picture by its name ({suffix or 'without an extension'})"
