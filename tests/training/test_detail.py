"""Gammas scaled to what pictures hold."""

import numpy as np
import pytest
from PIL import Image

from ganvas.dataset import prepare
from ganvas.training.detail import detail, for_pictures
from tests.training.helpers import tiny, trainer


def folder_of(tmp_path, pictures):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return prepare(folder, pictures[0].shape[0], out=tmp_path / "prepared")


def test_detail_is_the_energy_of_edges(tmp_path):
    """Half of the pictures are black; half have one white column, which is two edges of 2 in each of 16 rows.

    Less the mean picture, whose column is grey, each edge is 1; rows do not differ: 2 * 16 / 2.
    """
    black, column = np.zeros((2, 16, 16), np.uint8)
    column[:, 5] = 255
    data = folder_of(tmp_path, [black, column])
    assert detail(data, np.arange(2)) == pytest.approx(16)


def test_gammas_follow_the_detail(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 16, 16), dtype=np.uint8)
    data = folder_of(tmp_path, list(noise))
    found = detail(data, np.arange(len(data)))
    scaled = for_pictures(tiny(r1_gamma=1.0, r2_gamma=0.5, gamma_detail=found / 3), data, np.arange(len(data)))
    assert (scaled.r1_gamma, scaled.r2_gamma) == (pytest.approx(3), pytest.approx(1.5))
    plain = tiny(r1_gamma=1.0, r2_gamma=0.5, gamma_detail=None)
    assert for_pictures(plain, data, np.arange(len(data))) == plain
    one = trainer(tmp_path / "run", tiny(r1_gamma=1.0, gamma_detail=50.0, holdout=0.0), data=data)
    assert one.players.recipe.r1_gamma == pytest.approx(found / 50)
    assert one.run.config.recipe.r1_gamma == 1.0  # what the user asked for stays in run.json


def test_pictures_that_are_all_alike_keep_a_penalty(tmp_path):
    data = folder_of(tmp_path, [np.full((16, 16), value, np.uint8) for value in (7, 8, 9)])
    assert for_pictures(tiny(r1_gamma=1.0, gamma_detail=100.0), data, np.arange(3)).r1_gamma == pytest.approx(0.01)
