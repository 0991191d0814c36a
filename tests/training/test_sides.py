"""Whether pictures can be told from their mirror images."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ganvas.cli import main
from ganvas.config import Recipe
from ganvas.dataset import prepare
from ganvas.nets.residual import Residual
from ganvas.training.events import Warned
from ganvas.training.sides import mirror_warnings, sides

from .helpers import stop_after, tiny, trainer


def made(tmp_path, paint, count=150):
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(paint(rng)).save(tmp_path / f"{number}.png")
    return prepare(tmp_path, 32, out=tmp_path / "prepared")


def blobs(rng) -> np.ndarray:
    canvas = np.full((32, 32, 3), 200, np.uint8)
    for _ in range(4):
        x, y = rng.integers(0, 26, 2)
        canvas[y : y + 6, x : x + 6] = rng.integers(0, 255, 3)
    return canvas


def signed(rng) -> np.ndarray:
    canvas = blobs(rng)
    canvas[28:30, 22:30] = 0  # in the corner where painters sign
    return canvas


def test_digits_have_a_left_and_a_right():
    found = sides(prepare("digits"))
    assert found.known
    assert found.told > 0.9
    assert "Leave --mirror off" in found.sentence()


@pytest.mark.parametrize(("paint", "known"), [(blobs, False), (signed, True)])
def test_a_signature_tells(tmp_path, paint, known):
    found = sides(made(tmp_path, paint))
    assert found.known == known
    assert ("Leave --mirror off" in found.sentence()) == known


def test_captions_may_say_left_and_right(tmp_path):
    """Of these pictures no other rule would keep anyone from mirroring them."""
    dataset = made(tmp_path, blobs)
    assert "twice as many" in sides(dataset).sentence() and not sides(dataset).captioned
    for number in range(150):
        (tmp_path / f"{number}.txt").write_text("a block on the left")
    dataset = prepare(tmp_path, 32, out=tmp_path / "prepared")
    assert "left or right would be wrong" in sides(dataset).sentence()
    recipe = Recipe(name="test", net=Residual(), mirror=True)
    assert len(mirror_warnings(recipe, dataset, np.arange(150))) == 1
    assert mirror_warnings(replace(recipe, mirror=False), dataset, np.arange(150)) == []


def test_too_few_tell_nothing(tmp_path):
    assert sides(made(tmp_path, blobs, 20)) is None


def test_pictures_all_of_one_colour_have_no_sides(tmp_path):
    found = sides(made(tmp_path, lambda rng: np.full((32, 32, 3), 7, np.uint8) + rng.integers(0, 2, dtype=np.uint8)))
    assert not found.known


def test_a_run_with_mirror_is_warned_where_it_matters(tmp_path):
    def warned(**changes):
        events = stop_after(trainer(tmp_path / str(len(list(tmp_path.iterdir()))), tiny(**changes)), 1)
        return [event.message for event in events if isinstance(event, Warned)]

    assert [message for message in warned(mirror=True) if "Leave --mirror off" in message]
    assert not warned()


def test_prepare_says_so(tmp_path, capsys):
    main(["prepare", "digits", "--out", str(tmp_path / "art")])
    assert "Leave --mirror off" in capsys.readouterr().out
