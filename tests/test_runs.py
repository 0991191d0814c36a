import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ganvas.config import Budget
from ganvas.errors import CheckpointError, RunBusy, RunMismatch, RunNotFound, StorageError, UsageError
from ganvas.registry import recipes
from ganvas.runs import KEPT, Run, RunConfig, list_runs, read_header, read_tensors

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
