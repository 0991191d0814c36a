"""Any tree of pictures, with labels, captions and rights from its metadata files or labels from its sub-folders.

A file `NAME.txt` beside a picture `NAME.png` holds captions of it, one a line.

The list of files is kept in a temporary SQLite database, not in Python objects: memory stays flat however many there
are, and "rows without a file" or "files without a label" are one query each.
"""

import contextlib
import hashlib
import json
import os
import posixpath
import sqlite3
import weakref
from collections.abc import Iterator
from pathlib import Path

from ..errors import StorageError
from ..registry import sources
from ..words import tidy
from . import metadata
from .artwork import Artwork, Skipped, printable, some
from .walk import Walk

SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA cache_size = -2000;  -- KiB
    CREATE TABLE files (name BLOB PRIMARY KEY, kind TEXT, top BLOB, detail TEXT, stem BLOB) WITHOUT ROWID;
    CREATE TABLE captions (stem BLOB PRIMARY KEY, captions BLOB) WITHOUT ROWID;
    CREATE TABLE rows (name BLOB PRIMARY KEY, labelled INTEGER, fields TEXT) WITHOUT ROWID;
"""
WITHOUT_PICTURE = """
    UPDATE files SET kind = 'skipped', detail = 'is not a picture by its name (.txt), nor is there one of its name'
    WHERE kind = 'caption' AND stem NOT IN (SELECT stem FROM files WHERE kind = 'picture');
"""
LARGEST_CAPTIONS = 1 << 20  # bytes
READS = b"2: captions and groups, too"
"""What is made of a folder's files: what was prepared by fewer is prepared anew."""


@sources.register("folder")
class Folder:
    """A tree of pictures. Labels come from its metadata, else from its first-level sub-folders if there are two."""

    reads_folders = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.name = printable(self.folder.name) or "folder"
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self._labels_from: str | None = None  # None before the metadata was read
        self._database: sqlite3.Connection | None = None

    @staticmethod
    def recognises(folder: Path) -> bool:
        return folder.is_dir()

    def native_size(self) -> None:
        return None

    def count(self) -> int:
        counted = "SELECT count(*) FROM files WHERE kind IN ('picture', 'skipped')"
        return self._scanned().execute(counted).fetchone()[0]

    def fingerprint(self) -> str:
        summary = hashlib.sha256(READS)
        for entry in self._scanned().execute("SELECT name, kind, detail FROM files ORDER BY name"):
            summary.update(repr(entry).encode())
        return summary.hexdigest()

    def artworks(self) -> Iterator[Artwork | Skipped]:
        query = (
            "SELECT name, kind, top, detail, fields, captions "
            "FROM files LEFT JOIN rows USING (name) LEFT JOIN captions USING (stem) ORDER BY name"
        )
        unread = _Names()
        for raw, kind, top, detail, packed, captions in self._described().execute(query):
            name = os.fsdecode(raw)
            if kind == "skipped":
                yield Skipped(printable(name), detail)
            elif kind == "picture":
                fields = json.loads(packed) if packed else {}
                label = fields.pop("label", None)
                if self._labels_from == "folders":
                    label = printable(os.fsdecode(top)) if top else None
                texts = tuple(fields.pop("texts", ()))
                if captions is not None:
                    texts = tidy([*texts, *self._captions(os.fsdecode(captions), unread)])
                yield Artwork(printable(name), self.folder / name, label=label, texts=texts, **fields)
        warning = f"captions: no file in here of at most {LARGEST_CAPTIONS:,} bytes of text in UTF-8, not used {unread}"
        if unread.count and warning not in self.warnings:  # where it is asked again
            self.warnings.append(warning)

    def _captions(self, name: str, unread: "_Names") -> list[str]:
        """The lines of a file of captions; none, and its name in `unread`, where they cannot be read."""
        path = self.folder / name
        try:  # a link to a text outside of the folder may be none that is meant to be learned from
            if path.is_symlink() and not path.resolve().is_relative_to(self.folder):
                raise OSError("leads out of the folder")
            with path.open("rb") as file:
                content = file.read(LARGEST_CAPTIONS + 1)
            if len(content) <= LARGEST_CAPTIONS:
                return content.decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            pass
        unread.add(name)
        return []

    def _scanned(self) -> sqlite3.Connection:
        """The database with all files in it."""
        if self._database is None:
            # "" is a private database in a temporary file that SQLite removes.
            self._database = sqlite3.connect("", check_same_thread=False)
            weakref.finalize(self, self._database.close)
            with _database_errors():
                self._scan(self._database)
        return self._database

    def _described(self) -> sqlite3.Connection:
        """The database with what metadata says in it too; not needed to see whether something changed."""
        database = self._scanned()
        if self._labels_from is None:
            with _database_errors():
                self._read_metadata(database)
                self._labels_from = self._choose_labels(database)
        return database

    def _scan(self, database: sqlite3.Connection) -> None:
        database.executescript(TABLES)
        walk = Walk(self.folder)
        for name, kind, detail in walk.files():
            top = os.fsencode(name.split("/")[0]) if "/" in name else None
            stem = os.fsencode(posixpath.splitext(name)[0])
            database.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?)", (os.fsencode(name), kind, top, detail, stem))
            if kind == "caption":
                database.execute("INSERT OR IGNORE INTO captions VALUES (?, ?)", (stem, os.fsencode(name)))
        database.executescript(WITHOUT_PICTURE)
        for name in sorted(walk.left_out):
            self.notes.append(f"left out {printable(name)}: ganvas made it")

    def _read_metadata(self, database: sqlite3.Connection) -> None:
        unknown: set[str] = set()
        outside, twice = _Names(), _Names()
        names = [row[0] for row in database.execute("SELECT name FROM files WHERE kind = 'metadata' ORDER BY name")]
        for file in map(os.fsdecode, names):
            for name, fields in metadata.read(self.folder / file, unknown):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
                if path.startswith(("/", "../")) or path == "..":
                    outside.add(name)
                    continue
                if "label" in fields:
                    fields["label"] = printable(fields["label"])
                values = (_encode(path), "label" in fields, json.dumps(fields))
                if not database.execute("INSERT OR IGNORE INTO rows VALUES (?, ?, ?)", values).rowcount:
                    twice.add(name)
        if unknown:
            columns = some(map(printable, sorted(unknown)), len(unknown), shown=8)
            self.warnings.append(f"metadata: these columns mean nothing here and are not used: {columns}")
        if outside.count:
            self.warnings.append(f"metadata: rows that name files outside of the folder, not used {outside}")
        if twice.count:
            self.warnings.append(f"metadata: rows that name a file again, its first row is used {twice}")
        self._warn(
            database,
            "metadata: rows that name files that are not there",
            "rows LEFT JOIN files USING (name) WHERE kind IS NULL",
        )

    def _choose_labels(self, database: sqlite3.Connection) -> str:
        """Where labels come from: "metadata", "folders" or ""."""

        def number(query: str) -> int:
            return database.execute(f"SELECT {query}").fetchone()[0]

        pictures = "files LEFT JOIN rows USING (name) WHERE kind = 'picture'"
        tops = number("count(DISTINCT top) FROM files WHERE kind = 'picture' AND top IS NOT NULL")
        if number("count(*) FROM rows WHERE labelled"):
            self.notes.append("labels: from the metadata")
            self._warn(database, "pictures without a label among labelled ones", f"{pictures} AND labelled IS NOT 1")
            return "metadata"
        if tops < 2:
            self.notes.append("labels: none, there are no labels in metadata and no two sub-folders with pictures")
            return ""
        self.notes.append(f"labels: the names of the {tops} sub-folders that hold pictures")
        self._warn(database, "pictures without a label, being in no sub-folder", f"{pictures} AND top IS NULL")
        names = database.execute("SELECT DISTINCT top FROM files WHERE kind = 'picture' AND top IS NOT NULL")
        if all(os.fsdecode(top).lower() in SPLITS for (top,) in names):
            self.warnings.append("the labels are names of splits; to train on one of them, give that sub-folder")
        return "folders"

    def _warn(self, database: sqlite3.Connection, text: str, rest: str) -> None:
        """Adds a warning that names the first few of the files that the query finds, if it finds any."""
        count = database.execute(f"SELECT count(*) FROM {rest}").fetchone()[0]
        if count:
            names = database.execute(f"SELECT name FROM {rest} ORDER BY name LIMIT 3")
            shown = some((printable(os.fsdecode(name)) for (name,) in names), count)
            self.warnings.append(f"{text} ({count}): {shown}")


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"Cannot keep a list of files in a temporary file: {error}. Free some space.") from error


class _Names:
    """The first few of many names, and how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, name: str) -> None:
        self.count += 1
        if len(self._first) < 3:
            self._first.append(printable(name))

    def __str__(self) -> str:
        return f"({self.count}): {some(self._first, self.count)}"


def _encode(name: str) -> bytes:
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:  # half a surrogate pair from JSON: no file is called that
        return name.encode("utf-8", "surrogatepass")
