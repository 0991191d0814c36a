"""Scenes of coloured shapes: what is drawn is what is said."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ganvas.dataset import prepare
from ganvas.errors import UsageError
from ganvas.sources import scenes
from ganvas.sources.find import find
from ganvas.sources.scenes import COLOURS, SHAPES, Scene, Thing
from ganvas.sources.shapes import Shapes, draw
from ganvas.words import words_of


class Still:
    """Chance that always falls in the middle."""

    def uniform(self, low: float, high: float, size: int | None = None) -> np.ndarray | float:
        middle = (low + high) / 2
        return middle if size is None else np.full(size, middle)


def drawn(**changes: Any) -> np.ndarray:
    thing = replace(Thing("red", "circle", "large", "plain", "centre"), **changes)
    return draw(Scene((thing,)), Still(), 96).astype(int)  # type: ignore[arg-type]


def ink(picture: np.ndarray) -> np.ndarray:
    return (picture < 250).any(axis=2)


def middle(picture: np.ndarray) -> tuple[float, float]:
    """(x, y) of the ink, as shares of the side."""
    rows, columns = np.nonzero(ink(picture))
    return (columns.min() + columns.max() + 1) / 2 / 96, (rows.min() + rows.max() + 1) / 2 / 96


@pytest.mark.parametrize("colour", COLOURS)
def test_ink_has_the_colour(colour: str) -> None:
    assert drawn(colour=colour)[48, 48].tolist() == list(COLOURS[colour])


@pytest.mark.parametrize("place", scenes.PLACES)
def test_things_stand_where_they_are_said_to(place: str) -> None:
    assert middle(drawn(place=place)) == pytest.approx(scenes.PLACES[place], abs=0.02)


def test_large_is_larger_and_textures_lighten() -> None:
    assert ink(drawn()).sum() > 2 * ink(drawn(size="small")).sum()
    plain, striped, dotted = (drawn(texture=texture) for texture in scenes.TEXTURES)
    assert striped.mean() > plain.mean() + 3 and dotted.mean() > plain.mean() + 3
    inside = slice(44, 52)
    assert (striped[inside, 40:56] == striped[inside, 40:41]).all()  # stripes lie
    assert not (dotted[inside, 40:56] == dotted[inside, 40:41]).all()


def test_shapes_differ_and_a_ring_is_open() -> None:
    masks = [ink(drawn(shape=shape)) for shape in SHAPES]
    for number, mask in enumerate(masks):
        for other in masks[number + 1 :]:
            assert (mask != other).sum() > 0.1 * mask.sum()
    assert not masks[SHAPES.index("ring")][48, 48]


@pytest.mark.parametrize("count", [2, 3])
def test_several_stand_in_a_row_without_touching(count: int) -> None:
    columns = ink(drawn(count=count, shape="square")).any(axis=0)
    assert (np.diff(columns.astype(int)) == 1).sum() == count


def test_two_things_never_touch_and_lie_inside() -> None:
    reach = 2 * max(scenes.SIZES.values())
    assert len(scenes.APART) > 30
    for one, other in scenes.APART:
        assert np.abs(np.subtract(scenes.PLACES[one], scenes.PLACES[other])).max() > reach
    for x, y in scenes.PLACES.values():
        assert reach / 2 < min(x, y, 1 - x, 1 - y) + 0.01


def test_each_colour_and_each_shape_is_learned_with_others_than_those_kept() -> None:
    unseen = {(colour, shape) for colour in COLOURS for shape in SHAPES if Thing(colour, shape, "", "", "").is_unseen}
    assert {colour for colour, _ in unseen} == set(COLOURS) and {shape for _, shape in unseen} == set(SHAPES)
    assert len(unseen) == len(COLOURS)


def test_captions_say_what_is_there_in_english_and_chinese() -> None:
    star = Thing("blue", "star", "small", "plain", "right")
    scene = Scene((Thing("red", "circle", "large", "striped", "top left"), star))
    for number in range(30):
        *english, chinese = scenes.captions(scene, np.random.default_rng(number))
        assert chinese == "左上角一个大的条纹红色圆形，右边一个小的蓝色星形"
        for caption in english:
            words = words_of(caption)
            assert {"red", "blue", "star", "left", "right"} <= set(words)
            assert {"large", "big", "huge"} & set(words) and {"striped", "stripy"} & set(words)
            assert words.index("red") < words.index("blue")
    orange = Scene((Thing("orange", "cross", "small", "plain", "top", count=2),))
    said = " / ".join(text for number in range(60) for text in scenes.captions(orange, np.random.default_rng(number)))
    assert "crosses" in said and "pluses" in said and " a " not in said and "two" in said
    single = Scene((Thing("orange", "star", "small", "plain", "top"),))
    said = " / ".join(text for number in range(60) for text in scenes.captions(single, np.random.default_rng(number)))
    assert "an orange" in said and "a orange" not in said


def test_more_pictures_begin_with_the_same_ones() -> None:
    few, more = list(Shapes(20).artworks()), list(Shapes(30).artworks())
    assert len(few) == 20 and Shapes(30).count() == len(more) == 30
    for one, other in zip(few, more, strict=False):
        assert one.texts == other.texts and (one.image == other.image).all()


def test_scenes_have_all_kinds_and_those_of_unseen_pairs_are_left_out() -> None:
    works = list(Shapes(300).artworks())
    assert {work.split for work in works} == {"train"}
    made = [scenes.make_scene(np.random.default_rng([0, number])) for number in range(500)]
    kept = [number for number, scene in enumerate(made) if not scene.is_unseen]
    assert 350 < len(kept) < 450
    assert [work.name for work in works] == [f"shapes/{number:06d}" for number in kept[:300]]
    kinds = [len(scene.things) if scene.things[0].count == 1 else "row" for scene in made]
    assert kinds.count(1) > 250 and kinds.count(2) > 90 and kinds.count("row") > 20


def test_a_number_of_pictures_can_be_asked_for() -> None:
    assert find("shapes").count() == 10_000
    assert find("shapes:500").count() == 500
    for wrong in ("shapes:", "shapes:0", "shapes:-1", "shapes:many", "shapes:99999999999"):
        with pytest.raises(UsageError, match="such as shapes:500"):
            find(wrong)


def test_prepared_shapes_keep_their_captions(tmp_path) -> None:
    dataset = prepare("shapes:40", 16, out=tmp_path / "art")
    captions = dataset.captions()
    assert dataset.shape == (3, 16, 16) and len(captions) == 40
    assert captions == [work.texts for work in Shapes(40).artworks()]
    assert "captions: " in " ".join(dataset.notes)
    assert not dataset.is_test.any()
