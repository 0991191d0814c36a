"""Trees of pictures: what is found, what is skipped, where labels come from."""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganvas.errors import DataError
from ganvas.sources.artwork import Artwork, Skipped
from ganvas.sources.folder import Folder


def touch(folder: Path, *names: str) -> None:
    """Files without content: the source looks at names only."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def found(source: Folder) -> dict[str, Artwork | Skipped]:
    items = list(source.artworks())
    assert len({item.name for item in items}) == len(items) == source.count()
    return {item.name: item for item in items}


def labels(source: Folder) -> dict[str, str | None]:
    return {name: item.label for name, item in found(source).items() if isinstance(item, Artwork)}


def test_sorted_and_hidden_files_ignored(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a/z.jpg", "a/.hidden.png", ".git/x.png", ".DS_Store", "Thumbs.db", "B.PNG", "a.webp")
    source = Folder(tmp_path)
    assert [item.name for item in source.artworks()] == ["B.PNG", "a.webp", "a/z.jpg", "b.png"]
    image = next(iter(source.artworks())).image  # pyrefly: ignore
    assert image == tmp_path.resolve() / "B.PNG"
    assert source.warnings == [] and source.notes[0].startswith("labels: none")


def test_what_is_no_picture_is_skipped_with_a_reason(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt", "raw.heic", "README", "ok.png")
    (tmp_path / "broken.png").symlink_to("nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    started = time.monotonic()
    reasons = {name: item.reason for name, item in found(Folder(tmp_path)).items() if isinstance(item, Skipped)}
    assert time.monotonic() - started < 5
    assert reasons.keys() == {"notes.txt", "raw.heic", "README", "broken.png", "loop.png", "pipe.png"}
    assert "convert it to PNG" in reasons["raw.heic"] and "(.txt)" in reasons["notes.txt"]
    assert "without an extension" in reasons["README"] and "not there" in reasons["broken.png"]
    assert "loops" in reasons["loop.png"] and "pipe" in reasons["pipe.png"]


def test_linked_folders_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    art, other = tmp_path / "art", tmp_path / "other"
    touch(art, "a/1.png")
    touch(other, "2.png", "deep/3.png")
    (art / "linked").symlink_to(other)
    (art / "again").symlink_to(other)
    (art / "inside").symlink_to("a")
    (art / "up").symlink_to("..")
    (art / "a" / "self").symlink_to("../../art")
    (other / "back").symlink_to(art)
    (other / "deep" / "round").symlink_to("..")
    result = found(Folder(art))
    assert [name for name, item in result.items() if isinstance(item, Artwork)] == [
        "a/1.png",
        "again/2.png",
        "again/deep/3.png",
    ]
    reasons = {name: item.reason for name, item in result.items() if isinstance(item, Skipped)}
    assert reasons.keys() == {"linked", "inside", "up", "a/self", "again/back", "again/deep/round"}
    assert "read already" in reasons["linked"] and "read there" in reasons["inside"] and "loops" in reasons["up"]


def test_what_ganvas_made_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "runs/x/run.json", "runs/x/previews/2.png", "other/dataset.json", "other/3.png")
    before = Folder(tmp_path).fingerprint()
    touch(tmp_path, "art/4.png")
    (tmp_path / "art" / "dataset.json").write_text('{\n "kind": "ganvas dataset", ...')
    source = Folder(tmp_path)
    assert [name for name, item in found(source).items() if isinstance(item, Artwork)] == ["1.png", "other/3.png"]
    assert source.notes[:2] == ["left out art: ganvas made it", "left out runs/x: ganvas made it"]
    assert source.fingerprint() == before


def test_labels_from_two_sub_folders(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "cat/deep/2.png", "dog/3.png", "empty/notes.txt")
    source = Folder(tmp_path)
    assert labels(source) == {"cat/1.png": "cat", "cat/deep/2.png": "cat", "dog/3.png": "dog"}
    assert source.notes == ["labels: the names of the 2 sub-folders that hold pictures"] and source.warnings == []


def test_one_sub_folder_is_no_label(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "2.png")
    assert set(labels(Folder(tmp_path)).values()) == {None}


def test_pictures_outside_of_the_labelled_sub_folders_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/2.png", "x1.png", "x2.png", "x3.png", "x4.png")
    source = Folder(tmp_path)
    assert labels(source)["x1.png"] is None and labels(source)["cat/1.png"] == "cat"
    named = "x1.png, x2.png, x3.png and 1 more"
    assert source.warnings == [f"pictures without a label, being in no sub-folder (4): {named}"]


def test_sub_folders_that_are_splits_are_pointed_out(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "test/2.png")
    source = Folder(tmp_path)
    assert set(labels(source).values()) == {"train", "test"}
    assert "names of splits" in source.warnings[0]


def write_rows(path: Path, *rows: Mapping[str, object]) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_metadata_gives_all_fields(tmp_path: Path) -> None:
    touch(tmp_path, "sub/1.png", "other/2.png", "other/3.png")
    row = {
        "file_name": "1.png",
        "label": 7,
        "text": "a\nb",
        "author": "Ännie",
        "license": "CC0",
        "source": "s",
        "consent": True,
    }
    write_rows(tmp_path / "sub" / "metadata.jsonl", row)
    (tmp_path / "metadata.csv").write_text(
        '\ufefffile_name,label,licence,mood\nother/2.png,"cat, grey",MIT,glad\n\n./other/3.png,,,\n'
    )
    source = Folder(tmp_path)
    result = found(source)
    one, two, three = result["sub/1.png"], result["other/2.png"], result["other/3.png"]
    assert isinstance(one, Artwork) and isinstance(two, Artwork) and isinstance(three, Artwork)
    assert (one.label, one.texts, one.author, one.licence, one.source, one.consent) == (
        "7",
        ("a b",),
        "Ännie",
        "CC0",
        "s",
        "true",
    )
    assert (two.label, two.licence, two.texts, two.author) == ("cat, grey", "MIT", (), None)
    assert three.label is None
    assert source.notes == ["labels: from the metadata"]
    assert source.warnings == [
        "metadata: these columns mean nothing here and are not used: mood",
        "pictures without a label among labelled ones (1): other/3.png",
    ]


def test_metadata_without_labels_leaves_them_to_the_sub_folders(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/2.png")
    write_rows(tmp_path / "metadata.jsonl", {"file_name": "cat/1.png", "author": "me", "label": ""})
    source = Folder(tmp_path)
    assert labels(source) == {"cat/1.png": "cat", "dog/2.png": "dog"}
    assert found(source)["cat/1.png"].author == "me"  # pyrefly: ignore


def test_rows_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "art/1.png", "secret.png")
    names = [
        "1.png",
        "gone.png",
        "also gone.png",
        "../secret.png",
        "/etc/passwd",
        "x/../../secret.png",
        "1.png",
        "\ud800.png",
    ]
    write_rows(tmp_path / "art" / "metadata.jsonl", *({"file_name": name, "label": "a"} for name in names))
    source = Folder(tmp_path / "art")
    assert labels(source) == {"1.png": "a"}
    outside = "../secret.png, /etc/passwd, x/../../secret.png"
    assert source.warnings == [
        f"metadata: rows that name files outside of the folder, not used (3): {outside}",
        "metadata: rows that name a file again, its first row is used (1): 1.png",
        "metadata: rows that name files that are not there (3): also gone.png, gone.png, \\udced\\udca0\\udc80.png",
    ]


MALFORMED = {
    "no JSON": (
        "metadata.jsonl",
        b'{"file_name": "1.png"}\n{"file_name": \n',
        "line 2: expected one JSON object a line",
    ),
    "no object": ("metadata.jsonl", b'["1.png"]\n', r"line 1: .*found \['1.png'\]"),
    "no name": ("metadata.jsonl", b'\n{"label": "x"}\n', "line 2: expected a file_name, found nothing"),
    "number as name": ("metadata.jsonl", b'{"file_name": 3}', "line 1: expected a file_name, found 3"),
    "list as label": ("metadata.jsonl", b'{"file_name": "1.png", "label": ["a"]}', r"line 1: .*label, found \['a'\]"),
    "fraction as label": ("metadata.jsonl", b'{"file_name": "1.png", "label": 1.5}', "line 1: .*label, found 1.5"),
    "not UTF-8": ("metadata.jsonl", b'{"file_name": "\xff.png"}', "line 1: expected one JSON object"),
    "too deep": ("metadata.jsonl", b'{"file_name":' + b"[" * 200_000, "line 1: expected one JSON object"),
    "too long": ("metadata.jsonl", b'{"file_name": "' + b"x" * 1_100_000, "line 1: expected at most 1,000,000 bytes"),
    "no header": ("metadata.csv", b"", "line 1: expected column names"),
    "wrong header": ("metadata.csv", b"name,label\n1.png,a\n", "line 1: expected column names.*file_name"),
    "column twice": ("metadata.csv", b"file_name,label,label\n1.png,a,b\n", "line 1: expected column names"),
    "too many cells": ("metadata.csv", b"file_name,label\n1.png,a\n1.png,b,c\n", "line 3: expected 2 cells, found 3"),
    "too few cells": ("metadata.csv", b"file_name,label\n1.png\n", "line 2: expected 2 cells, found 1"),
    "open quote": ("metadata.csv", b'file_name,label\n"1.png,a\n', "line [0-9]: not a CSV file"),
    "CSV not UTF-8": ("metadata.csv", b"file_name,label\n\xff,a\n", "line [0-9]: not a CSV file"),
    "empty name": ("metadata.csv", b"file_name,label\n,a\n", "line 2: expected a file_name, found ''"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_metadata_names_file_and_line(tmp_path: Path, kind: str) -> None:
    touch(tmp_path, "1.png")
    name, content, message = MALFORMED[kind]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        found(Folder(tmp_path))
    assert str(tmp_path / name) in str(raised.value) and len(str(raised.value)) < 500


def test_names_that_could_fool_a_terminal_are_escaped(tmp_path: Path) -> None:
    touch(tmp_path, "a\x1b[31m/1.png", "b\n/2.png")
    assert labels(Folder(tmp_path)) == {"a\\x1b[31m/1.png": "a\\x1b[31m", "b\\n/2.png": "b\\n"}


def test_the_fingerprint_follows_every_change(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "2.png")
    seen = [Folder(tmp_path).fingerprint()]
    assert Folder(tmp_path).fingerprint() == seen[0]

    def changed() -> bool:
        seen.append(Folder(tmp_path).fingerprint())
        return len(set(seen)) == len(seen)

    touch(tmp_path, "3.png")
    assert changed()
    (tmp_path / "3.png").write_bytes(b"x")
    assert changed()
    (tmp_path / "3.png").rename(tmp_path / "4.png")
    assert changed()
    write_rows(tmp_path / "metadata.jsonl", {"file_name": "1.png", "label": "a"})
    assert changed()
    before = (tmp_path / "1.png").stat()
    (tmp_path / "new").write_bytes(b"")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").replace(tmp_path / "1.png")  # as large and as old as the one before
    assert changed()
    (tmp_path / "2.png").unlink()
    assert changed()


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1.png", "../1.png"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
COLUMNS = st.sampled_from(["file_name", "label", "text", "license", "licence", "consent", "other"])
LINES = st.lists(st.dictionaries(COLUMNS, ANY_JSON, max_size=4).map(json.dumps) | st.text(max_size=30), max_size=5)


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(["metadata.jsonl", "metadata.csv"]),
    content=st.one_of(LINES.map("\n".join), st.text(max_size=200)),
)
def test_whatever_the_metadata_says(name: str, content: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        touch(Path(folder), "1.png", "sub/2.png")
        prefix = "file_name,label\n" if name.endswith("csv") and len(content) % 2 else ""
        (Path(folder) / name).write_bytes((prefix + content).encode("utf-8", "surrogatepass"))
        try:
            result = found(Folder(Path(folder)))
        except DataError as error:
            assert name in str(error) and ", line " in str(error)
            return
        assert result.keys() == {"1.png", "sub/2.png"}
        assert all(isinstance(item, Artwork) and item.label != "" for item in result.values())
