"""From what the user typed to a source of pictures."""

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import DataError, UnknownName, UsageError
from ..registry import nearest, sources
from .artwork import Source
from .walk import is_run

MOST = 10_000_000
"""Pictures that a source can be asked to make."""
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".xz", ".zst")


def find(data: str | Path) -> Source:
    """The source that `data` means: a registered name such as "digits", a folder of idx files, a folder of pictures.

    Some sources make as many pictures as one wants: "shapes:500". A registered name wins over a folder of that name
    (see `name_clash`). Raises UnknownName, DataError or UsageError when there is no such thing.
    """
    if not str(data).strip():
        raise UsageError(f"Expected a folder of pictures or one of {', '.join(built_in())} as data, found nothing.")
    if "\0" in str(data):
        raise DataError(f"{str(data)!r}: expected a folder of pictures; no path can hold a zero byte.")
    if isinstance(data, str) and data in built_in():
        return sources.get(data)()
    if isinstance(data, str) and (found := counted(data)) is not None:
        return found
    path = Path(os.path.expanduser(data))  # noqa: PTH111 - Path.expanduser raises for a user that there is not
    if _is_missing(path):
        raise _missing(data, path)
    if not path.is_dir():
        hint = "Unpack it and give the folder." if path.suffix.lower() in ARCHIVES else "Give the folder that holds it."
        raise DataError(f"{path}: expected a folder of pictures, found a file. {hint}")
    try:
        return _reader_of(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}. Check who may read it.") from error


def counted(data: str) -> Source | None:
    """The source that "shapes:500" means, of a source that makes as many pictures as are asked for.

    None where no such source is named. Raises UsageError for another number than 1 to MOST.
    """
    name, colon, number = data.partition(":")
    if not colon or name not in built_in() or not getattr(sources.get(name), "counts", False):
        return None
    if not re.fullmatch("[0-9]{1,9}", number) or not 1 <= int(number) <= MOST:
        raise UsageError(f"Expected {name}:COUNT with 1 to {MOST:,} pictures, such as {name}:500; found {data!r}.")
    return sources.get(name)(int(number))


def _reader_of(path: Path) -> Source:
    if is_run(path):
        raise DataError(f"{path}: expected a folder of pictures, found a run. Give what it was trained on.")
    for name in sources.names():
        part = sources.get(name)
        if name != "folder" and getattr(part, "reads_folders", False) and part.recognises(path):
            return part(path)
    return sources.get("folder")(path)


def name_clash(data: str | Path) -> str | None:
    """The warning that is due when `data` is a source's name and a folder here is called the same."""
    if isinstance(data, str) and data in built_in() and Path(data).is_dir():
        return f"{data!r} is the source that comes with ganvas; for the folder of that name write ./{data}"
    return None


def built_in() -> list[str]:
    """The names that are data by themselves, without a folder."""
    return [name for name in sources.names() if not getattr(sources.get(name), "reads_folders", False)]


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise DataError(
            f"{str(path)!r}: expected a folder of pictures; it cannot be opened: {error.strerror}."
        ) from error
    return False


def _missing(data: str | Path, path: Path) -> DataError | UnknownName:
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        path, parent = parent, parent.parent
    folders = _folders_in(parent)
    if isinstance(data, str) and len(Path(data).parts) == 1 and not data.startswith((".", "/")):
        return UnknownName(f"No source and no folder {data!r}.{nearest(data, [*built_in(), *folders])}")
    close = difflib.get_close_matches(path.name, folders, n=1, cutoff=0.5)
    hint = f" Did you mean {str(parent / close[0])!r}?" if close else f" {str(path)!r} is not there."
    return DataError(f"{data}: no such folder.{hint}")


def _folders_in(parent: Path, most: int = 20) -> Iterable[str]:
    try:
        return sorted(path.name for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))[:most]
    except OSError:
        return []
