"""The small collections: what is taken, from where."""

import json

import pytest
from PIL import Image

from ganvas.dataset import prepare


def test_people_are_one_group_each_drawing_once(bench, tmp_path):
    found, folder = tmp_path / "openmoji", tmp_path / "people"
    found.mkdir()
    folder.mkdir()
    rows = [
        ("1.png", "waving hand", "people-body"),
        ("2.png", "waving hand: dark skin tone", "people-body"),
        ("3.png", "apple", "food-drink"),
    ]
    rest = {"author": "A", "licence": "CC-BY-SA-4.0", "source": "OpenMoji", "tags": ""}
    lines = [{"file_name": name, "text": text, "label": label, **rest} for name, text, label in rows]
    (found / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for number, line in enumerate(lines):
        Image.new("RGBA", (72, 72), (9, 99, 40 * number, 255)).save(found / line["file_name"])
    assert bench("art_sets").people(found, folder) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["1.png", "metadata.jsonl"]
    assert len(prepare(folder, size=16)) == 1


@pytest.mark.parametrize(
    ("where", "size", "taken"),
    [
        ("a/images/story", (900, 700), True),
        ("a/images/story", (500, 400), False),
        ("a/images/maps", (900, 700), False),
        ("Secrets_of_the_Ancients/images/story", (900, 700), False),
    ],
)
def test_paintings_are_squares_of_large_scenes(bench, tmp_path, where, size, taken):
    folder = tmp_path / "paintings"
    folder.mkdir()
    (tmp_path / "found" / where).mkdir(parents=True)
    Image.linear_gradient("L").resize(size).save(tmp_path / "found" / where / "scene.jpg")
    sets = bench("art_sets")
    assert sets.paintings(tmp_path / "found", folder) == taken * sets.SQUARES
    squares = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as file:
            squares.append(file.convert("RGB"))
    assert {square.size for square in squares} == ({(sets.SIDE_PX, sets.SIDE_PX)} if taken else set())
    assert len({square.tobytes() for square in squares}) == len(squares)
