"""`ganvas explore` and `ganvas sample --like`, from the command line."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import ganvas as gv
from ganvas.cli import main
from tests.training.helpers import tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explored") / "run"
    gv.train("digits", tiny("style"), kimg=0.016, out=folder, display="none")
    return folder


def said(capsys, *arguments):
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert stopped.value.code in (1, 2)
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return message


def test_a_walk_becomes_a_film(run, tmp_path, capsys):
    film = tmp_path / "walk.webp"
    options = ("--walk", "seeds", 1, 2, 3, "--seconds", 0.5, "--fps", 12, "--scale", 2)
    assert said(capsys, "explore", run, *options, "--out", film) == f"6 frames, 0.5 seconds: {film}\n"
    with Image.open(film) as image:
        assert (image.n_frames, image.size) == (6, (56, 56))
    said(capsys, "explore", run, *options, "--cells", 4, "--path", "slerp", "--out", film)
    with Image.open(film) as image:
        assert (image.n_frames, image.size) == (6, (2 * 62, 2 * 62))


def test_a_matrix_of_works(run, tmp_path, capsys):
    sheet = tmp_path / "new" / "mix.png"
    message = said(capsys, "explore", run, "--mix", "rows", 1, 2, "cols", 4, 5, 6, "--layers", "coarse", "--out", sheet)
    assert message == f"2 x 3 works, coarse styles of the columns: {sheet}\n"
    with Image.open(sheet) as image:
        assert image.text["mix"] == "rows 1 2 cols 4 5 6"


def test_children_are_bred_again_and_drawn_again(run, tmp_path, capsys):
    said(capsys, "explore", run, "--breed", 1, 2, "--count", 3, "--label", 4, "--out", tmp_path / "children")
    files = sorted((tmp_path / "children").iterdir())
    assert [path.name for path in files] == [f"child-{number:06d}.png" for number in range(3)]
    said(capsys, "explore", run, "--breed", files[0], files[1], "--count", 1, "--out", tmp_path / "grandchildren")
    grandchild = tmp_path / "grandchildren" / "child-000000.png"
    said(capsys, "sample", run, "--like", grandchild, "--out", tmp_path / "same")
    first, again = (np.asarray(Image.open(path)) for path in (grandchild, tmp_path / "same" / "again.png"))
    assert np.array_equal(first, again)


def test_a_work_is_not_drawn_over_itself(run, tmp_path, capsys):
    path = gv.open(run).sample(1)[0].save(tmp_path / "again.png")
    assert "would be written over the work itself" in refused(capsys, "sample", run, "--like", path, "--out", tmp_path)
    assert "leave out --grid and --npz" in refused(capsys, "sample", run, "--like", path, "--grid")


def test_another_generators_work_is_said(run, tmp_path, capsys):
    other = tmp_path / "other"
    gv.train("digits", tiny("style"), kimg=0.016, out=other, seed=1, display="none")
    path = gv.open(other).sample(1)[0].save(tmp_path / "work.png")
    message = said(capsys, "sample", run, "--like", path, "--out", tmp_path)
    assert f"Warning: {path} was drawn by other at 0.016 kimg, not by this generator" in message


def test_directions_are_found_shown_and_steered_along(run, tmp_path, capsys, quick):
    own = tmp_path / "run"
    shutil.copytree(run, own)
    message = said(capsys, "explore", own, "--directions", 1)
    lines = message.splitlines()
    assert [re.search(r": (\w+ 1), \w+ layers, purity \d+%", line)[1] for line in lines[:3]] == [
        "sefa 1",
        "pca 1",
        "label 1",
    ]
    assert lines[-1] == f"3 directions: {own / 'directions'}"
    assert {path.name for path in (own / "directions").iterdir()} == {
        *("directions.json", "directions.safetensors", "sefa-1.png", "pca-1.png", "label-1.png")
    }
    with Image.open(own / "directions" / "label-1.png") as image:
        assert image.text["direction"] == "label 0"
    out = tmp_path / "steered"
    said(capsys, "explore", own, "--steer", 3, 4, "--direction", "label 0", "--amount", -1.5, "--out", out)
    assert sorted(path.name for path in out.iterdir()) == ["label-0-1.5-000000.png", "label-0-1.5-000001.png"]
    assert "No direction 'label 10'" in refused(capsys, "explore", own, "--steer", 1, "--direction", "label 10")


def test_favourites_teach(run, tmp_path, capsys, quick):
    own = tmp_path / "run"
    shutil.copytree(run, own)
    for name, seed in (("more", 0), ("less", 10)):
        said(capsys, "sample", own, "--count", 3, "--seed", seed, "--out", tmp_path / name)
    arguments = ("--teach", tmp_path / "more", tmp_path / "less", "--name", "bolder")
    assert "bolder: learned from 3 works against 3 that you like less" in said(capsys, "explore", own, *arguments)
    assert "against works at random" in said(capsys, "explore", own, *arguments[:2], *arguments[3:])
    out = tmp_path / "out"
    said(capsys, "explore", own, "--steer", 1, "--direction", "bolder", "--out", out)
    assert [path.name for path in out.iterdir()] == ["bolder+2-000000.png"]
    (tmp_path / "empty").mkdir()
    message = refused(capsys, "explore", own, "--teach", tmp_path / "empty", "--name", "bolder")
    assert "empty holds no works" in message


def test_textures_sprites_posters_and_large_works(run, tmp_path, capsys):
    out = tmp_path / "out"
    said(capsys, "explore", run, "--tile", "seeds", 1, "4-5", "--out", out / "tiles")
    names = [f"tile-{number:06d}{kind}.png" for number in range(3) for kind in ("", "-repeated")]
    assert sorted(path.name for path in (out / "tiles").iterdir()) == sorted(names)
    tile, repeated = (np.asarray(Image.open(out / "tiles" / name)) for name in names[2:4])
    assert np.array_equal(repeated, np.tile(tile, (3, 3)))
    said(capsys, "sample", run, "--like", out / "tiles" / names[2], "--out", out)
    assert np.array_equal(np.asarray(Image.open(out / "again.png")), tile)

    assert said(capsys, "explore", run, "--sprites", "1-6", "--out", out / "sprites.png").startswith("6 sprites: ")
    atlas = json.loads((out / "sprites.json").read_text())
    assert atlas["frames"]["seed-3"]["lineage"]["seed"] == 3
    said(capsys, "explore", run, "--sprites", 7, 7, "--out", out / "twice.png")
    assert set(json.loads((out / "twice.json").read_text())["frames"]) == {"seed-7", "seed-7-2"}

    options = ("--paper", "a5", "--dpi", 50, "--out", out / "poster.png")
    assert "6 works in 2 columns and 3 rows, a5 at 50 dpi" in said(capsys, "explore", run, "--poster", "1-6", *options)
    said(capsys, "explore", run, "--upscale", 1, "--factor", 3, "--filter", "pixels", "--out", out / "large")
    with Image.open(out / "large" / "work-000000-x3.png") as image:
        assert (image.size, image.text["seed"]) == ((84, 84), "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--tile, --sprites, --poster, --upscale; not nothing"),
        (("--walk", 1, 2, "--breed", 1, 2), "not --walk and --breed"),
        (("--directions", 0), "directions must be from 1 to 64"),
        (("--tile", "seeds"), "works must be named by seeds"),
        (("--tile", "9-2"), "a range of seeds must be from the lower to the higher"),
        (("--sprites", 1, "--out", "sprites.gif"), "a sprite sheet must be named with .png"),
        (("--poster", 1, "--paper", "a9"), "poster must be a5, a4"),
        (("--upscale", 1, "--factor", 0), "upscale must be a whole number from 1 to 64"),
        (("--steer", 1), "Say where to: --direction NAME"),
        (("--steer", 1, "--direction", "size"), "This run has no directions yet"),
        (("--teach", "more"), "perhaps what less, and a name"),
        (("--teach", "more", "--name", "bolder"), "more is no folder"),
        (("--walk", 1), "a walk must be given at least two works"),
        (("--walk", 1, 2, "--seconds", 0), "seconds must be above 0"),
        (("--walk", 1, 2, "--cells", 0), "cells must be from 1 to 100"),
        (("--walk", 1, 2, "--out", "walk.avi"), "a film must be named with one of .mp4, .webp, .gif"),
        (("--walk", 1, "two"), "'two' is neither a seed (a whole number) nor the PNG file of a work"),
        (("--walk", 1, "none.png", "--out", "walk.gif", "--fps", 10), "none.png does not exist"),
        (("--mix", 1, 2), "--mix rows 1 2 3 cols 4 5 6"),
        (("--mix", "rows", 1, "cols"), "needs works in rows and in columns"),
        (("--mix", "rows", 1, "cols", 2, "--layers", "fien"), "No layers 'fien'. Did you mean 'fine'?"),
        (("--mix", "rows", 1, "cols", 2, "--layers", "90"), "layers must be numbers from 0 to"),
        (("--mix", "rows", 1, "cols", 2, "--out", "mix.jpg"), "name it with .png, not 'mix.jpg'"),
        (("--mix", "rows", 1, "cols", 2, "--scale", 0), "scale must be from 1 to 64"),
        (("--breed", 1, 2, "--label", "eleven"), "No label 'eleven'"),
        (("--breed", 1, 2, "--count", 0), "count must be from 1 to 10,000"),
    ],
)
def test_what_cannot_be_done_is_said(run, arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, "explore", run, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_of_another_origin_is_no_work(run, tmp_path, capsys):
    Image.new("L", (28, 28)).save(tmp_path / "plain.png")
    message = refused(capsys, "explore", run, "--breed", 1, tmp_path / "plain.png")
    assert "plain.png does not say what it was drawn from" in message
    (tmp_path / "text.png").write_text("no picture")
    assert "cannot be read as a picture" in refused(capsys, "sample", run, "--like", tmp_path / "text.png")
