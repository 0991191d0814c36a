"""Learning from captions that a sentence model reads, and drawing by them."""

import json
import shutil
from pathlib import Path

import pytest

import ganvas as gv
from ganvas.api import make_trainer
from ganvas.cli import main
from ganvas.dataset import Dataset, prepare
from ganvas.errors import RunMismatch, UsageError
from ganvas.evaluation import alignment
from ganvas.explore.wording import rewordings
from ganvas.runs import Run, read_header

from ..sentence_models import make_model
from .helpers import assert_same, final_arrays, stop_after, tiny

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return prepare("shapes:140", 16, out=tmp_path_factory.mktemp("shapes") / "art")


@pytest.fixture(scope="module")
def run(shapes: Dataset, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANVAS_CACHE", str(out.parent / "cache"))
        recipe = tiny("canvas", text_dim=8, pairing=1.0, holdout=0.5)
        list(make_trainer(shapes, recipe, kimg=0.08, out=out, text_encoder=folder).fit())
    return out


def test_a_run_resumes_to_the_bit_wherever_the_model_lies(shapes: Dataset, folder: Path, tmp_path: Path) -> None:
    recipe, told = tiny("style", text_dim=8), list[tuple[int, int]]()
    whole = make_trainer(
        shapes, recipe, kimg=0.08, out=tmp_path / "a", text_encoder=folder, progress=lambda *one: told.append(one)
    )
    list(whole.fit())
    assert told[-1][0] == told[-1][1] == len({text for of_one in shapes.captions() for text in of_one})
    shutil.rmtree(tmp_path / "cache")  # what was read is read again
    part = make_trainer(shapes, recipe, kimg=0.08, out=tmp_path / "b", text_encoder=folder)
    stop_after(part, 3)
    copy = shutil.copytree(folder, tmp_path / "moved")
    told.clear()
    part = make_trainer(
        shapes, recipe, kimg=0.08, out=tmp_path / "b", text_encoder=copy, progress=lambda *one: told.append(one)
    )
    assert not told  # out of the cache
    stop_after(part, 3)
    assert Run.find(tmp_path / "b").config.text_encoder.path == str(copy)  # type: ignore[union-attr]
    part = make_trainer(shapes, recipe, kimg=0.08, out=tmp_path / "b")  # it knows by now
    list(part.fit())
    assert_same(final_arrays(whole.run), final_arrays(part.run))
    other = make_model(tmp_path / "other", seed=1)
    with pytest.raises(RunMismatch, match="text_encoder.fingerprint"):
        make_trainer(shapes, recipe, kimg=0.08, out=tmp_path / "b", text_encoder=other)
    with pytest.raises(UsageError, match="another sentence model"):
        make_trainer(shapes, recipe, kimg=0.08, out=tmp_path / "c", text_encoder=other, start_from=tmp_path / "b")
    copy.rename(tmp_path / "gone")
    with pytest.raises(UsageError, match="found none at"):
        make_trainer(shapes, recipe, kimg=0.08, out=tmp_path / "b")


def test_words_in_any_language_change_works(run: Path, tmp_path: Path) -> None:
    model = gv.open(run)
    texts = ("red circle", "blue square", "左上角一个大的红色圆形", "左上角一个大的蓝色圆形")
    styles = [model.sample(1, seed=3, text=text)[0].latent.styles for text in texts]
    assert all(not (one == other).all() for number, one in enumerate(styles) for other in styles[:number])
    many = model.sample(5, text="red circle")
    assert (many[3].latent.styles == styles[0]).all()
    prompt = gv.Prompt(("red circle", "blue zebra"), (0.3, 0.7), 1.5, (("red", 2.0),))
    (made,) = model.sample(1, seed=3, text=prompt)
    again = model.draw([model.like(made.save(tmp_path / "made.png"))])[0]
    assert (again.pixels == made.pixels).all()
    unasked = model.sample(4)
    assert len({work.latent.lineage["prompt"]["texts"][0] for work in unasked}) > 1


def test_words_that_were_never_learned_are_said_and_read(run: Path) -> None:
    model = gv.open(run)
    (one,), (other,) = (model.sample(1, text=text) for text in ("zebra", "giraffe"))
    assert one.warnings == ["It never learned 'zebra'."]
    assert not (one.latent.styles == other.latent.styles).all()
    assert model.sample(1, text="red " * 40)[0].warnings == []
    found = rewordings(model.drawer, [3], "red zebra", ["zebra:giraffe"])
    assert [one.name for one in found] == ["as said", "-red", "-zebra", "zebra>giraffe"]
    assert (found[1].latents[0].styles == model.latents([3], text="zebra")[0].styles).all()
    assert [one.name for one in rewordings(model.drawer, [3], "zebra")] == ["as said", "-zebra"]


def test_the_best_of_several_is_chosen_by_what_the_towers_read(run: Path) -> None:
    model = gv.open(run)
    (best,) = model.sample(1, seed=3, text=gv.Prompt(("red circle",), best_of=6))
    (one,) = model.sample(1, seed=3, text="red circle")
    found = model.match([best, one], "red circle")
    assert found[0] >= found[1] and model.match([one], "blue square") != found[1:]


def test_a_single_file_travels_without_folders(run: Path, folder: Path, tmp_path: Path) -> None:
    latest = Run.find(run).latest()
    assert latest is not None
    path = shutil.copy(latest.folder / "ema.safetensors", tmp_path / "sent.safetensors")
    told = read_header(path)[0].text_encoder
    assert told is not None and told.path == "tiny" and told.dim == 16
    assert str(folder.parent).encode() not in path.read_bytes()
    model = gv.open(path)
    assert len(model.sample(2, label="none")) == 2  # nothing to read
    with pytest.raises(UsageError, match="sentence model tiny, which is not there"):
        model.sample(1, text="red circle")
    with pytest.raises(UsageError, match="another sentence model"):
        gv.open(path, text_encoder=make_model(tmp_path / "other", seed=1))
    (work,) = gv.open(path, text_encoder=folder).sample(1, text="red circle")
    assert (work.pixels == gv.open(run).sample(1, text="red circle")[0].pixels).all()


def test_the_verbs_take_the_model_s_folder(
    run: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, moved = tmp_path / "works", shutil.copytree(folder, tmp_path / "moved")
    asked = ["sample", str(run), "--text-encoder", str(moved), "--count", "2", "--out", str(out)]
    main([*asked, "--text", "a red zebra", "--weights", "red:1.5", "--guidance", "2"])
    assert "never learned 'zebra'" in capsys.readouterr().out and len(list(out.iterdir())) == 2
    sheet = tmp_path / "words.png"
    main(
        ["explore", str(run), "--words", "red", "--swap", "red:blue", "--text-encoder", str(moved), "--out", str(sheet)]
    )
    assert sheet.is_file()
    capsys.readouterr()
    for wrong, message in ((tmp_path, "found no such files"), (tmp_path / "none", "Nothing is downloaded")):
        with pytest.raises(SystemExit):
            main(["sample", str(run), "--text-encoder", str(wrong), "--text", "red"])
        assert message in " ".join(capsys.readouterr().err.split())


def test_the_verb_learns_by_it(shapes: Dataset, folder: Path, tmp_path: Path) -> None:
    small = ["--kimg", "0.016", "--batch-size", "8", "--net.width", "4", "--text-dim", "8"]
    out = tmp_path / "run"
    main(["train", str(shapes.folder), "--recipe", "canvas", *small, "--out", str(out), "--text-encoder", str(folder)])
    described = json.loads((out / "run.json").read_text())
    assert described["text_encoder"]["path"] == str(folder) and described["words"]


def test_alignment_is_measured_of_works_by_it(
    run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(alignment, "PICTURES_SEEN", 300)
    moved = shutil.copytree(folder, tmp_path / "moved")
    main(["evaluate", str(run), "--alignment", "--text-encoder", str(moved), "--out", str(tmp_path)])
    assert "R-precision" in capsys.readouterr().out and (tmp_path / "alignment.json").is_file()


def test_captions_must_be_read(shapes: Dataset, folder: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="on or auto with a sentence model"):
        make_trainer(shapes, tiny(), kimg=1, out=tmp_path / "run", text_encoder=folder, captions="off")
    with pytest.raises(UsageError, match="pictures without captions"):
        make_trainer("digits", tiny(), kimg=1, out=tmp_path / "run", text_encoder=folder)
    with pytest.raises(UsageError, match="text_dim"):
        make_trainer(shapes, tiny(text_dim=0), kimg=1, out=tmp_path / "run", text_encoder=folder)
    list(make_trainer(shapes, tiny(text_dim=8), kimg=0.016, out=tmp_path / "words").fit())
    with pytest.raises(UsageError, match="learned without a sentence model"):
        gv.open(tmp_path / "words", text_encoder=folder)
    with pytest.raises(RunMismatch, match="text_encoder"):
        make_trainer(shapes, tiny(text_dim=8), kimg=0.016, out=tmp_path / "words", text_encoder=folder)


@pytest.mark.parametrize("name", ["classic", "dcgan", "style"])
def test_every_family_reads_by_it(name: str, shapes: Dataset, folder: Path, tmp_path: Path) -> None:
    list(make_trainer(shapes, tiny(name, text_dim=8), kimg=0.016, out=tmp_path / "run", text_encoder=folder).fit())
    model = gv.open(tmp_path / "run")
    one, other = (model.sample(1, text=text)[0] for text in ("red circle", "blue square"))
    assert not (one.latent.styles == other.latent.styles).all()


def test_nets_that_read_word_by_word_refuse_a_sentence_model(shapes: Dataset, tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="Recipe 'tokens' reads captions word by word. Leave out --text-encoder"):
        make_trainer(shapes, "tokens", kimg=0.01, out=tmp_path / "run", text_encoder=folder)
    assert not (tmp_path / "run").exists()
