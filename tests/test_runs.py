import dataclasses
import errno
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganvas.config import Budget, to_json
from ganvas.errors import CheckpointError, RunBusy, RunMismatch, RunNotFound, StorageError, UsageError
from ganvas.registry import recipes
from ganvas.run_config import RunConfig
from ganvas.runs import KEPT, Run, list_runs, read_header, read_tensors

CONFIG = RunConfig(
    recipe=recipes.get("canvas")(),
    budget=Budget("kimg", 1.0),
    seed=0,
    shape=(1, 28, 28),
    label_names=("a", "b"),
    label_counts=(3, 4),
    data="digits",
    data_digest="0" * 64,
)
TENSORS = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(7, dtype=np.int64)}


def save(run, images, done=False):
    return run.save(TENSORS, TENSORS, {"images": images, "seconds": 1.5, "done": done, "length": "1 kimg"})


def test_a_run_is_found_again_as_it_was_made(tmp_path):
    run = Run.create(tmp_path / "runs" / "a", CONFIG)
    assert Run.find(run.folder) == run
    assert Run.create(run.folder, CONFIG) == run
    assert run.state() == "new"


def test_other_settings_are_refused_by_name(tmp_path):
    Run.create(tmp_path, CONFIG)
    changed = dataclasses.replace(CONFIG, seed=1, recipe=dataclasses.replace(CONFIG.recipe, batch_size=8))
    with pytest.raises(RunMismatch, match=r"recipe.batch_size \(16, now 8\), seed \(0, now 1\)"):
        Run.create(tmp_path, changed)
    assert Run.find(tmp_path).config == CONFIG


def test_only_the_length_may_change(tmp_path):
    Run.create(tmp_path, CONFIG)
    longer = dataclasses.replace(CONFIG, budget=Budget("kimg", 2.0))
    assert Run.create(tmp_path, longer).config.budget == Budget("kimg", 2.0)
    assert Run.find(tmp_path).config.budget == Budget("kimg", 1.0)  # stored by the trainer, when it has the lock


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="exists and is not a run"):
        Run.create(tmp_path, CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(RunNotFound, match="has no run.json"):
        Run.find(tmp_path)


def test_checkpoints_come_back_and_old_ones_go(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    for images in (100, 2000, 30000):
        checkpoint = save(run, images)
    assert [c.kimg for c in run.checkpoints()] == [2.0, 30.0]
    assert len(run.checkpoints()) == KEPT
    for stored in (checkpoint.tensors(), checkpoint.ema()):
        assert stored.keys() == TENSORS.keys()
        assert all(
            np.array_equal(stored[key], TENSORS[key]) and stored[key].dtype == TENSORS[key].dtype for key in stored
        )
    assert read_header(checkpoint.folder / "ema.safetensors") == (CONFIG, tmp_path.name, 30.0)
    assert run.state() == "stopped"
    save(run, 31000, done=True)
    assert run.state() == "done"
    longer = dataclasses.replace(CONFIG, budget=Budget("kimg", 9.0))
    assert Run.create(tmp_path, longer).state() == "stopped"


def test_a_persons_copies_are_none_of_ours(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    kept = save(run, 100)
    shutil.copytree(kept.folder, kept.folder.with_name("kimg-000000.100-backup"))
    (tmp_path / "previews" / "kimg-000000.008 copy.png").write_bytes(b"")
    run.rewind(0)
    assert run.latest() == kept
    assert [path.name for path in (tmp_path / "previews").iterdir()] == ["kimg-000000.008 copy.png"]


def test_saving_the_same_again_never_leaves_nothing(tmp_path, monkeypatch):
    run = Run.create(tmp_path, CONFIG)
    kept = save(run, 100)
    rename = type(tmp_path).rename

    def fail_at_the_last_moment(self, target):
        if self.name.endswith(".tmp"):
            raise OSError(errno.EIO, "gone")
        return rename(self, target)

    monkeypatch.setattr(type(tmp_path), "rename", fail_at_the_last_moment)
    with pytest.raises(StorageError):
        save(run, 100, done=True)
    assert run.latest() == kept
    assert kept.scalars()["done"] is False


def test_a_folder_without_done_is_no_checkpoint(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    kept = save(run, 100)
    (save(run, 200).folder / "DONE").unlink()
    assert run.latest() == kept


def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    run = Run.create(tmp_path, CONFIG)
    kept = save(run, 100)

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full. Free some space and run the same command again"):
        save(run, 200)
    assert run.latest() == kept
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "state.safetensors").write_bytes(b"\xff" * 64),
        lambda folder: (folder / "state.safetensors").unlink(),
        lambda folder: os.truncate(folder / "state.safetensors", 100),
    ],
    ids=["noise", "gone", "cut"],
)
def test_damaged_tensors_are_a_clear_error(tmp_path, damage):
    checkpoint = save(Run.create(tmp_path, CONFIG), 100)
    damage(checkpoint.folder)
    with pytest.raises(CheckpointError, match="state.safetensors cannot be read"):
        checkpoint.tensors()


@pytest.mark.parametrize("content", [b"", b"\x00" * 8, b"\xff" * 40, b"\x02\0\0\0\0\0\0\0{}", b"PK\x03\x04 a zip"])
def test_foreign_files_are_no_generators(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a generator saved by ganvas"):
        read_header(path)


@pytest.mark.parametrize("content", ["", "[]", '{"recipe": 3}', '{"format": 1', "[" * 100_000])
def test_a_damaged_run_json_is_a_clear_error(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises((CheckpointError, UsageError), match="run.json"):
        Run.find(tmp_path)
    assert list_runs(tmp_path) == []


def test_statistics_after_the_checkpoint_are_forgotten(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    for kimg in (1, 2, 3):
        run.append("stats.jsonl", {"kimg": kimg})
        run.preview_path(kimg * 1000).write_bytes(b"")
    with (tmp_path / "stats.jsonl").open("a") as file:
        file.write('{"kimg": 4, "lo')  # killed while writing
    run.rewind(2000)
    assert run.read("stats.jsonl") == [{"kimg": 1}, {"kimg": 2}]
    assert [path.name for path in run.previews()] == ["kimg-000001.000.png", "kimg-000002.000.png"]


def test_scores_are_forgotten_like_statistics_and_stay_json(tmp_path):
    """NaN and infinity, which Python's reader takes and no other, are not handed on."""
    run = Run.create(tmp_path, CONFIG)
    scores = {"scores": {"kernel": math.nan, "swd": 0.5}, "intervals": {"kernel": (-math.inf, math.inf)}}
    for kimg in (1.0, 2.0, 3.0):
        run.append("metrics.jsonl", {**scores, "kimg": kimg, "best": kimg == 2})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"kimg": NaN, "loss_d": Infinity}\n{"kimg": 1%s}\n' % ("0" * 400))
    run.rewind(2000)
    text = (tmp_path / "metrics.jsonl").read_text()
    assert not any(word in text for word in ("NaN", "Infinity"))
    wanted = {"scores": {"kernel": None, "swd": 0.5}, "intervals": {"kernel": [None, None]}}
    assert run.read("metrics.jsonl") == [
        {**wanted, "kimg": 1.0, "best": False},
        {**wanted, "kimg": 2.0, "best": True},
        {"kimg": None, "loss_d": None},
        {"kimg": 10**400},
    ]


def test_the_best_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    run = Run.create(tmp_path, CONFIG)
    assert run.best() is None
    best = run.save_best(TENSORS, {"score": "kernel", "value": 2.0, "kimg": 1.5, "other": math.nan})
    assert run.best() == best
    assert (best.kimg, best.record()["other"]) == (1.5, None)
    assert read_header(best.folder / "ema.safetensors") == (CONFIG, tmp_path.name, 1.5)

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="the disk is full"):
            run.save_best({"w": TENSORS["w"] + 1}, {"score": "kernel", "value": 1.0, "kimg": 3.0})
    assert (best.kimg, best.record()["value"]) == (1.5, 2.0)
    assert np.array_equal(best.ema()["w"], TENSORS["w"])
    run.save_best({"w": TENSORS["w"] + 1}, {"score": "kernel", "value": 1.0, "kimg": 3.0})
    assert np.array_equal(best.ema()["w"], TENSORS["w"] + 1)
    assert not list(tmp_path.glob(".best*"))


def test_a_best_that_cannot_be_read_is_a_clear_error(tmp_path):
    best = Run.create(tmp_path, CONFIG).save_best(TENSORS, {"score": "kernel", "value": 2.0, "kimg": 1.5})
    (best.folder / "ema.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="Delete the folder best; the newest checkpoint can still be opened"):
        best.ema()
    for content in ('{"score": "kernel", "value": 1%s, "kimg": 1}' % ("0" * 400), "3", '{"score": "kernel"}'):
        (best.folder / "score.json").write_text(content)
        with pytest.raises(CheckpointError, match="lacks 'score', 'value' or 'kimg'"):
            best.record()


def test_the_place_of_the_pictures_is_read_with_distrust(tmp_path, monkeypatch):
    run = Run.create(tmp_path / "run", CONFIG)
    assert run.data_folder() is None
    monkeypatch.chdir(tmp_path)
    run.store_data_folder(Path("art"))
    assert run.data_folder() == tmp_path / "art"
    odd = os.fsdecode(b"/tmp/\xff")
    run.store_data_folder(Path(odd))
    assert run.data_folder() == Path(odd)
    for content in ("", "[]", "3", "{}", '"/art"', '{"prepared": 3}', '{"prepared": null}', '{"prepared": "art"}',
                    '{"prepared": "/a\\u0000"}', "[" * 100_000):  # fmt: skip
        (run.folder / "data.json").write_text(content)
        assert run.data_folder() is None
    (run.folder / "data.json").write_bytes(b"\xff")
    assert run.data_folder() is None


def test_one_process_at_a_time(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    code = f"""
import sys, ganvas.runs
with ganvas.runs.Run.find({str(tmp_path)!r}).lock():
    print("locked", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        assert run.state() == "training"
        with pytest.raises(RunBusy, match="Another process is training"), run.lock():
            pass
        longer = Run.create(tmp_path, dataclasses.replace(CONFIG, budget=Budget("kimg", 9.0)))
        with pytest.raises(RunBusy), longer.lock():
            pass
        assert Run.find(tmp_path).config.budget == CONFIG.budget
        other.kill()
    with run.lock():
        assert json.loads((tmp_path / "run.json").read_text())["seed"] == 0


def test_tensors_are_never_pickles(tmp_path):
    import pickle

    (tmp_path / "state.safetensors").write_bytes(pickle.dumps({"w": 1}))
    with pytest.raises(CheckpointError):
        read_tensors(tmp_path / "state.safetensors")


def test_a_header_of_any_kind_is_no_traceback(tmp_path):
    header = json.dumps({"__metadata__": {"ganvas": json.dumps(to_json(CONFIG)), "run": "x", "images": "9" * 400}})
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    with pytest.raises(CheckpointError, match="not a generator saved by ganvas"):
        read_header(tmp_path / "x.safetensors")
