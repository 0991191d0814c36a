import numpy as np
import pytest
from PIL import Image

from ganvas.pictures import GAP, grid, on_white, save_animation, save_png, scale_for, strip


def numbered(count, height=4, width=6, channels=1):
    """Pictures that are all of one level: their number."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, height, width, channels))


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_grid_shows_every_picture_in_its_place(channels, mode):
    sheet = grid(numbered(7, channels=channels), columns=3, scale=2)
    assert sheet.mode == mode
    assert sheet.size == (3 * (12 + GAP) + GAP, 3 * (8 + GAP) + GAP)
    for number in range(7):
        left, top = GAP + number % 3 * (12 + GAP), GAP + number // 3 * (8 + GAP)
        pixels = np.asarray(sheet).reshape(sheet.height, sheet.width, channels)[top : top + 8, left : left + 12]
        assert (pixels == number).all()


def test_a_grid_can_have_empty_rows():
    assert grid(numbered(5), columns=5, least_rows=2).height == 2 * (4 + GAP) + GAP


def test_small_pictures_are_enlarged_by_a_whole_factor():
    assert [scale_for(px, 56) for px in (28, 16, 64, 256)] == [2, 4, 1, 1]


def test_text_is_written_into_the_png(tmp_path):
    save_png(Image.new("L", (3, 3)), tmp_path / "a.png", {"label": "睡莲", "seed": "3"})
    with Image.open(tmp_path / "a.png") as image:
        assert image.text == {"label": "睡莲", "seed": "3"}


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_strip_and_animation_show_all_frames_in_order(tmp_path, channels):
    paths = []
    for level in (10, 120, 250):
        paths.append(tmp_path / f"{level}.png")
        pictures = np.full((4, 8, 8, channels), level, np.uint8)
        pictures[..., 3:] = 255
        save_png(grid(pictures, columns=2), paths[-1])
    row = 8 + GAP
    sheet = strip([(f"{path.stem} kimg", path) for path in paths], row)
    assert sheet.height == 3 * row + GAP
    column = np.asarray(sheet.convert("L"))[:, -6]
    assert [int(column[k * row + 5]) for k in range(3)] == [10, 120, 250]
    save_animation(paths, tmp_path / "a.webp")
    with Image.open(tmp_path / "a.webp") as movie:
        assert movie.n_frames == 3


def test_colours_are_laid_on_white():
    pictures = np.array([(0, 100, 200, 255), (0, 100, 200, 0), (0, 100, 200, 51)], np.uint8).reshape(1, 1, 3, 4)
    assert on_white(pictures)[0, 0].tolist() == [[0, 100, 200, 255], [255, 255, 255, 0], [204, 224, 244, 51]]
    assert np.array_equal(on_white(pictures[..., :3]), pictures[..., :3])


def test_transparency_lies_on_white_in_a_strip_and_stays_in_an_animation(tmp_path):
    paths = []
    for alpha in (0, 102, 255):
        paths.append(tmp_path / f"{alpha}.png")
        save_png(grid(np.full((2, 8, 8, 4), (0, 0, 0, alpha), np.uint8), columns=2), paths[-1])
    row = 8 + GAP
    sheet = np.asarray(strip([(path.stem, path) for path in paths], row).convert("L"))
    assert [int(sheet[k * row + 5, -6]) for k in range(3)] == [255, 153, 0]
    save_animation(paths, tmp_path / "a.webp")
    with Image.open(tmp_path / "a.webp") as movie:
        for frame, alpha in enumerate((0, 102, 255)):
            movie.seek(frame)
            pixels = np.asarray(movie.convert("RGBA"))
            assert pixels[5, -6, 3] == alpha
            assert pixels[5, 0, 3] == 0  # a gap
