"""From what the user typed to a source."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganvas.errors import DataError, GanvasError, UnknownName, UsageError
from ganvas.registry import sources
from ganvas.sources.digits import Digits
from ganvas.sources.find import find, name_clash
from ganvas.sources.folder import Folder
from ganvas.sources.idx import Idx


def test_names_and_folders(tmp_path: Path) -> None:
    (tmp_path / "idx").mkdir()
    (tmp_path / "idx" / "train-images-idx3-ubyte").write_bytes(b"")
    (tmp_path / "pictures").mkdir()
    assert isinstance(find("digits"), Digits)
    assert isinstance(find(tmp_path / "idx"), Idx)
    assert isinstance(find(str(tmp_path / "pictures")), Folder)
    assert {"digits", "idx", "folder"} <= set(sources.names())


def test_a_name_wins_over_a_folder_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert name_clash("digits") is None
    (tmp_path / "digits").mkdir()
    assert isinstance(find("digits"), Digits)
    assert "./digits" in (name_clash("digits") or "")
    assert isinstance(find("./digits"), Folder) and name_clash("./digits") is None
    assert isinstance(find(Path("digits")), Folder) and name_clash(Path("digits")) is None


def test_a_reader_of_folders_is_not_data_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownName, match=r"No source and no folder 'idx'"):
        find("idx")
    (tmp_path / "idx").mkdir()
    assert isinstance(find("idx"), Folder)


def test_wrong_names_get_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paintings").mkdir()
    with pytest.raises(UnknownName, match=r"'digts'. Did you mean 'digits'"):
        find("digts")
    with pytest.raises(UnknownName, match=r"'paintngs'. Did you mean 'paintings'"):
        find("paintngs")
    with pytest.raises(DataError, match=r"paintngs: no such folder. Did you mean '.*paintings'"):
        find(tmp_path / "paintngs")
    with pytest.raises(DataError, match=r"no such folder. '.*/other' is not there"):
        find(f"{tmp_path}/other/deep/er")


def test_files_are_not_folders(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "a.zip").write_bytes(b"x")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match=r"expected a folder of pictures, found a file. Give the folder"):
        find(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"Unpack it"):
        find(str(tmp_path / "a.zip"))
    with pytest.raises(DataError, match=r"cannot be opened"):
        find(tmp_path / "loop")
    (tmp_path / "run.json").write_bytes(b"{}")
    with pytest.raises(DataError, match=r"found a run"):
        find(tmp_path)
    with pytest.raises(UsageError, match=r"found nothing"):
        find("")


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "art").mkdir()
    assert find("~/art").folder == (tmp_path / "art").resolve()
    with pytest.raises(GanvasError, match=r"nobody-of-that-name"):
        find("~nobody-of-that-name/art")


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300) | st.text("~./\0a", max_size=8))
def test_whatever_is_typed(data: str) -> None:
    try:
        found = find(data)
    except GanvasError as error:
        assert str(error)
    else:
        assert found.name
