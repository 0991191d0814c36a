"""Sprite sheets, posters, pictures enlarged."""

import json

import numpy as np
import pytest
from PIL import Image

from ganvas.errors import UsageError
from ganvas.explore.prints import best_grid, enlarge, parse_paper, save_poster, save_sprites


def pictures(count=5, size=(8, 12), channels=3):
    made = np.zeros((count, *size, channels), np.uint8)
    for number in range(count):
        made[number] = 20 + 20 * number
    return made


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_sprite_is_where_the_atlas_says(tmp_path, channels):
    made = pictures(channels=channels)
    if channels == 4:
        made[..., 3] = np.arange(12) * 20
    about = [{"seed": number} for number in range(5)]
    path = save_sprites(made, [f"s{number}" for number in range(5)], tmp_path / "new" / "sprites.png", about)
    atlas = json.loads(path.with_suffix(".json").read_text())
    sheet = np.asarray(Image.open(path))
    assert atlas["meta"]["image"] == "sprites.png"
    assert atlas["meta"]["size"] == {"w": sheet.shape[1], "h": sheet.shape[0]}
    covered = np.zeros(sheet.shape[:2], bool)
    for number in range(5):
        entry = atlas["frames"][f"s{number}"]
        place = entry["frame"]
        cell = np.s_[place["y"] : place["y"] + place["h"], place["x"] : place["x"] + place["w"]]
        assert entry["seed"] == number
        assert (sheet[cell][..., :3] == made[number][..., : min(channels, 3)]).all()
        assert (sheet[cell][..., 3] == (made[number][..., 3] if channels == 4 else 255)).all()
        assert not covered[cell].any()
        covered[cell] = True
    assert not sheet[~covered].any()  # gaps are transparent


def test_pixels_become_squares_and_smooth_is_smooth():
    image = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))
    squares = np.asarray(enlarge(image, 3, "pixels"))
    assert np.array_equal(squares, np.asarray(image).repeat(3, 0).repeat(3, 1))
    assert len(np.unique(np.asarray(enlarge(image, 8)))) > 10
    for wrong in (0, 65, 1.5):
        with pytest.raises(UsageError, match="upscale must be a whole number from 1 to 64"):
            enlarge(image, wrong)


def test_what_nobody_sees_does_not_bleed():
    """A red square on transparent green: its edge stays red."""
    made = np.zeros((8, 8, 4), np.uint8)
    made[..., 1] = 255
    made[2:6, 2:6] = (255, 0, 0, 255)
    large = np.asarray(enlarge(Image.fromarray(made), 4)).astype(int)
    seen = large[..., 3] > 40
    assert large[seen][:, 0].min() > 240
    assert large[seen][:, 1].max() < 15


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_a_poster_has_the_size_of_its_paper(tmp_path, suffix):
    path = tmp_path / f"poster{suffix}"
    assert save_poster(pictures(12, (16, 16)), path, "a5-landscape", dpi=100, margin_mm=10, gap_mm=2) == (4, 3)
    if suffix == ".pdf":
        content = path.read_bytes()
        assert content.startswith(b"%PDF")
        box = content.split(b"/MediaBox [")[1].split(b"]")[0].split()
        assert [float(x) / 72 * 25.4 for x in box[2:]] == pytest.approx([210, 148], abs=0.5)
        return
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((100, 100), abs=0.1)
        assert (image.width / 100 * 25.4, image.height / 100 * 25.4) == pytest.approx((210, 148), abs=0.3)
        x = np.asarray(image.convert("L"))
    margin = round(10 / 25.4 * 100) - 1
    assert (x[:margin] == 255).all()
    assert (x[:, :margin] == 255).all()
    assert 0.4 < (x != 255).mean() < 0.9


def test_works_with_alpha_lie_on_the_paper(tmp_path):
    made = pictures(1, (8, 8), 4)
    made[..., 3] = 0
    save_poster(made, tmp_path / "poster.png", "50x50mm", dpi=50)
    assert (np.asarray(Image.open(tmp_path / "poster.png")) == 255).all()


def test_the_best_grid_wastes_least():
    assert best_grid(12, (10, 10), (400, 300), 0)[:2] == (4, 3)
    assert best_grid(5, (10, 10), (1000, 20), 0)[:2] == (5, 1)
    columns, rows, scale = best_grid(7, (10, 20), (300, 300), 5)
    assert columns * rows >= 7
    assert columns * 10 * scale + (columns - 1) * 5 <= 300.01
    assert rows * 20 * scale + (rows - 1) * 5 <= 300.01


def test_papers_have_names_or_sides():
    assert parse_paper("A3") == (297, 420)
    assert parse_paper("a3-landscape") == (420, 297)
    assert parse_paper("300x400") == parse_paper("300x400mm") == (300, 400)
    for wrong in ("a9", "300", "x", "5x9", "a3-sideways", "infxinf", "nanx20"):
        with pytest.raises(UsageError, match="poster must be a5, a4"):
            parse_paper(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dpi": 10}, "dpi must be from 30 to 1200"),
        ({"paper": "a0", "dpi": 1200}, "are more than a file should have"),
        ({"margin_mm": 200}, "margin must be from 0 to less than half of 297 mm"),
        ({"paper": "10x10", "dpi": 30, "margin_mm": 4.9}, "large enough for 5 works"),
    ],
)
def test_what_cannot_be_printed_is_said(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        save_poster(pictures(), tmp_path / "poster.png", **options)
    with pytest.raises(UsageError, match="A poster is a PNG or a PDF"):
        save_poster(pictures(), tmp_path / "poster.gif")
    assert not list(tmp_path.iterdir())
