"""Captions of a folder: in its metadata, beside its pictures, or both."""

import json
from pathlib import Path

from PIL import Image

from ganvas.dataset import open_dataset, prepare
from ganvas.sources.artwork import Artwork, Skipped
from ganvas.sources.folder import Folder


def picture(path: Path, level: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (20, 20), level).save(path)


def texts(source: Folder) -> dict[str, tuple[str, ...]]:
    return {work.name: work.texts for work in source.artworks() if isinstance(work, Artwork)}


def test_captions_stand_beside_pictures_one_a_line(tmp_path: Path) -> None:
    for name in ("1.png", "sub/2.PNG", "3.png"):
        picture(tmp_path / name)
    (tmp_path / "1.txt").write_bytes("\ufeffa red circle\r\n\n  a  disc\t\na red circle\n".encode())
    (tmp_path / "sub" / "2.TXT").write_text("左上角", "utf-8")
    (tmp_path / "2.txt").write_text("of no picture here")
    source = Folder(tmp_path)
    assert texts(source) == {"1.png": ("a red circle", "a disc"), "3.png": (), "sub/2.PNG": ("左上角",)}
    assert [item.name for item in source.artworks() if isinstance(item, Skipped)] == ["2.txt"]
    assert source.count() == 4 and source.warnings == []


def test_captions_of_metadata_come_first_and_may_be_several(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    picture(tmp_path / "2.png", 90)
    (tmp_path / "1.txt").write_text("beside\nsaid")
    rows = [{"file_name": "1.png", "text": ["said", "twice", ""]}, {"file_name": "2.png", "text": "alone"}]
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert texts(Folder(tmp_path)) == {"1.png": ("said", "twice", "beside"), "2.png": ("alone",)}


def test_captions_that_cannot_be_read_are_named_once(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    picture(tmp_path / "2.png", 90)
    (tmp_path / "1.txt").write_bytes(b"\xff\xfe\xfa")
    (tmp_path / "2.txt").write_bytes(b"a" * (2 << 20))
    source = Folder(tmp_path)
    for _ in range(2):
        assert texts(source) == {"1.png": (), "2.png": ()}
    assert len(source.warnings) == 1 and "(2): 1.txt, 2.txt" in source.warnings[0]


def test_a_changed_caption_is_prepared_anew(tmp_path: Path) -> None:
    art = tmp_path / "art"
    for number in range(3):
        picture(art / f"{number}.png", 60 * number)
    bare = prepare(art, 16)
    assert bare.captions() == [(), (), ()] and not any("captions" in note for note in bare.notes)
    (art / "1.txt").write_text("one")
    said = prepare(art, 16)
    assert said.captions() == [(), ("one",), ()]
    assert said.digest != bare.digest
    assert "pictures without a caption among captioned ones: 2" in said.warnings
    assert any("1 of them seen fewer than 5 times" in note for note in said.notes)
    (art / "1.txt").write_text("one\nanother")
    more = prepare(art, 16)
    assert more.captions() == [(), ("one", "another"), ()] and more.digest != said.digest
    assert open_dataset(more.folder).captions() == more.captions()
    (art / "1.txt").unlink()
    assert prepare(art, 16).digest == bare.digest


def test_a_link_to_a_text_elsewhere_is_not_learned_from(tmp_path: Path) -> None:
    """It may be nobody's caption: a stranger's folder must not put a private file into a model."""
    (tmp_path / "secret").write_text("a password")
    art = tmp_path / "art"
    for number in range(2):
        picture(art / f"{number}.png", 90 * number)
    (art / "0.txt").symlink_to(tmp_path / "secret")
    (art / "words").write_text("said")
    (art / "1.txt").symlink_to("words")
    source = Folder(art)
    assert texts(source) == {"0.png": (), "1.png": ("said",)}
    assert "(1): 0.txt" in source.warnings[0]
