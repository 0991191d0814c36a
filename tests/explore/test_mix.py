"""The mixing matrix, and children."""

import numpy as np
import pytest

from ganvas.explore.mix import children, matrix
from ganvas.explore.sheets import frames_of, with_sources

from .helpers import model


@pytest.mark.parametrize("recipe", ["canvas", "style"])
def test_the_matrix_takes_named_layers_from_columns(recipe):
    made = model(recipe)
    rows, columns = made.latents([1, 2]), made.latents([4, 5, 6])
    coarse, fine, every = (matrix(rows, columns, made.steered, layers) for layers in ("coarse", "fine", "all"))
    assert np.array_equal(every[1][2].styles, columns[2].styles)
    count = len(made.steered.resolutions)
    third = count // 3
    for i in range(2):
        for j in range(3):
            assert np.array_equal(fine[i][j].styles[:third], rows[i].styles[:third])
            assert np.array_equal(fine[i][j].styles[-third:], columns[j].styles[-third:])
            assert np.array_equal(coarse[i][j].styles[:third], columns[j].styles[:third])
    assert len({picture.tobytes() for picture in made.drawn([cell for row in fine for cell in row])}) == 6


def test_the_sheet_has_its_sources_in_the_margins():
    pictures = np.arange(1, 12, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8) * 20
    sheet = np.asarray(with_sources(pictures[:2], pictures[2:5], pictures[5:], 1))
    cells = sheet[2:].reshape(-1, sheet.shape[1])[:18].reshape(3, 6, -1)[:, 0, 2:].reshape(3, 4, 6)[:, :, 0]
    assert cells.tolist() == [[255, 60, 80, 100], [20, 120, 140, 160], [40, 180, 200, 220]]


@pytest.mark.parametrize("recipe", ["canvas", "style"])
def test_children_take_each_layer_from_one_parent(recipe):
    made = model(recipe)
    a, b = made.latents([1, 2])
    born = children(a, b, 30)
    for child in born:
        of_a, of_b = (child.styles == a.styles).all(1), (child.styles == b.styles).all(1)
        assert (of_a ^ of_b).all()
        assert of_a.any()
        assert of_b.any()
        assert np.flatnonzero(of_b).tolist() == child.lineage["layers"]
    assert len({child.styles.tobytes() for child in born}) > 5
    again = children(a, b, 1, seed=7)[0]
    assert np.array_equal(again.styles, born[7].styles)
    assert again.lineage == born[7].lineage
    assert born[3].lineage["of"] == a.lineage


def test_children_of_undivided_latents_lie_between_their_parents():
    made = model("dcgan")
    a, b = made.latents([1, 2])
    for child in children(a, b, 10):
        share = child.lineage["share"]
        assert 0.2 <= share <= 0.8
        np.testing.assert_allclose(child.styles, a.styles + share * (b.styles - a.styles), atol=1e-4)


def test_several_walks_lie_side_by_side():
    made = model()
    walks = [made.latents(range(start, start + 3)) for start in (0, 10, 20)]
    frames = list(frames_of(walks, made.drawn, columns=2))
    assert len(frames) == 3
    assert frames[0].shape == (2 * 34 + 2, 2 * 34 + 2, 3)
    np.testing.assert_array_equal(frames[1][2:34, 2:34], made.drawn([walks[0][1]])[0])
    np.testing.assert_array_equal(frames[1][36:68, 2:34], made.drawn([walks[2][1]])[0])
    alone = list(frames_of(walks[:1], made.drawn, columns=1))
    np.testing.assert_array_equal(alone[2], made.drawn([walks[0][2]])[0])
