"""Learning from captions, and drawing by them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganvas as gv
from ganvas.api import make_trainer
from ganvas.cli import main
from ganvas.dataset import Dataset, prepare
from ganvas.errors import UsageError
from ganvas.explore.wording import changes, differences, rewordings
from ganvas.nets.text import parted
from ganvas.training.captions import Captions
from ganvas.words import ids_of

from .helpers import assert_same, final_arrays, stop_after, tiny


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return prepare("shapes:80", 16, out=tmp_path_factory.mktemp("shapes") / "art")


@pytest.fixture(scope="module")
def run(shapes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    list(make_trainer(shapes, tiny("canvas", text_dim=8), kimg=0.08, out=folder).fit())
    return folder


def first_words(conditions: torch.Tensor) -> list[int]:
    return parted(conditions)[1][:, 0, 0].tolist()


def test_a_picture_comes_with_its_captions_and_with_others(shapes: Dataset) -> None:
    train, _ = shapes.split(0.1, 0)
    captions, said = Captions(shapes, train), shapes.captions()
    chosen, rng = train[:40], torch.Generator().manual_seed(0)
    label = torch.from_numpy(shapes.labels[chosen])
    known = [{tuple(ids_of(text)) for text in said[work]} for work in chosen]
    mixed, alike, spoken, nothing, told = 0, 0, 0, 0, [set[tuple[int, ...]]() for _ in chosen]
    for _ in range(30):
        found = captions.said_of(chosen, label, 0.25, rng)
        own, other, mixes = found.own, found.other, found.share > 0
        mixed += int(mixes.sum())
        assert not own[mixes, 1:].any()  # of a mixture D is told no caption
        assert (found.share < 1).all()
        assert all((end[:, 1] > 0).all() and (end[:, 0] == label).all() for end in found.ends)
        assert (own[:, 0] == label).all() and (other[:, 0] == label).all()
        for number, (one, another) in enumerate(zip(own[:, 1:].tolist(), other[:, 1:].tolist(), strict=True)):
            if not any(one):
                assert another == one  # without a caption there is none that is wrong
                nothing += 1
                continue
            assert tuple(one) in known[number]
            told[number].add(tuple(one))
            if another == one:
                continue  # what was drawn is said of this picture, too
            assert tuple(another) not in known[number]
            owners = [work for work in train if another in [ids_of(text) for text in said[work]]]
            spoken += 1
            assert owners  # of pictures that are learned from
            alike += any(shapes.labels[work] == label[number] for work in owners)
    assert spoken / 1200 == pytest.approx(0.72, abs=0.06)
    assert nothing / 1200 == pytest.approx(0.25, abs=0.04)
    assert mixed / nothing == pytest.approx(0.5, abs=0.08)
    assert alike / spoken == pytest.approx(0.5 + 0.5 / 6, abs=0.08)  # there are six labels
    assert all(len(of_one) == len(all_of_one) for of_one, all_of_one in zip(told, known, strict=True))


def test_pictures_without_captions_stay_silent(tmp_path: Path) -> None:
    for number in range(24):
        Image.new("L", (16, 16), 10 * number).save(tmp_path / f"{number}.png")
        if number % 2:
            (tmp_path / f"{number}.txt").write_text("odd")
    data = prepare(tmp_path, 16)
    captions = Captions(data, np.arange(24))
    found = captions.said_of(np.arange(24), torch.zeros(24).long(), 1.0, torch.Generator().manual_seed(0))
    assert not (found.share > 0)[::2].any()  # nothing lies between a caption and none
    found = captions.said_of(np.arange(24), torch.zeros(24).long(), 0.0, torch.Generator().manual_seed(0))
    own, other = found.own, found.other
    assert not found.share.any()
    odd = [name["name"] for name in data.works()]
    assert [bool(word) for word in first_words(own)] == [int(name[:-4]) % 2 == 1 for name in odd]
    assert (own == other).all()  # all captions are the same


def test_a_run_with_captions_resumes_to_the_bit(shapes: Dataset, tmp_path: Path) -> None:
    recipe = tiny("style", text_dim=8)
    whole = make_trainer(shapes, recipe, kimg=0.08, out=tmp_path / "whole")
    list(whole.fit())
    for _ in range(2):
        part = make_trainer(shapes, recipe, kimg=0.08, out=tmp_path / "parts")
        stop_after(part, 5)
    assert_same(final_arrays(whole.run), final_arrays(part.run))
    described = json.loads((whole.run.folder / "run.json").read_text())
    assert "circle" in described["words"] and described["words"][0] in ("the", "a", "right", "left")


def test_captions_are_learned_from_where_their_words_are_frequent(shapes: Dataset, tmp_path: Path) -> None:
    def words(captions: str, **changes: object) -> tuple[str, ...]:
        recipe = tiny("canvas", **changes)
        return make_trainer(
            shapes, recipe, kimg=1, out=tmp_path / f"{captions}{changes}", captions=captions
        ).run.config.words

    assert words("auto") and words("on") and not words("off") and not words("auto", text_dim=0)
    with pytest.raises(UsageError, match="text_dim"):
        words("on", text_dim=0)
    with pytest.raises(UsageError, match="auto, on or off"):
        words("yes")
    for number in range(20):
        Image.new("L", (16, 16), 10 * number).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text(f"thing number{number} of its-own{number}")
    rare = prepare(tmp_path, 16)
    assert any("learned from with --captions on only" in note for note in rare.notes)
    assert not make_trainer(rare, tiny(), kimg=1, out=tmp_path / "rare").run.config.words
    assert make_trainer(rare, tiny(), kimg=1, out=tmp_path / "told", captions="on").run.config.words
    with pytest.raises(UsageError, match="pictures without captions"):
        make_trainer("digits", tiny(), kimg=1, out=tmp_path / "none", captions="on")


@pytest.mark.parametrize("name", ["classic", "dcgan", "style"])
def test_every_family_learns_from_captions(name: str, shapes: Dataset, tmp_path: Path) -> None:
    list(make_trainer(shapes, tiny(name, text_dim=8), kimg=0.016, out=tmp_path / "run").fit())
    model = gv.open(tmp_path / "run")
    one, other = (model.sample(1, text=text)[0] for text in ("red circle", "blue square"))
    assert one.latent.styles.shape == other.latent.styles.shape
    assert not (one.latent.styles == other.latent.styles).all()


def test_words_change_works_and_works_tell_their_words(run: Path, tmp_path: Path) -> None:
    model = gv.open(run)
    (one,) = model.sample(1, seed=3, text="red circle")
    (same,) = model.sample(1, seed=3, text="Red  circle!")
    (other,) = model.sample(1, seed=3, text="blue square")
    assert (one.latent.styles == same.latent.styles).all() and not (one.latent.styles == other.latent.styles).all()
    assert one.label is None and one.seed == 3 and one.warnings == []
    prompt = gv.Prompt(("red circle", "blue zebra"), (0.3, 0.7), 1.5, (("red", 2.0),))
    (made,) = model.sample(1, seed=3, text=prompt)
    assert made.warnings == ["It never learned 'zebra'."]
    again = model.draw([model.like(made.save(tmp_path / "made.png"))])[0]
    assert (again.pixels == made.pixels).all() and again.latent.lineage == made.latent.lineage
    many = model.sample(5, seed=0, text="red circle")
    assert (many[3].pixels == one.pixels).all()
    by_label = model.sample(1, seed=3, text="red circle", label="star")[0]
    assert by_label.label == "star" and not (by_label.latent.styles == one.latent.styles).all()


def test_a_stranger_s_prompt_is_data(run: Path, tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    model = gv.open(run)
    path = model.sample(1, text="red circle")[0].save(tmp_path / "made.png")
    for prompt in (3, {"texts": "red"}, {"texts": [""]}, {"texts": ["red"], "guidance": 1e9}, {"other": 1}):
        with Image.open(path) as image:
            told = PngInfo()
            lineage = json.loads(image.text["lineage"]) | {"prompt": prompt}  # type: ignore[attr-defined]
            told.add_text("lineage", json.dumps(lineage))
            image.save(tmp_path / "odd.png", pnginfo=told)
        with pytest.raises(gv.GanvasError, match="lineage is damaged"):
            model.like(tmp_path / "odd.png")


def test_the_verb_draws_to_order(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "works"
    main(["sample", str(run), "--text", "a red circel", "--guidance", "2", "--count", "2", "--out", str(out)])
    assert "never learned 'circel'. Did you mean 'circle'?" in capsys.readouterr().out
    with Image.open(out / "seed-000001.png") as image:
        assert json.loads(image.text["lineage"])["prompt"]["guidance"] == 2  # type: ignore[attr-defined]
    (tmp_path / "prompts.txt").write_text("red circle\n\n左上角一个大的蓝色正方形\n", "utf-8")
    main(["sample", str(run), "--text-file", str(tmp_path / "prompts.txt"), "--count", "3", "--out", str(out)])
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["001", "002"]
    assert len(list((out / "002").iterdir())) == 3
    main(
        ["sample", str(run), "--text-file", str(tmp_path / "prompts.txt"), "--count", "3", "--grid", "--out", str(out)]
    )
    with Image.open(out / "grid.png") as sheet:
        assert "左上角" in sheet.text["prompts"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--text", ""], "found none in ''"),
        (["--text", "x" * 10_000], "at most 1,000 characters"),
        (["--text", "red\x07"], "control characters"),
        (["--text", "😀"], "never learned '😀'"),
        (["--text", "red", "--label", "zebra"], "No label 'zebra'"),
        (["--text", "red", "--weights", "red"], "Expected weights"),
        (["--text", "red", "--text-file", "x"], "give one"),
        (["--text-file", "nowhere.txt"], "a prompt a line"),
        (["--guidance", "2"], "say which with --text"),
        (["--top-k", "5"], "--top-k says how words are drawn; say which with --text"),
        (["--text", "red", "--temperature", "0"], "temperature must be above 0"),
        (["--text", "red", "--temperature", "0.5"], "for models of the recipe 'tokens'"),
        (["--keep", "left"], "name the picture with --complete"),
        (["--complete", "x.png", "--grid"], "--complete draws PNG files"),
        (["--complete", "nowhere.png"], "nowhere.png"),
    ],
)
def test_bad_orders_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sample", str(run), "--out", str(tmp_path / "works"), *asked])
    assert stopped.value.code in (1, 2)
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "works").exists()


def test_a_model_without_text_says_so(tmp_path: Path) -> None:
    list(make_trainer("digits", tiny(), kimg=0.016, out=tmp_path / "run").fit())
    with pytest.raises(UsageError, match="without captions"):
        gv.open(tmp_path / "run").sample(1, text="seven")


def test_works_nobody_asked_for_show_what_was_learned(run: Path, shapes: Dataset, tmp_path: Path) -> None:
    """So scores and previews look at works as the training pictures are, and each tells its caption."""
    model = gv.open(run)
    said = {
        text: shapes.label_names[label]
        for texts, label in zip(shapes.captions(), shapes.labels, strict=True)
        for text in texts
    }
    works = model.sample(30)
    prompts = [work.latent.lineage["prompt"]["texts"] for work in works]
    assert len({text for (text,) in prompts}) > 20
    assert all(said[text] == work.label for (text,), work in zip(prompts, works, strict=True))
    again = model.draw([model.like(works[7].save(tmp_path / "work.png"))])[0]
    assert (again.pixels == works[7].pixels).all()
    (asked,) = model.sample(1, seed=7, text=prompts[7][0], label=works[7].label)
    assert (asked.pixels == works[7].pixels).all()
    bare = model.sample(1, seed=7, label=works[7].label)[0]
    assert "prompt" not in bare.latent.lineage and not (bare.latent.styles == works[7].latent.styles).all()
    (nobody,) = model.sample(1, seed=7, label="none")
    assert (model.like(nobody.save(tmp_path / "nobody.png")).styles == nobody.latent.styles).all()
    pixels = np.concatenate(list(model.pixels(range(30))))
    assert (pixels == np.stack([work.pixels for work in works])).all()


def test_which_word_did_what(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = gv.open(run)
    found = rewordings(model.drawer, [3, 4], "Red circle, red", ["red:dark blue"])
    assert [one.name for one in found] == ["as said", "-red", "-circle", "red>dark blue"]
    for one, text in zip(found, ["Red circle, red", "circle", "red, red", "dark blue circle, dark blue"], strict=True):
        for latent, seed in zip(one.latents, (3, 4), strict=True):
            assert (latent.styles == model.latents([seed], text=text)[0].styles).all()
    (nothing,) = rewordings(model.drawer, [3], "red")[1].latents
    assert (nothing.styles == model.latents([3], label="none")[0].styles).all()
    whole = np.full((2, 4, 4, 3), 100, np.uint8)
    other = whole.copy()
    other[1] += 51
    assert changes(whole, other).tolist() == pytest.approx([0, 0.2])
    assert (differences(whole, other)[0] == 255).all() and (differences(other, whole)[1] == 204).all()
    main(["explore", str(run), "--words", "red zebra", "--swap", "red:blue", "--out", str(tmp_path / "words.png")])
    printed = capsys.readouterr().out
    assert "never learned 'zebra'" in printed and "red>blue: works change by 0." in printed
    with Image.open(tmp_path / "words.png") as sheet:
        assert sheet.width > sheet.height / 4  # four columns, eight rows
    for wrong in ("blue:red", "red", "red:"):
        with pytest.raises(SystemExit):
            main(["explore", str(run), "--words", "red circle", "--swap", wrong])
        assert "Expected swaps such as red:blue" in capsys.readouterr().err


def test_without_labels_a_work_that_shows_nothing_stays_so(shapes: Dataset, tmp_path: Path) -> None:
    list(make_trainer(shapes, tiny(text_dim=8), kimg=0.016, out=tmp_path / "run", labels=False).fit())
    model = gv.open(tmp_path / "run")
    for work in (*model.sample(2, label="none"), *model.sample(2)):
        again = model.like(work.save(tmp_path / "work.png"))
        assert (again.styles == work.latent.styles).all() and again.lineage == work.latent.lineage


def test_a_run_begun_without_captions_goes_on_without(shapes: Dataset, tmp_path: Path) -> None:
    list(make_trainer(shapes, tiny(), kimg=0.016, out=tmp_path / "run", captions="off").fit())
    assert not make_trainer(shapes, tiny(), kimg=0.024, out=tmp_path / "run").run.config.words
    with pytest.raises(gv.GanvasError, match="other settings") as refused:
        make_trainer(shapes, tiny(), kimg=0.024, out=tmp_path / "run", captions="on")
    assert len(str(refused.value)) < 800
