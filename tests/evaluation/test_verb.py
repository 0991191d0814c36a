"""`ganvas evaluate` as a user meets it; alone and with several processes."""

import json
import os
import shutil
import subprocess
import sys

import pytest

import ganvas as gv
from ganvas.cli import main

from ..training.helpers import tiny

SCORES = ("kernel", "coverage", "copying")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "ganvas"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verb")
    gv.train(gv.prepare("digits", out=folder / "art"), tiny(), kimg=0.08, out=folder / "run", display="none")
    return folder / "run"


def called(capsys, *arguments, status=0):
    """What `ganvas evaluate ARGUMENTS` printed."""
    code = 0
    try:
        main(["evaluate", *map(str, arguments)])
    except SystemExit as error:
        code = error.code or 0
    captured = capsys.readouterr()
    assert code == status, captured.err
    assert "Traceback" not in captured.err
    return captured.out if status == 0 else captured.err


def test_it_prints_a_table_and_leaves_two_reports(run, capsys, tmp_path):
    out = called(capsys, run, "--metrics", *SCORES, "frechet", "--out", tmp_path / "told")
    assert "run at 0.1 kimg, compared with" in out
    assert "Kernel distance" in out
    assert "95% interval" in out
    assert "Copying rate" in out
    assert "Left out: Fréchet distance: needs 2,000 works and as many real pictures, has" in out
    assert "features digits" in out
    report = json.loads((tmp_path / "told" / "report.json").read_text())
    assert [line["score"] for line in report["lines"]] == list(SCORES)
    assert all(line["works"]["low"] <= line["works"]["value"] <= line["works"]["high"] for line in report["lines"])
    page = (tmp_path / "told" / "report.html").read_text()
    assert "Losses" in page
    assert "http" not in page.replace("http-equiv", "")
    assert not (run / "report.json").exists()


def test_json_is_all_it_prints(run, capsys):
    printed = json.loads(called(capsys, run, "--metrics", "kernel", "--count", "200", "--json"))
    assert printed == json.loads((run / "report.json").read_text())
    assert (run / "report.html").exists()
    assert printed["lines"][0]["count"] == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--metrics", "kernl"], "No score 'kernl'. Did you mean 'kernel'"),
        (["--features", "digit"], "No features 'digit'. Did you mean 'digits'"),
        (["--count", "50"], "count must be a whole number of at least 100, got 50"),
        (["--weights", "nothing.safetensors"], "nothing.safetensors"),
        (["--features", "random", "--weights", "x"], "bring their own weights"),
        (["--best"], "has no best checkpoint; train with --evaluate-every"),
        (["--against", "nobody"], "held-out"),
    ],
)
def test_what_is_wrong_is_said(run, capsys, options, said):
    err = called(capsys, run, *options, status=1 if options == ["--best"] else 2)
    assert said in err


def test_wrong_data_are_named(run, capsys, tmp_path, pictures):
    assert "nowhere" in called(capsys, run, "--data", tmp_path / "nowhere", status=1)
    assert "draws grey pictures of 28x28 px" in called(capsys, run, "--data", pictures, status=1)
    assert "is not a run" in called(capsys, tmp_path, status=1)


def test_a_place_that_cannot_be_written_is_told_before_the_work(run, capsys, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(gv.Model, "evaluate", None)  # is not reached
    assert "in the way" in called(capsys, run, "--out", tmp_path / "file", status=1)


def test_a_single_file_is_reported_on_in_the_current_folder(run, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (file,) = run.glob("checkpoints/*/ema.safetensors")
    called(capsys, file, "--data", run.parent / "art", "--metrics", "kernel", "--count", "100")
    assert (tmp_path / "report.html").exists()
    assert not (file.parent / "report.html").exists()


def test_damaged_logs_cost_their_lines_only(run, capsys, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    for name in ("metrics.jsonl", "stats.jsonl"):
        with (tmp_path / "run" / name).open("ab") as file:
            file.write(
                b'\xff\xfe\n{"kimg": 1' + b"0" * 5000 + b"}\n" + b"[" * 100_000 + b'\n{"scores": 3, "kimg": "x"}\n'
            )
    called(capsys, tmp_path / "run", "--metrics", "kernel", "--count", "100")
    assert "Losses" in (tmp_path / "run" / "report.html").read_text()


def test_scores_taken_while_learning_are_no_test(capsys, tmp_path):
    art = gv.prepare("digits", out=tmp_path / "art")
    run = gv.train(art, tiny(), kimg=0.08, out=tmp_path / "run", display="none", evaluate_every="0.04kimg")
    out = called(capsys, run.folder, "--metrics", "kernel", "--best")
    assert "the scores of the best checkpoint flatter" in " ".join(out.split())


@pytest.mark.usefixtures("one_group_at_a_time")
def test_two_processes_find_the_same(run, capsys, tmp_path):
    command = ["evaluate", str(run), "--data", str(run.parent / "art"), "--metrics", *SCORES, "--json", "--out"]
    environment = {**os.environ, "GANVAS_CACHE": str(tmp_path / "two")}
    done = subprocess.run(
        [*TORCHRUN, *command, str(tmp_path / "two")], capture_output=True, text=True, timeout=600, env=environment
    )
    assert done.returncode == 0, done.stderr
    main([*command, str(tmp_path / "one")])
    two, one = (json.loads((tmp_path / name / "report.json").read_text()) for name in ("two", "one"))
    assert json.loads(done.stdout) == two
    assert [line["works"] for line in two["lines"]] == [line["works"] for line in one["lines"]]
    assert [line["real"] for line in two["lines"]] == [line["real"] for line in one["lines"]]
    assert two["examples"] == one["examples"]
