"""What `auto` decides from pictures whose properties are known."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas import advice, bases
from ganvas.api import advised, again_at, budget_of, make_trainer
from ganvas.config import Budget
from ganvas.dataset import prepare
from ganvas.errors import UsageError
from ganvas.runs import Run


def folder_of(path, count=30, side=80, plain=True, mode="RGB", same=0):
    """A folder of `count` pictures: a coloured box on white, or noise; the last `same` ones are the first again."""
    path.mkdir()
    for number in range(count):
        rng = np.random.default_rng(0 if number >= count - same else number)
        if plain:
            picture = Image.new(mode, (side, side), "white")
            low, high = sorted(rng.integers(8, side - 8, 2).tolist())
            picture.paste(tuple(rng.integers(0, 256, 3).tolist()), (low, low, high + 4, high + 4))
        else:
            coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
            picture = coarse.resize((side, side), Image.Resampling.BICUBIC).convert(mode)
        picture.save(path / f"{number:03}.png")
    return path


def seen(path, **options):
    return advice.look(prepare(folder_of(path, **options)))


@pytest.fixture
def drawings(tmp_path, monkeypatch):
    """Base models by name, of 64 px."""
    monkeypatch.setattr(bases, "FOLDER", tmp_path / "bases")
    (tmp_path / "bases").mkdir()
    for name in ("drawings", "emblems"):
        (tmp_path / "bases" / f"{name}-64.safetensors").touch()


def test_the_look_counts_works_and_their_size(tmp_path):
    boxes = seen(tmp_path / "boxes")
    assert (boxes.count, boxes.distinct, boxes.original_px, boxes.shape) == (30, 30, 80, (3, 64, 64))
    assert seen(tmp_path / "again", plain=False, same=20).distinct == 10
    assert boxes.flat > 0.9
    assert seen(tmp_path / "noise", plain=False).flat < 0.1


def test_flat_is_what_equals_its_neighbour_in_all_channels():
    pictures = np.zeros((1, 2, 3, 3), np.float32)
    pictures[0, :, 2] = (0, 0, advice.EQUAL + 1)  # one edge of two, in one channel; nothing differs below
    assert advice.flatness(pictures) == pytest.approx((0.5 + 1) / 2)
    pictures[0, :, 2] = (0, 0, advice.EQUAL)
    assert advice.flatness(pictures) == 1


def test_flat_works_in_colour_get_a_palette(tmp_path, drawings):
    boxes = seen(tmp_path / "boxes")
    of_noise = advice.advise(seen(tmp_path / "noise", plain=False))
    assert (of_noise.recipe.name, of_noise.base) == ("canvas", "drawings")
    assert (advice.advise(boxes).recipe.name, advice.advise(boxes).base) == ("palette", "emblems")
    assert advice.advise(dataclasses.replace(boxes, shape=(1, 64, 64))).recipe.name == "canvas"


def test_colour_and_size_decide_on_the_base_model(tmp_path, drawings):
    boxes = seen(tmp_path / "boxes")
    decided = advice.advise(boxes)
    assert decided.base == "emblems"
    assert decided.base_of(dataclasses.replace(decided.recipe, batch_size=8)) == "emblems"
    assert decided.base_of(dataclasses.replace(decided.recipe, latent_dim=8)) is None
    assert decided.base_of(dataclasses.replace(decided.recipe, tones="linear")) is None
    others = (dataclasses.replace(boxes, shape=shape) for shape in ((4, 64, 64), (1, 64, 64), (3, 32, 32), (3, 64, 48)))
    assert [advice.advise(other).base for other in others] == ["emblems", None, None, None]


def test_few_works_are_augmented_and_grey_ones_not_tinted(tmp_path):
    boxes = seen(tmp_path / "boxes")
    assert advice.advise(boxes).recipe.augment == ("shift", "tint", "cutout")
    assert advice.advise(dataclasses.replace(boxes, shape=(1, 64, 64))).recipe.augment == ("shift", "cutout")
    assert advice.advise(dataclasses.replace(boxes, distinct=advice.FEW)).recipe == ganvas.recipe("palette")


def test_small_works_slow_machines_and_short_runs_mean_smaller_pictures(tmp_path):
    boxes, minutes = seen(tmp_path / "boxes"), Budget("minutes", 5.0)

    def side(found, rate, budget=minutes):
        smaller = advice.smaller(found, None if rate is None else lambda: rate, budget)
        return None if smaller is None else smaller[0]

    assert side(boxes, 100.0) is None
    assert side(boxes, 20.0) == 32
    assert side(boxes, 20.0, Budget("minutes", 30.0)) is None
    assert side(boxes, None) is None
    assert side(boxes, 20.0, Budget("kimg", 0.1)) is None
    assert side(dataclasses.replace(boxes, original_px=32), 100.0) == 32
    assert side(dataclasses.replace(boxes, original_px=16), 100.0) == 16


def test_it_says_what_and_why_in_three_lines(tmp_path, drawings):
    lines = advice.advise(seen(tmp_path / "boxes")).lines
    assert len(lines) == 3
    assert "palette at 64x64 px, colour" in lines[0]
    assert "emblems, which knows lines" in lines[1]
    assert "shift, tint, cutout, as far as the critic learns the 30 different works by heart" in lines[2]
    for line, option in zip(lines, ("--size", "--from", "--augment"), strict=True):
        assert option in line


def test_a_run_goes_on_as_it_was_decided(tmp_path):
    pictures, out = folder_of(tmp_path / "tiny", side=20), tmp_path / "run"
    first = make_trainer(pictures, kimg=0.016, out=out)
    assert first.run.config.shape == (3, 16, 16)
    assert len(first.advice) == 3
    list(first.fit())
    again = make_trainer(pictures, kimg=0.032, out=out)
    assert again.advice == ("It goes on as was decided when it began.",)
    assert again.run.config.recipe == first.run.config.recipe


def test_what_is_prepared_keeps_its_size(tmp_path):
    dataset = prepare(folder_of(tmp_path / "tiny", side=20))
    assert again_at(dataset.folder, None) is None
    kept, _ = advised(dataset, budget_of(None, 1, None), tmp_path / "run", 0, True, None)
    assert kept.shape == (3, 64, 64)


def test_a_named_recipe_is_taken_as_it_is(tmp_path):
    trainer = make_trainer(folder_of(tmp_path / "boxes", side=20), "canvas", kimg=1, out=tmp_path / "run")
    assert trainer.advice == ()
    assert Run.find(tmp_path / "run").config.recipe == ganvas.recipe("canvas")
    with pytest.raises(UsageError, match="once, not by minutes and kimg"):
        make_trainer(tmp_path / "boxes", minutes=1, kimg=1)


def test_transparency_is_kept_where_the_works_use_it(tmp_path):
    def shape(name, **options):
        trainer = make_trainer(tmp_path / name, kimg=1, out=tmp_path / f"run {name} {options}", **options)
        return trainer.run.config.shape

    folder_of(tmp_path / "opaque", side=20, mode="RGBA")
    assert shape("opaque") == (3, 16, 16)
    for path in folder_of(tmp_path / "cut out", side=20).iterdir():
        with Image.open(path) as image:
            cut = image.convert("RGBA")
        cut.putalpha(Image.fromarray(255 - np.asarray(image.convert("L"))))
        cut.save(path)
    assert shape("cut out") == (4, 16, 16)
    assert shape("cut out", recipe="canvas")[0] == 3


def test_a_run_killed_before_its_first_checkpoint_begins_again_from_its_base(tmp_path):
    pictures, out = folder_of(tmp_path / "boxes"), tmp_path / "run"
    first = make_trainer(pictures, kimg=1, out=out)
    assert first.run.config.parent == "emblems-64"
    again = make_trainer(pictures, kimg=1, out=out)
    assert again.heritage is not None
    assert again.heritage.name == "emblems-64"
