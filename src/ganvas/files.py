"""Writing so that nothing is ever half there: a temporary name, sync, rename; locks. Disk errors in plain words."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import StorageError

ADVICE = {
    errno.ENOSPC: "the disk is full. Free some space and run the same command again",
    errno.EDQUOT: "your disk quota is used up. Free some space and run the same command again",
    errno.EROFS: "the disk is read-only. Choose another folder with --out",
    errno.EACCES: "writing there is not permitted. Choose another folder with --out",
    errno.EPERM: "writing there is not permitted. Choose another folder with --out",
    errno.ENOTDIR: "a part of the path is a file, not a folder. Choose another folder with --out",
    errno.EEXIST: "a file of that name is in the way. Choose another folder with --out",
    errno.ENAMETOOLONG: "the name is too long for the disk. Choose a shorter one with --out",
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns an OSError of the body into a StorageError that names `path` and says what to do."""
    try:
        yield
    except OSError as error:
        why = ADVICE.get(error.errno or 0, f"{error.strerror or error}. Check the disk and the path")
        raise StorageError(f"Cannot write {path}: {why}.") from error


def make_folder(path: Path) -> Path:
    """The folder, made with its parents if need be. Raises StorageError."""
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def sync_folder(path: Path) -> None:
    """Makes renames in the folder survive a power cut, where the system can."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that appears as `path` only when the body has ended well; else nothing is left of it.

    Raises StorageError.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    with storage_errors(path):
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_file(path: Path, content: bytes | str) -> None:
    """The whole file at once. Raises StorageError."""
    with new_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that appears as `path` only when the body has ended well; else nothing is left of it.

    What stood at `path` is replaced. Raises StorageError.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    before = temporary.with_suffix(".old")
    with storage_errors(path):
        try:
            temporary.mkdir(parents=True)
            yield temporary
            sync_folder(temporary)
            if path.exists():
                path.rename(before)  # never deleted before the new one is in its place
            temporary.rename(path)
            sync_folder(path.parent)
        finally:
            if before.exists() and not path.exists():
                before.rename(path)
            shutil.rmtree(before, ignore_errors=True)
            shutil.rmtree(temporary, ignore_errors=True)


def try_lock(file: IO[str], shared: bool = False) -> bool:
    """Takes the file's lock unless another process has it. The system frees it when the file closes.

    shared: only to see whether somebody has it, without being in another onlooker's way.
    """
    try:
        import fcntl
    except ImportError:  # not a POSIX system: no lock, no protection
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
