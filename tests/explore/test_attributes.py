"""What is read off pictures."""

import numpy as np
import pytest

from ganvas.explore.attributes import measured


def bar(angle=0.0, width=4.0, length=24.0, at=(20.0, 20.0), ink=255, ground=0, side=40):
    """A soft bar of so many pixels, leaning so many degrees to the right."""
    y, x = np.mgrid[:side, :side]
    turn = np.deg2rad(angle)
    along = -(y - at[1]) * np.cos(turn) + (x - at[0]) * np.sin(turn)
    across = (y - at[1]) * np.sin(turn) + (x - at[0]) * np.cos(turn)
    inside = np.clip(length / 2 - np.abs(along) + 0.5, 0, 1) * np.clip(width / 2 - np.abs(across) + 0.5, 0, 1)
    return (ground + inside * (ink - ground)).round().astype(np.uint8)[:, :, None]


def read(name, *pictures):
    return measured(np.stack(pictures))[name]


@pytest.mark.parametrize("ink", [255, 128])
def test_stroke_weight_is_the_width_of_a_stroke(ink):
    thin, thick = read("stroke weight", bar(width=4, length=36, ink=ink), bar(width=8, length=36, ink=ink))
    assert thin == pytest.approx(4 / 40, rel=0.25)
    assert thick == pytest.approx(8 / 40, rel=0.35)
    dark_on_light = read("stroke weight", bar(width=4, length=36, ink=0, ground=255))
    assert dark_on_light[0] == pytest.approx(thin, rel=0.02)


def test_slant_is_the_tangent_of_the_angle():
    values = read("slant", bar(-20), bar(0), bar(20), bar(30))
    assert values == pytest.approx(np.tan(np.deg2rad([-20, 0, 20, 30])), abs=0.04)


def test_size_symmetry_place_and_shape():
    small, large = bar(length=10), bar(length=20)
    assert read("size", large)[0] == pytest.approx(2 * read("size", small)[0], rel=0.15)
    assert read("symmetry", bar(0, at=(19.5, 20)))[0] == pytest.approx(1)
    assert read("symmetry", bar(40))[0] < 0.6
    moved = bar(at=(24.0, 12.0))
    assert read("to the right", moved)[0] - read("to the right", bar())[0] == pytest.approx(4 / 40, abs=1e-3)
    assert read("to the bottom", moved)[0] - read("to the bottom", bar())[0] == pytest.approx(-8 / 40, abs=1e-3)
    assert read("width", bar(90))[0] > 0 > read("width", bar(0))[0]


def test_brightness_contrast_and_detail():
    flat = np.full((8, 8, 1), 51, np.uint8)
    board = np.uint8(255) * (np.indices((8, 8)).sum(0) % 2)[:, :, None].astype(np.uint8)
    assert read("brightness", flat, board) == pytest.approx([0.2, 0.5])
    assert read("contrast", flat, board) == pytest.approx([0, 0.5])
    assert read("detail", flat, board) == pytest.approx([0, 2])


def test_colours_lean_to_their_hue_and_grey_ones_to_none():
    patches = {"red": (200, 40, 40), "yellow": (200, 200, 40), "green": (40, 200, 40), "grey": (90, 90, 90)}
    values = measured(np.stack([np.full((4, 4, 3), rgb, np.uint8) for rgb in patches.values()]))
    for number, name in enumerate(["reddish", "yellowish", "greenish"]):
        assert values[name].argmax() == number
        assert values[name][3] == pytest.approx(0)
    assert values["colourfulness"] == pytest.approx([160 / 255] * 3 + [0])
    assert "reddish" not in measured(np.zeros((1, 4, 4, 1), np.uint8))


def test_what_nobody_sees_does_not_count():
    hidden = np.concatenate([np.full((4, 4, 3), 10, np.uint8), np.zeros((4, 4, 1), np.uint8)], axis=2)
    assert read("brightness", hidden)[0] == pytest.approx(1)  # paper


def test_empty_pictures_have_values_too():
    values = measured(np.zeros((2, 16, 16, 3), np.uint8))
    assert all(np.isfinite(value).all() and value.shape == (2,) for value in values.values())
