import dataclasses
import shutil
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

import ganvas as gv
from ganvas.api import make_trainer
from ganvas.errors import CheckpointError, RunNotFound, StorageError, UnknownName, UsageError
from ganvas.tensors import as_levels
from ganvas.training.epochs import held_out_scores
from ganvas.training.strength import Overfitting
from ganvas.training.vitals import Probe
from ganvas.works import save_files, save_grid, save_npz

from .training.helpers import tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny labelled run on the digits."""
    folder = tmp_path_factory.mktemp("api")
    art = gv.prepare("digits", out=folder / "art")
    return gv.train(art, tiny(), kimg=0.4, out=folder / "run", display="none")


@pytest.fixture(scope="module")
def model(run):
    return gv.open(run.folder)


def test_the_same_call_goes_on_or_is_done(run):
    again = gv.train(run.folder.parent / "art", tiny(), kimg=0.4, out=run.folder, display="none")
    assert again == run
    assert again.latest().scalars()["images"] == 400


def test_fit_yields_the_events_of_train(run, tmp_path):
    events = list(gv.fit(run.folder.parent / "art", tiny(), kimg=0.016, out=tmp_path / "run"))
    names = [type(event).__name__ for event in events]
    assert names == ["Started", "Preview", "Preview", "Step", "Saved", "Preview", "Finished"]


def test_a_seed_gives_its_work_whatever_the_count_and_the_batch(model):
    many = model.sample(130, seed=3)
    assert [work.seed for work in many] == list(range(3, 133))
    one = model.sample(1, seed=130)[0]
    assert one.label == many[127].label
    difference = one.pixels.astype(int) - many[127].pixels
    assert np.abs(difference).max() <= 1
    in_sevens = np.concatenate(list(model.pixels(range(3, 133), batch_size=7)))
    assert np.abs(in_sevens.astype(int) - np.stack([work.pixels for work in many])).max() <= 1


def test_labels_are_asked_for_by_name_or_number(model):
    assert {work.label for work in model.sample(4, label="3")} == {"3"}
    assert np.array_equal(model.sample(1, label=3)[0].pixels, model.sample(1, label="3")[0].pixels)
    assert not np.array_equal(model.sample(1, label=3)[0].pixels, model.sample(1, label=4)[0].pixels)
    assert model.sample(1, label="none")[0].label is None
    with pytest.raises(UnknownName, match="No label '33' in run. Did you mean '3'"):
        model.sample(1, label="33")


def test_without_a_label_they_come_in_the_proportion_they_were_learned(model):
    drawn = [work.label for work in model.sample(500)]
    assert all(25 < drawn.count(str(digit)) < 80 for digit in range(10))


def test_truncation_draws_towards_the_most_typical(model):
    def spread(truncation):
        return (
            np.stack([w.pixels for w in model.sample(32, label=3, truncation=truncation)]).astype(float).std(0).mean()
        )

    assert spread(0) == 0
    assert spread(0.5) < spread(1)
    with pytest.raises(UsageError, match="truncation must be between 0 and 1, got 1.5"):
        model.sample(1, truncation=1.5)
    with pytest.raises(UsageError, match="count must be a whole number of at least 1, got 0"):
        model.sample(0)


def test_a_work_knows_where_it_comes_from(model, tmp_path):
    work = model.sample(1, seed=7, label=5, truncation=0.7)[0]
    with Image.open(work.save(tmp_path / "a.png")) as image:
        assert np.array_equal(np.asarray(image)[:, :, None], work.pixels)
        text = image.text
    assert {key: text[key] for key in ("run", "recipe", "seed", "label", "truncation", "kimg")} == {
        "run": "run",
        "recipe": "canvas",
        "seed": "7",
        "label": "5",
        "truncation": "0.7",
        "kimg": "0.400",
    }
    assert work._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(StorageError, match="Cannot write"):
        work.save(tmp_path / "no" / "such" / "folder.png")


def test_a_generator_travels_as_one_file(run, model, tmp_path):
    shutil.copyfile(run.latest().folder / "ema.safetensors", tmp_path / "gift.safetensors")
    gift = gv.open(tmp_path / "gift.safetensors")
    assert gift.labels == model.labels
    assert np.array_equal(gift.sample(1, seed=4)[0].pixels, model.sample(1, seed=4)[0].pixels)


def test_what_cannot_be_opened_is_said(run, tmp_path):
    with pytest.raises(RunNotFound, match="is not a run"):
        gv.open(tmp_path / "nothing")
    shutil.copytree(run.folder, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(RunNotFound, match="has no checkpoint yet"):
        gv.open(tmp_path / "run")
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="not a generator saved by ganvas"):
        gv.open(tmp_path / "x.safetensors")


def test_files_grid_and_array_hold_the_same_works(model, tmp_path):
    pixels = np.stack([work.pixels for work in model.sample(9, seed=2)])
    paths = save_files(model, tmp_path / "works", 9, seed=2)
    assert [path.name for path in paths][:2] == ["seed-000002.png", "seed-000003.png"]
    assert np.array_equal(np.asarray(Image.open(paths[4]))[:, :, None], pixels[4])
    with np.load(save_npz(model, tmp_path / "all.npz", 9, seed=2, batch_size=4), allow_pickle=False) as stored:
        assert stored["arr_0"].dtype == np.uint8
        assert np.abs(stored["arr_0"].astype(int) - pixels).max() <= 1
    with Image.open(save_grid(model, tmp_path / "grid.png", 9, seed=2)) as sheet:
        assert sheet.width == sheet.height
        assert sheet.text["seed"] == "2-10"


def test_the_length_is_given_once_and_the_default_is_said(run, tmp_path):
    art = run.folder.parent / "art"
    with pytest.raises(UsageError, match="Give the run's length once, not by minutes and kimg"):
        gv.fit(art, tiny(), minutes=1, kimg=1, out=tmp_path / "a")
    with pytest.raises(UsageError, match="kimg must be above 0, got -1"):
        gv.fit(art, tiny(), kimg=-1, out=tmp_path / "a")
    with pytest.raises(UnknownName, match="Did you mean 'canvas'"):
        gv.fit(art, "canvs", out=tmp_path / "a")
    with pytest.raises(UsageError, match="seed must be a whole number"):
        gv.fit(art, tiny(), seed=Fraction(1, 2), out=tmp_path / "a")  # type: ignore[arg-type]
    assert not (tmp_path / "a").exists()


def test_a_run_without_labels_refuses_labels_kindly(run, tmp_path):
    bare = gv.train(run.folder.parent / "art", tiny(), kimg=0.008, out=tmp_path / "b", labels=False, display="none")
    model = gv.open(bare.folder)
    assert model.labels == ()
    assert model.sample(2)[0].label is None
    with pytest.raises(UsageError, match="b learned without labels; leave out the label 3"):
        model.sample(1, label=3)


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("RGBA", 4)])
def test_colour_alpha_and_odd_sizes_go_all_the_way(tmp_path, mode, channels):
    """Pictures of another shape, to a run, to works of that shape."""
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for number in range(6):
        pixels = rng.integers(0, 255, (70, 90, channels), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / f"{number}.png")
    art = gv.prepare(tmp_path / "in", "44x20", alpha=channels == 4, crop="random")
    run = gv.train(art, tiny(), kimg=0.016, out=tmp_path / "run", few=True, display="none")
    work = gv.open(run.folder).sample(1)[0]
    assert work.pixels.shape == (20, 44, channels)
    assert work.image.mode == mode


def test_the_public_names_are_all_there():
    for name in gv.__all__:
        assert getattr(gv, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gv.nothing  # noqa: B018


def test_works_and_previews_are_on_the_scale_of_the_pictures(tmp_path):
    art = gv.prepare("digits", out=tmp_path / "art")
    looks = {}
    for tones in ("linear", "sine"):
        run = gv.train(art, tiny(tones=tones), kimg=0.008, out=tmp_path / tones, display="none")
        model = gv.open(run.folder)
        seeds = range(4)
        z = torch.stack([model.drawer.latent(seed) for seed in seeds])
        with torch.inference_mode():
            painted = model.generator(z, torch.tensor(model.drawer.label_numbers(seeds))).clamp(-1, 1)
        expected = painted if tones == "linear" else (painted * torch.pi / 2).sin()
        drawn = np.stack([work.pixels for work in model.sample(4)]).transpose(0, 3, 1, 2)
        assert np.abs(drawn / 127.5 - 1 - expected.numpy()).max() <= 0.51 / 127.5
        looks[tones] = np.asarray(Image.open(run.previews()[0])).astype(int)
    # The same weights, seen on two scales: mid-greys go apart.
    first = looks["linear"][looks["linear"] < 255] / 127.5 - 1
    assert np.abs(looks["sine"][looks["linear"] < 255] / 127.5 - 1 - np.sin(first * np.pi / 2)).max() <= 2.1 / 127.5


def test_all_that_look_at_pictures_see_them_on_the_scale_of_the_recipe(tmp_path, monkeypatch):
    """The players, the doctor, the measure of overfitting and the scores after an epoch."""
    art, cpu = gv.prepare("digits", out=tmp_path / "art"), torch.device("cpu")
    one = make_trainer(art, tiny(tones="sine"), kimg=0.008, out=tmp_path / "run")
    about = one.run.config, art, one.train_works, one.held_out
    judged = []
    shown = dataclasses.replace(one.players, bare_D=lambda x, label: judged.append(x) or torch.zeros(len(x)))
    with torch.no_grad():
        held_out_scores(about[0], art, one.held_out, shown, one.average, epoch=1)
    looked_at = {
        "players": one.batches.batch(0, 8, cpu).real,
        "doctor": Probe(*about, cpu).pictures,
        "overfitting": Overfitting(*about, cpu).asked[0][0],
        "epochs": judged[0],
    }
    for who, pictures in looked_at.items():
        levels = as_levels(pictures, "sine").add(1).mul(127.5)
        assert torch.allclose(levels, levels.round(), atol=1e-3), who
