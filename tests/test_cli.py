"""The command line as a user meets it, in this process: what it prints, what it writes, how it ends."""

import dataclasses
import json
import re
import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from ganvas.cli import VERBS, main
from ganvas.errors import UsageError
from ganvas.registry import recipes

from .training.helpers import scripted

TINY = ["--net.width", "4", "--batch-size", "8", "--latent-dim", "8"]


def run(capsys, *arguments, status=0):
    """Runs `ganvas ARGUMENTS`; returns (stdout, stderr)."""
    try:
        main([str(argument) for argument in arguments])
        code = 0
    except SystemExit as error:
        code = error.code or 0
    captured = capsys.readouterr()
    assert code == status, captured.err
    return captured.out, captured.err


@pytest.fixture
def trained(tmp_path, capsys):
    run(capsys, "train", "digits", *TINY, "--kimg", "0.016", "--out", tmp_path / "run")
    return tmp_path / "run"


def test_help_names_every_verb(capsys):
    out, _ = run(capsys, "--help")
    assert all(re.search(rf"^  {verb} ", out, re.MULTILINE) for verb in VERBS)
    assert run(capsys)[0] == out
    assert run(capsys, "--version")[0].startswith("ganvas 0.")


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_option_is_explained(capsys, verb):
    out, _ = run(capsys, verb, "--help")
    assert f"usage: ganvas {verb}" in out
    options = list(re.finditer(r"^[ │]*(--[a-z][\w.-]*)([^\n]*)$", out, re.MULTILINE))
    assert options or verb == "runs"  # which has none
    for option, following in zip(options, [*options[1:], None], strict=False):
        told = out[option.end(1) : following.start(1) if following else len(out)]
        assert len(re.findall("[a-z]{2,}", told)) >= 3, f"{option[1]} is not explained"


def test_train_help_shows_the_settings_of_the_recipe_asked_for(capsys):
    canvas, _ = run(capsys, "train", "--help")
    classic, _ = run(capsys, "train", "--recipe", "classic", "--help")
    assert "--net.maxout-width" in classic
    assert "--net.maxout-width" not in canvas
    assert "--net.max-width" in canvas
    for option in ("--r1-gamma", "--betas", "--no-labels", "--checkpoint-seconds", "--minutes", "--seed", "--best-by"):
        assert option in canvas


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "No verb 'trian'. Did you mean 'train'"),
        (["train", "digits", "--recipe", "canvs"], "No recipe 'canvs'. Did you mean 'canvas'"),
        (["train", "digits", "--kimg", "1", "--minutes", "1"], "Give the run's length once"),
        (
            ["train", "digits", "--batch-size", "0"],
            "a whole number of at least 1, at most 65536, got 0",
        ),
        (["train", "digits", "--game", "hing"], "No game 'hing'. Did you mean 'hinge'"),
        (["sample", "nowhere", "--grid", "--npz", "x.npz"], "ask for one"),
    ],
)
def test_wrong_calls_end_with_status_2_and_say_what_to_do(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    _, err = run(capsys, *arguments, status=2)
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sample", "nowhere"], "nowhere is not a run"),
        (["train", "no/such/folder"], "no/such/folder"),
        (["prepare", "empty"], "expected pictures, found none"),
    ],
)
def test_wrong_paths_are_named(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (1, 2)
    assert said in capsys.readouterr().err


def test_a_net_beyond_the_memory_is_a_clear_error(capsys, tmp_path):
    for option in ("--net.width", "--batch-size", "--latent-dim", "--net.depth"):
        _, err = run(capsys, "train", "digits", option, "99999999999", "--out", tmp_path / "run", status=2)
        assert "at most" in err
    assert not (tmp_path / "run").exists()


def test_a_refused_setting_does_not_spoil_the_folder(capsys, tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("L", (400, 400), 9).save(tmp_path / "in" / "a.png")
    common = ["train", tmp_path / "in", *TINY, "--few", "--kimg", "0.008", "--out", tmp_path / "run"]
    _, err = run(capsys, *common, "--size", "300", status=2)
    assert "from 16 to 256 px" in err
    assert not (tmp_path / "run").exists()
    run(capsys, *common, "--size", "16")


def test_train_tells_what_it_skipped_and_goes_on_when_called_again(capsys, tmp_path):
    folder = tmp_path / "in"
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (20, 20), (90 * number, 9, 9)).save(folder / label / f"{number}.png")
    (folder / "cats" / "broken.png").write_text("no picture")
    command = ["train", folder, *TINY, "--few", "--size", "16", "--out", tmp_path / "run"]
    out, _ = run(capsys, *command, "--kimg", "0.016")
    assert "4 pictures, 16x16 px, colour, 2 labels" in out
    assert "Skipped cats/broken.png: " in out
    assert "Done: 0.0 kimg" in out
    assert "Done:" in run(capsys, *command, "--kimg", "0.016")[0]
    assert "Going on at" in run(capsys, *command, "--kimg", "0.024")[0]
    _, err = run(capsys, *command, "--kimg", "0.024", "--seed", "5", status=2 - 1)
    assert "seed (0, now 5)" in err


def test_a_handful_of_pictures_is_refused_until_few_is_said(capsys, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        Image.new("RGB", (20, 20), (90 * number, 9, 9)).save(tmp_path / "in" / f"{number}.png")
    command = ["train", tmp_path / "in", *TINY, "--size", "16", "--kimg", "0.008", "--out", tmp_path / "run"]
    _, err = run(capsys, *command, status=2)
    assert "There are 3 different works to learn from. From up to 10, expect copies and blends" in err
    assert "To try anyway: --few" in err
    out, _ = run(capsys, *command, "--few")
    assert "Warning: There are 3 different works to learn from. Expect variations of these very works" in out
    assert "Done:" in run(capsys, *command)[0]
    assert "Warning: There are 3 different works" in run(capsys, "prepare", tmp_path / "in", "--size", "16")[0]


def test_a_base_model_of_other_channels_is_refused(capsys, trained, tmp_path):
    """`--from` a run of grey digits, for pictures in colour: named, with what helps, and nothing is written."""
    (tmp_path / "in").mkdir()
    for number in range(12):
        Image.new("RGB", (28, 28), (20 * number, 9, 9)).save(tmp_path / "in" / f"{number}.png")
    command = ["train", tmp_path / "in", *TINY, "--size", "28", "--kimg", "0.008", "--out", tmp_path / "new"]
    _, err = run(capsys, *command, "--from", trained, status=2)
    assert "draws pictures grey; these are in colour. Prepare them with --channels 1" in err
    assert not (tmp_path / "new").exists()


def test_json_names_what_was_skipped(capsys, tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("L", (20, 20), 9).save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_bytes(b"")
    command = ["train", tmp_path / "in", *TINY, "--few", "--size", "16", "--kimg", "0.008", "--out", tmp_path / "r"]
    out, _ = run(capsys, *command, "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert {"event": "skipped", "name": "b.png", "reason": "is empty (0 bytes)"} in events


def test_of_two_recipes_the_last_one_counts(capsys):
    assert "--net.maxout-width" in run(capsys, "train", "--recipe", "canvas", "--recipe=classic", "--help")[0]


def test_a_file_where_a_folder_is_needed_is_no_traceback(capsys, trained, tmp_path):
    _, err = run(capsys, "sample", tmp_path / ("x" * 300), status=1)
    assert err.startswith("ganvas: ")
    _, err = run(capsys, "train", "digits", *TINY, "--kimg", "0.008", "--out", tmp_path / ("y" * 300), status=1)
    assert "too long" in err


def test_json_is_one_event_a_line(capsys, tmp_path):
    out, _ = run(capsys, "train", "digits", *TINY, "--kimg", "0.016", "--out", tmp_path / "run", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert events[0]["event"] == "advised"
    assert len(events[0]["lines"]) == 3
    assert events[1]["event"] == "started"
    assert events[-1] == {**events[-1], "event": "finished", "done": True, "kimg": 0.016}


def test_sample_writes_files_grid_or_array(capsys, trained, tmp_path):
    out, _ = run(capsys, "sample", trained, "--count", "3", "--seed", "5", "--label", "4", "--out", tmp_path / "w")
    assert "3 works by run" in out
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == [f"seed-00000{n}.png" for n in (5, 6, 7)]
    with Image.open(tmp_path / "w" / "seed-000005.png") as image:
        assert image.text["label"] == "4"
    run(capsys, "sample", trained, "--count", "6", "--grid", "--columns", "3", "--out", tmp_path / "w")
    assert (tmp_path / "w" / "grid.png").exists()
    run(capsys, "sample", trained, "--count", "250", "--npz", tmp_path / "w" / "all.npz", "--truncation", "0.5")
    with np.load(tmp_path / "w" / "all.npz", allow_pickle=False) as stored:
        assert stored["arr_0"].shape == (250, 28, 28, 1)
    _, err = run(capsys, "sample", trained, "--label", "eleven", status=2)
    assert "No label 'eleven'" in err


def test_train_scores_while_it_learns_and_sample_draws_by_the_best(capsys, tmp_path, monkeypatch):
    said = {0.008: 2.0, 0.016: 1.0, 0.024: 3.0}
    module = ModuleType("ganvas.evaluation.judge")
    module.make_judge = lambda config, dataset, best_by, device: scripted(said, best_by=best_by)
    monkeypatch.setitem(sys.modules, "ganvas.evaluation.judge", module)
    command = ["train", "digits", *TINY, "--kimg", "0.024", "--evaluate-every", "0.008kimg", "--best-by", "frechet"]
    out, _ = run(capsys, *command, "--out", tmp_path / "run")
    assert "Scores at 0.0 kimg: frechet 1.0 (0.5 to 1.5), swd 0.12 (0.06 to 0.25). Best so far." in out
    assert [line.endswith("Best so far.") for line in out.splitlines() if "Scores" in line] == [True, True, False]
    out, _ = run(capsys, *command, "--out", tmp_path / "json", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["kimg"] for event in events if event["event"] == "scored"] == list(said)
    for best, kimg in ((["--best"], "0.016"), ([], "0.024")):
        run(capsys, "sample", tmp_path / "run", "--count", "1", *best, "--out", tmp_path / "works")
        with Image.open(tmp_path / "works" / "seed-000000.png") as image:
            assert image.text["kimg"] == kimg


def test_without_a_best_the_way_to_one_is_told(capsys, trained, tmp_path, monkeypatch):
    _, err = run(capsys, "sample", trained, "--best", status=1)
    assert err == f"ganvas: {trained} has no best checkpoint; train with --evaluate-every.\n"
    file = trained / "checkpoints" / "kimg-000000.016" / "ema.safetensors"
    _, err = run(capsys, "sample", file, "--best", status=2)
    assert "Leave out best" in err
    monkeypatch.chdir(tmp_path)
    for wrong, said in ((["--evaluate-every", "often"], "such as '2 minutes'"), (["--best-by", "swd"], "left out")):
        _, err = run(capsys, "train", "digits", *TINY, *wrong, status=2)
        assert said in err
    assert not (tmp_path / "runs").exists()


def test_runs_lists_them_with_their_state(capsys, trained):
    out, _ = run(capsys, "runs", trained.parent)
    assert re.search(r"run +canvas +digits +0.016 kimg +0.0 +done +previews/kimg-000000.016.png", out)
    (trained / "checkpoints" / "kimg-000000.016" / "state.json").write_text("damaged")
    assert "damaged" in run(capsys, "runs", trained.parent)[0]
    assert "No runs in" in run(capsys, "runs", trained / "works")[0]


def test_prepare_says_what_came_of_the_pictures(capsys, tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (40, 30), "red").save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_bytes(b"")
    out, _ = run(capsys, "prepare", tmp_path / "in", "--size", "32x16", "--out", tmp_path / "art")
    assert "1 picture, 32x16 px, colour" in out
    assert "Skipped b.png: " in out
    assert f"Ready in {tmp_path / 'art'}" in out
    assert (tmp_path / "art" / "dataset.json").exists()


def test_the_width_is_one_dial_for_all_levels():
    from ganvas.cli.train import with_width

    canvas = recipes.get("canvas")()
    net = with_width(canvas, 48).net
    assert (net.width, net.max_width) == (48, 192)  # type: ignore[attr-defined]
    assert dataclasses.replace(with_width(canvas, 48), net=canvas.net) == canvas
    with pytest.raises(UsageError, match="--width must be left out with --recipe dcgan"):
        with_width(recipes.get("dcgan")(), 48)


def test_train_says_what_it_chose_and_each_choice_can_be_changed(capsys, tmp_path):
    (tmp_path / "art").mkdir()
    for number in range(20):
        Image.new("RGB", (20, 20), (number * 9, 80, 200)).save(tmp_path / "art" / f"{number}.png")
    train = ("train", tmp_path / "art", "--kimg", "0.016", "--batch-size", "8")
    changed = ("--augment", "blit", "--augment-p", "0.5", "--from", "none", "--net.width", "8", "--latent-dim", "8")
    said = run(capsys, *train, "--out", tmp_path / "run", *changed)[0].splitlines()
    for line in ("Recipe: palette at 16x16 px", "Base model: as you said.", "Augmentation: as you said."):
        assert any(text.startswith(line) for text in said)
    config = json.loads((tmp_path / "run" / "run.json").read_text())
    recipe = config["recipe"]
    assert (recipe["augment"], recipe["augment_p"], recipe["net"]["width"]) == (["blit"], 0.5, 8)
    assert config["parent"] is None
    assert "It goes on as was decided when it began." in run(capsys, *train, "--out", tmp_path / "run")[0]
    named = run(capsys, *train, "--out", tmp_path / "named", "--recipe", "canvas", *TINY)[0]
    assert "Augmentation:" not in named
    assert "Augmentation: shift, tint, cutout, as" in run(capsys, *train, "--out", tmp_path / "all")[0]


def test_a_base_that_what_was_said_does_not_fit_is_left_out(capsys, tmp_path):
    (tmp_path / "art").mkdir()
    for number in range(20):
        Image.new("RGB", (80, 80), (number * 9, 80, 200)).save(tmp_path / "art" / f"{number}.png")
    train = ("train", tmp_path / "art", "--kimg", "0.008", "--batch-size", "8", "--net.width", "4")
    said = run(capsys, *train, "--latent-dim", "8", "--out", tmp_path / "run")[0]
    assert "Base model: none, it has other latents or tones" in said
    assert json.loads((tmp_path / "run" / "run.json").read_text())["parent"] is None
    assert "Starting from emblems-64" in run(capsys, *train, "--out", tmp_path / "fits")[0]
