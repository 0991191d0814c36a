"""Transparency from a folder to works, scores and the report; and folders in which everything is mixed."""

import dataclasses
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

import ganvas as gv
from ganvas.api import make_trainer
from ganvas.cli import main
from ganvas.config import AUGMENTATIONS
from ganvas.errors import DataError, UsageError
from ganvas.registry import recipes
from ganvas.training.detail import detail
from ganvas.training.events import Finished
from ganvas.training.sides import sides
from ganvas.training.vitals import Probe
from ganvas.works import save_files, save_grid, save_npz

from .training.helpers import tiny


def badge(number: int, width: int = 40, height: int = 40) -> Image.Image:
    """A disc on garbage that nobody can see."""
    image = Image.new("RGBA", (width, height), (0, 255, 0, 0))
    at = 2 + number % 7, 2 + number % 5
    ImageDraw.Draw(image).ellipse((*at, at[0] + 14 + number % 11, at[1] + 14), (200, number % 250, 60, 255), "black")
    return image


@pytest.fixture(scope="module")
def art(tmp_path_factory):
    folder = tmp_path_factory.mktemp("badges")
    (folder / "in").mkdir()
    for number in range(240):
        badge(number).save(folder / "in" / f"{number}.png")
    return gv.prepare(folder / "in", 16, alpha=True, out=folder / "art")


@pytest.fixture(scope="module")
def run(art):
    every = tiny(augment=tuple(AUGMENTATIONS), augment_by="fixed", augment_p=0.5, holdout=0.45)
    return gv.train(art, every, kimg=0.4, out=art.folder.parent / "run", display="none")


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_learns_alpha(name, art, tmp_path):
    recipe = dataclasses.replace(recipes.get(name)(), batch_size=4, evaluate_each_epoch=False)
    events = list(gv.fit(art, recipe, kimg=0.02, out=tmp_path / "run", doctor="auto"))
    assert isinstance(events[-1], Finished)
    assert events[-1].kimg == 0.02
    assert gv.open(tmp_path / "run").sample(1)[0].pixels.shape == (16, 16, 4)


def test_works_carry_alpha_and_what_made_them(run, tmp_path):
    model = gv.open(run.folder)
    for path in save_files(model, tmp_path / "works", 3, seed=5):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("RGBA", (16, 16))
            assert image.text["seed"] in ("5", "6", "7")
            pixels = np.asarray(image)
        assert (pixels[pixels[..., 3] == 0] == (255, 255, 255, 0)).all()
        assert len(np.unique(pixels[..., 3])) > 1
    with Image.open(save_grid(model, tmp_path / "grid.png", 6)) as sheet:
        assert sheet.mode == "RGBA"
        assert np.asarray(sheet)[0, 0].tolist() == [255, 255, 255, 0]
    with np.load(save_npz(model, tmp_path / "all.npz", 6)) as arrays:
        assert np.array_equal(arrays["arr_0"][5], model.sample(1, seed=5)[0].pixels)


def test_previews_strip_and_animation_are_there(run):
    with Image.open(run.previews()[-1]) as preview, Image.open(run.folder / "previews.webp") as movie:
        assert preview.mode == "RGBA"
        movie.seek(movie.n_frames - 1)
        last = np.asarray(movie.convert("RGBA"))
        assert np.array_equal(last[..., 3], np.asarray(preview)[..., 3])
        seen = last[..., 3] > 0
        assert np.array_equal(last[seen], np.asarray(preview)[seen])
    with Image.open(run.folder / "strip.png") as strip:
        assert strip.mode == "RGB"


def test_it_is_scored_and_shown_on_white(run, tmp_path, capsys):
    main(["evaluate", str(run.folder), "--count", "100", "--features", "random", "--out", str(tmp_path / "told")])
    out = capsys.readouterr().out
    assert "Kernel distance" in out
    assert "nan" not in out.lower()
    page = (tmp_path / "told" / "report.html").read_text()
    assert len(re.findall('class="[a-z ]*alpha"', page)) > 20


def test_the_doctor_does_not_look_under_what_is_empty(art, tmp_path):
    """The same pictures in the eye, with garbage where nobody sees it, give the same vitals: those of real pictures."""
    one = make_trainer(art, tiny(), kimg=0.02, out=tmp_path / "run")
    garbage = art.pictures.copy()
    garbage[garbage[..., 3] == 0] = (0, 255, 0, 0)
    found = []
    for data in (art, dataclasses.replace(art, pictures=garbage)):
        probe = Probe(one.run.config, data, one.train_works, one.held_out, one.device)
        found.append(probe.take(one.players, lambda z, label, real=probe.pictures: real[: len(z)], 8, 0.1))
        assert detail(data, one.train_works) == detail(art, one.train_works)
        assert sides(data) == sides(art)
    assert found[0] == found[1]
    assert found[0].copying == found[0].outside == 0
    assert found[0].coverage > 0.5


def test_other_pictures_are_refused_in_words(run, tmp_path):
    with pytest.raises(UsageError, match="run draws pictures in colour; these are grey. .* with --channels 3,"):
        gv.train("digits", tiny(), kimg=0.02, out=tmp_path / "run", start_from=run.folder, display="none")
    for number in range(120):
        badge(number).convert("RGB").save(tmp_path / f"{number}.png")
    with pytest.raises(DataError, match="draws transparent pictures of 16x16 px, but .* holds colour .* --alpha"):
        gv.open(run.folder).evaluate(gv.prepare(tmp_path, 16))


@pytest.mark.parametrize("alpha", [False, True, None])
def test_a_folder_of_everything_trains(alpha, tmp_path):
    """20x30 to 300x100 px, grey, colour, palette, print colours; with and without transparency."""
    sizes = ((20, 30), (64, 64), (300, 100), (90, 41))
    for number, size in enumerate(sizes):
        image = badge(number, *size)
        opaque = image.convert("RGB")
        for mode in ("1", "L", "LA", "RGB", "RGBA"):
            image.convert(mode).save(tmp_path / f"{mode}-{number}.png")
        opaque.quantize(8).save(tmp_path / f"P-{number}.png", transparency=0)
        opaque.convert("CMYK").save(tmp_path / f"CMYK-{number}.jpg")
    art = gv.prepare(tmp_path, 24, alpha=alpha)
    assert (len(art), art.skipped) == (28, ())
    assert art.shape == (4 if alpha else 3, 24, 24)
    notes = "\n".join((*art.notes, *art.warnings))
    assert "CMYK without a profile, converted by formula (4)" in notes
    assert "smaller than the asked size, enlarged (7)" in notes
    assert ("alpha: 12 of 28 pictures use it, the others are opaque" in notes) == bool(alpha)
    assert ("transparent in places, laid on the background (12)" in notes) == (not alpha)
    assert ("alpha: laid on the background, as 42.9% of the pictures use it" in notes) == (alpha is None)
    run = gv.train(art, tiny(batch_size=4), kimg=0.02, out=tmp_path / "run", display="none")
    assert gv.open(run.folder).sample(1)[0].pixels.shape == (24, 24, art.shape[0])
