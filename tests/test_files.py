import errno
import os

import pytest

from ganvas.errors import StorageError
from ganvas.files import make_folder, new_file, new_folder, write_file


def fail_with(monkeypatch, number):
    """Every sync fails from now on, as on a disk that is full or gone."""

    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "Input/output error")],
)
def test_a_failing_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, number, said):
    path = tmp_path / "a.json"
    write_file(path, "old")
    fail_with(monkeypatch, number)
    with pytest.raises(StorageError, match=said):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = tmp_path / "checkpoint"
    with new_folder(folder) as temporary:
        (temporary / "x").write_text("1")
    with pytest.raises(ZeroDivisionError), new_folder(folder) as temporary:
        (temporary / "x").write_text("2")
        raise ZeroDivisionError
    fail_with(monkeypatch, errno.ENOSPC)
    with pytest.raises(StorageError, match="the disk is full"), new_folder(folder) as temporary:
        write_file(temporary / "x", "3")
    assert [path.read_text() for path in tmp_path.rglob("x")] == ["1"]
    assert list(tmp_path.iterdir()) == [folder]


def test_an_error_of_the_body_passes_through(tmp_path):
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "a") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(StorageError, match="is a file, not a folder|in the way"):
        make_folder(tmp_path / "runs" / "demo")
