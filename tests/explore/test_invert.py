"""Pictures of one's own in the latent space."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import ganvas as gv
from ganvas.cli import main
from ganvas.errors import UsageError
from ganvas.explore.invert import Encoder, difference, enter, learn, random_styles, spread
from ganvas.explore.inverter import Inverter, Known, load_inverter, make_inverter, save_inverter
from ganvas.steering import save_inverted
from ganvas.tensors import seeded
from tests.training.helpers import tiny

from .helpers import model


def test_the_encoder_learns_which_style_a_work_has():
    """Beside works that it never saw: a good part of what styles differ by is told."""
    made = model("canvas", labels=())
    of = spread(made.drawer)
    encoder = learn(made.drawer, of, works=6000)
    styles = random_styles(made.drawer, 200, seeded(9, "fresh"))
    with torch.no_grad():
        told = encoder(made.steered.draw(styles))
    wanted = (styles.mean(1) - of.mean) / of.deviation
    assert (told - wanted).square().mean() < 0.6 * wanted.square().mean()
    again = learn(made.drawer, of, works=100), learn(made.drawer, of, works=100)
    assert all(torch.equal(a, b) for a, b in zip(*(one.state_dict().values() for one in again), strict=True))


def test_optimisation_goes_on_from_the_guess():
    made = model("style")
    of, works = spread(made.drawer), made.sample(3)
    pixels = np.stack([work.pixels for work in works])
    encoder = learn(made.drawer, of, works=1500)
    guessed, found = (enter(made.drawer, encoder, of, pixels, "abc", steps=steps) for steps in (0, 60))
    for guess, one, work in zip(guessed, found, works, strict=True):
        assert one.error < 0.7 * guess.error
        (again,) = made.draw([one.latent])
        off = np.sqrt(np.square(again.pixels / 255.0 - work.pixels / 255.0).mean())
        assert off == pytest.approx(one.error, abs=2e-3)
    assert found[1].latent.lineage == {"invert": "b", "error": round(found[1].error, 5)}


def test_pictures_are_compared_at_three_scales():
    a = torch.zeros(1, 1, 8, 8)
    board = (torch.arange(8)[:, None] + torch.arange(8)).remainder(2).float()[None, None] * 2 - 1
    assert difference(a, board).item() == pytest.approx(1 / 3)  # the shrunk ones are grey
    assert difference(a, a + 0.5).item() == pytest.approx(0.25)


def test_far_is_what_lies_beyond_most_pictures_of_the_kind():
    known = Known(tuple(np.linspace(0.01, 0.2, 100)), "held-out pictures")
    assert known.warning("mine.png", 0.19) is None
    assert known.warning("mine.png", 0.3) == (
        "mine.png is far from what this model knows: as it draws it, it is off by 0.300, where of 100 held-out "
        "pictures 95% are off by less than 0.191 (of a range of 1)."
    )


@pytest.mark.parametrize("shape", [(32, 32, 1), (16, 32, 3)])
def test_an_array_of_another_shape_is_refused(shape):
    made = model()
    with pytest.raises(UsageError, match=r"pictures of 32x32x3 \(height, width, channels\) in uint8, and this one is"):
        enter(made.drawer, Encoder(3, (32, 32), 40), spread(made.drawer), np.zeros((1, *shape), np.uint8), ["x"])


def test_it_is_kept_for_its_generator_alone(tmp_path, quick):
    made = model("style")
    inverter = make_inverter(made.drawer, None)
    assert inverter.known.of == "works of its own"
    assert list(inverter.known.errors) == sorted(inverter.known.errors)
    save_inverter(inverter, tmp_path, "abc")
    again = load_inverter(made.drawer, tmp_path, "abc")
    assert isinstance(again, Inverter)
    pixels = made.sample(1)[0].pixels[None]
    np.testing.assert_array_equal(
        inverter.enter(pixels, ["x"])[0].latent.styles, again.enter(pixels, ["x"])[0].latent.styles
    )
    assert load_inverter(made.drawer, tmp_path, "abd") is None
    told = json.loads((tmp_path / "encoder.json").read_text())
    for damage in ({"errors": []}, {"errors": ["x"]}, {"errors": None}):
        (tmp_path / "encoder.json").write_text(json.dumps(told | damage))
        assert load_inverter(made.drawer, tmp_path, "abc") is None
    (tmp_path / "encoder.json").write_text(json.dumps(told))
    (tmp_path / "encoder.safetensors").write_bytes(b"nothing")
    assert load_inverter(made.drawer, tmp_path, "abc") is None


def said(capsys, *arguments, status=0):
    try:
        main([str(argument) for argument in arguments])
        assert status == 0
    except SystemExit as stopped:
        assert stopped.code in (1, 2)
        assert status
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_a_picture_enters_and_is_a_work_like_any_other(tmp_path, capsys, quick):
    run = tmp_path / "run"
    gv.train("digits", tiny("style"), kimg=0.016, out=run, display="none")
    Image.new("RGB", (90, 60), "white").save(tmp_path / "white.jpg")  # digits lie on black
    digit = gv.prepare("digits").batch([7])[0]
    Image.fromarray(digit[:, :, 0]).save(tmp_path / "digit.png")
    out = tmp_path / "entered"
    message = said(capsys, "explore", run, "--invert", tmp_path / "digit.png", tmp_path / "white.jpg", "--out", out)
    assert "digit.png: off by 0." in message
    assert {path.name for path in out.iterdir()} == {"entered-digit.png", "entered-white.png", "beside.png"}
    with Image.open(out / "entered-digit.png") as image:
        assert (image.size, image.mode) == ((28, 28), "L")
        assert json.loads(image.text["lineage"])["invert"] == "digit.png"
    before = (run / "encoder" / "encoder.safetensors").stat().st_mtime_ns
    said(capsys, "explore", run, "--breed", out / "entered-digit.png", 3, "--count", 1, "--out", tmp_path / "children")
    again = said(capsys, "explore", run, "--invert", tmp_path / "digit.png", "--out", tmp_path / "again")
    assert "digit.png: off by" in again
    told = json.loads((run / "encoder" / "encoder.json").read_text())
    assert (len(told["errors"]), told["of"]) == (24, "held-out pictures")
    (run / "encoder" / "encoder.json").write_text(json.dumps(told | {"errors": [1e-3]}))
    assert "white.jpg is far from what this model knows" in said(
        capsys, "explore", run, "--invert", tmp_path / "white.jpg", "--out", tmp_path / "again"
    )
    assert (run / "encoder" / "encoder.safetensors").stat().st_mtime_ns == before
    for path, reason in (("none.png", "no such file"), ("run/run.json", "run.json")):
        assert reason in said(capsys, "explore", run, "--invert", tmp_path / path, "--out", tmp_path / "no", status=1)
    assert not (tmp_path / "no").exists()


def test_arrays_enter_too_and_must_be_of_the_works_shape(quick):
    made = model("style")
    work = made.sample(1)[0]
    (found,) = made.invert([work.pixels])
    assert found.error < 0.3
    assert found.work.latent.lineage["invert"] == "an array"
    for wrong, came in ((work.pixels[:, :-1], "32x31x3"), (work.pixels / 255.0, "32x32x3 in float64")):
        for given in ([work.pixels, wrong], [wrong, work.pixels]):
            with pytest.raises(UsageError, match=f"and this one is {came}"):
                made.invert(given)
    with pytest.raises(UsageError, match="pictures must be at least one"):
        made.invert([])


def test_no_picture_is_written_over(tmp_path, quick):
    """Neither somebody's own, nor one of two with the same name."""
    made, folder = model("style"), tmp_path / "own"
    for place in (folder, folder / "other"):
        place.mkdir()
        Image.new("RGB", (32, 32), "red").save(place / "mine.png")
    before = (folder / "mine.png").read_bytes()
    save_inverted(made, [folder / "mine.png", folder / "other" / "mine.png"], folder, lambda *told: None)
    assert (folder / "mine.png").read_bytes() == before
    assert {path.name for path in folder.glob("*.png")} == {
        *("mine.png", "entered-mine.png", "entered-mine-2.png", "beside.png")
    }
