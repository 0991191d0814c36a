import json
import math
import shutil

import numpy as np
import pytest
import torch

from ganvas.dataset import prepare
from ganvas.errors import CheckpointError, NonFiniteLoss, UsageError
from ganvas.registry import recipes
from ganvas.runs import write_tensors
from ganvas.tensors import to_uint8
from ganvas.training import schedule
from ganvas.training.events import Evaluated, Finished, Preview, Saved, Started, Step, Warned

from .helpers import assert_same, final_arrays, stop_after, tiny, trainer


def kinds(events):
    return [type(event) for event in events]


def test_a_run_tells_its_story_in_order(tmp_path):
    events = list(trainer(tmp_path / "run").fit())
    assert kinds(events)[:2] == [Started, Preview]
    assert kinds(events)[-3:] == [Saved, Preview, Finished]
    steps = [event for event in events if isinstance(event, Step)]
    assert steps[-1].progress == 1
    assert steps[-1].kimg == 0.08
    assert events[-1].done
    stats = [json.loads(line) for line in (tmp_path / "run" / "stats.jsonl").read_text().splitlines()]
    assert len(stats) == len(steps)
    for record in stats:
        assert all(math.isfinite(value) for value in record.values())
        assert 0 <= record["accuracy_real"] <= 1
        assert record["images_per_second"] > 0
    for name in ("run.json", "dataset.json", "works.jsonl", "strip.png", "previews.webp"):
        assert (tmp_path / "run" / name).stat().st_size > 0


def test_a_run_remembers_where_its_pictures_lie_and_tells_nobody(tmp_path):
    shutil.copytree(prepare("digits").folder, tmp_path / "secret-place")
    one = trainer(tmp_path / "run", data=prepare(tmp_path / "secret-place"))
    list(one.fit())
    assert one.run.data_folder() == tmp_path / "secret-place"
    assert b"secret-place" not in (tmp_path / "run" / "run.json").read_bytes()
    assert b"secret-place" not in (one.run.latest().folder / "ema.safetensors").read_bytes()
    (tmp_path / "secret-place").rename(tmp_path / "elsewhere")
    list(trainer(tmp_path / "run", data=prepare(tmp_path / "elsewhere")).fit())
    assert one.run.data_folder() == tmp_path / "elsewhere"


@pytest.mark.parametrize("name", recipes.names())
def test_resumed_is_uninterrupted_bit_for_bit(tmp_path, name):
    """Nets, both optimisers and the average, of every recipe, after two stops in the middle."""
    whole = trainer(tmp_path / "whole", tiny(name), seed=3)
    assert list(whole.fit())[-1].done
    for steps in (4, 3, 99):
        events = stop_after(trainer(tmp_path / "parts", tiny(name), seed=3), steps)
    assert events[-1].done
    assert events[0].resumed
    assert_same(final_arrays(whole.run), final_arrays(trainer(tmp_path / "parts", tiny(name), seed=3).run))


def test_batches_grow_and_a_resumed_run_grows_with_them(tmp_path, monkeypatch):
    """From 8 to 32 pictures a step; none is left out and none seen twice in an epoch."""
    monkeypatch.setattr(schedule, "SEEN_PER_PICTURE", 1)
    recipe, sizes, shown = tiny(batch_growth=4), [], []
    whole = trainer(tmp_path / "whole", recipe, kimg=0.2)
    plain = whole.batches.batch

    def noted(seen, size, *rest):
        sizes.append(size)
        shown.extend(range(seen, seen + size))
        return plain(seen, size, *rest)

    whole.batches.batch = noted
    assert list(whole.fit())[-1].done
    assert sizes == sorted(sizes)
    assert set(sizes) == {8, 16, 24, 32}
    assert shown == list(range(len(shown)))
    for steps in (7, 3, 99):
        events = stop_after(trainer(tmp_path / "parts", recipe, kimg=0.2), steps)
    assert events[-1].done
    assert_same(final_arrays(whole.run), final_arrays(trainer(tmp_path / "parts", recipe, kimg=0.2).run))


def test_the_seed_decides(tmp_path):
    runs = [trainer(tmp_path / str(number), seed=seed) for number, seed in enumerate((0, 0, 1))]
    for one in runs:
        list(one.fit())
    a, b, c = (final_arrays(one.run) for one in runs)
    assert_same(a, b)
    assert not np.array_equal(a["G.start.weight"], c["G.start.weight"])


def test_the_global_random_state_is_neither_used_nor_changed(tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = trainer(tmp_path / "one")
    list(one.fit())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    two = trainer(tmp_path / "two")
    list(two.fit())
    assert_same(final_arrays(one.run), final_arrays(two.run))


def test_a_finished_run_says_so_and_can_be_made_longer(tmp_path):
    list(trainer(tmp_path / "run").fit())
    assert kinds(trainer(tmp_path / "run").fit()) == [Preview, Finished]
    shorter = trainer(tmp_path / "run", kimg=0.04)
    assert list(shorter.fit())[-1].done
    assert shorter.run.state() == "done"
    longer = list(trainer(tmp_path / "run", kimg=0.12).fit())
    assert longer[0].resumed
    assert longer[-1].done
    assert longer[-1].kimg == 0.12


def test_a_run_by_minutes_keeps_the_progress_it_had(tmp_path):
    first = stop_after(trainer(tmp_path / "run", kimg=None, minutes=0.5), 5)
    assert not first[-1].done
    again = trainer(tmp_path / "run", kimg=None, minutes=0.5)
    events = stop_after(again, 1)
    assert events[0].resumed
    assert events[0].seconds == first[-1].seconds
    assert events[-1].seconds > first[-1].seconds
    assert again.images == 6 * 8


def test_a_run_by_minutes_ends_in_time(tmp_path):
    events = list(trainer(tmp_path / "run", kimg=None, minutes=0.005).fit())
    assert events[-1].done
    assert events[-1].seconds >= 0.3


def test_checkpoints_come_by_time(tmp_path):
    events = list(trainer(tmp_path / "run", checkpoint_seconds=1e-6).fit())
    assert kinds(events).count(Saved) == 10
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 2


def test_a_broken_game_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    stop_after(trainer(tmp_path / "run"), 4)
    broken = trainer(tmp_path / "run")
    step = broken._step

    def poisoned():
        with torch.no_grad():
            next(broken.players.bare_D.parameters()).fill_(float("nan"))
        return step()

    broken._step = poisoned
    with pytest.raises(NonFiniteLoss, match=r"The checkpoint of 0.0 kimg is kept. Try, .*half the learning rates"):
        list(broken.fit())
    assert [checkpoint.scalars()["images"] for checkpoint in broken.run.checkpoints()] == [32]
    assert list(trainer(tmp_path / "run").fit())[-1].done


def test_an_exploding_learning_rate_is_reported_not_hidden(tmp_path):
    with pytest.raises(NonFiniteLoss, match=r"There is no checkpoint yet.*--generator-lr 1e\+30"):
        list(trainer(tmp_path / "run", tiny(generator_lr=1e30, discriminator_lr=1e30)).fit())
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path):
    list(trainer(tmp_path / "run", checkpoint_seconds=1e-6).fit())
    newest = trainer(tmp_path / "run").run.latest()
    (newest.folder / "ema.safetensors").write_bytes(b"damaged")
    events = list(trainer(tmp_path / "run").fit())
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert warned.message.startswith("kimg-000000.080 is damaged and set aside; the one before is used.")
    assert (newest.folder.parent / "damaged-kimg-000000.080" / "ema.safetensors").read_bytes() == b"damaged"
    assert events[0].kimg == 0.072
    assert events[-1].done
    whole = trainer(tmp_path / "whole")
    list(whole.fit())
    assert_same(final_arrays(whole.run), final_arrays(trainer(tmp_path / "run").run))


@pytest.mark.parametrize("lost", ["adam_g.0.exp_avg", "adam_d.3.step", "D.logit.linear.weight"])
def test_a_checkpoint_that_lost_a_part_is_not_gone_on_from(tmp_path, lost):
    """Above all an optimiser: a run that goes on without its moments looks well and is another run."""
    run = stop_after(trainer(tmp_path / "run"), 4) and trainer(tmp_path / "run").run
    (checkpoint,) = run.checkpoints()
    tensors = checkpoint.tensors()
    del tensors[lost]
    write_tensors(checkpoint.folder / "state.safetensors", tensors)
    with pytest.raises(CheckpointError, match="No checkpoint of .* can be read"):
        list(trainer(tmp_path / "run").fit())


def test_when_no_checkpoint_can_be_read_nothing_is_overwritten(tmp_path):
    list(trainer(tmp_path / "run").fit())
    (checkpoint,) = trainer(tmp_path / "run").run.checkpoints()
    (checkpoint.folder / "state.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="No checkpoint of .* can be read"):
        list(trainer(tmp_path / "run").fit())
    assert (checkpoint.folder / "state.safetensors").read_bytes() == b"damaged"


def test_dcgan_is_evaluated_on_held_out_pictures_after_each_epoch(tmp_path):
    recipe = tiny("dcgan", batch_size=500)
    events = list(trainer(tmp_path / "run", recipe, kimg=None, epochs=2).fit())
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    assert [event.epoch for event in evaluated] == [1, 2]
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 2
    assert 4300 < events[0].images < 4700  # a tenth of the 5,000 digits is held out


def test_without_held_out_pictures_the_evaluation_is_left_out_with_a_warning(tmp_path):
    recipe = tiny("dcgan", holdout=0.0, batch_size=2500)
    events = list(trainer(tmp_path / "run", recipe, kimg=None, epochs=1).fit())
    (warned,) = [event.message for event in events if isinstance(event, Warned)]
    assert warned.endswith("Give --holdout 0.1, and at least 20 different pictures.")
    assert not any(isinstance(event, Evaluated) for event in events)


@pytest.mark.parametrize("game", ["minimax", "nonsaturating", "hinge", "wasserstein", "relativistic"])
def test_every_game_with_every_penalty_trains_and_resumes(tmp_path, game):
    recipe = tiny(game=game, wgan_gp_lambda=10.0, simultaneous=False)
    list(trainer(tmp_path / "whole", recipe).fit())
    parts = [stop_after(trainer(tmp_path / "parts", recipe), steps) for steps in (5, 99)]
    assert parts[-1][-1].done
    a, b = (final_arrays(trainer(tmp_path / name, recipe).run) for name in ("whole", "parts"))
    assert_same(a, b)


def test_training_without_labels(tmp_path):
    one = trainer(tmp_path / "run", labels=False)
    assert list(one.fit())[-1].done
    assert one.run.config.label_names == ()
    assert not any("embedding" in name for name in final_arrays(one.run))


def test_null_labels_are_a_tenth_and_real_labels_fit_their_pictures(tmp_path):
    one = trainer(tmp_path / "run")
    data, batches = one.dataset, one.batches
    null, seen = 0, 0
    for step in range(200):
        batch = batches.batch(8 * step, 8, torch.device("cpu"))
        pictures = to_uint8(batch.real, one.recipe.tones)
        for picture, label in zip(pictures, batch.label.tolist(), strict=True):
            seen += 1
            if label == 10:
                null += 1
            else:
                matches = np.flatnonzero((data.pictures == picture).all(axis=(1, 2, 3)))
                assert label in data.labels[matches]
    assert 0.07 < null / seen < 0.13


def test_every_epoch_shows_every_picture_once(tmp_path):
    one = trainer(tmp_path / "run", tiny(batch_size=48, holdout=0.0))
    shown = [one.batches._work(position) for position in range(10_000)]
    assert sorted(shown[:5000]) == sorted(shown[5000:]) == list(range(5000))
    assert shown[:5000] != shown[5000:]


def test_fewer_pictures_than_a_batch(tmp_path):
    from PIL import Image

    for number in range(3):
        Image.new("RGB", (20, 20), (number * 100, 9, 9)).save(tmp_path / f"{number}.png")
    one = trainer(tmp_path / "run", data=prepare(tmp_path, 16, out=tmp_path / "art"))
    assert list(one.fit())[-1].done


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch):
    from accelerate import Accelerator

    monkeypatch.setattr(Accelerator, "num_processes", 3)
    with pytest.raises(UsageError, match="batch_size 8 cannot be shared evenly by 3 processes"):
        trainer(tmp_path / "run")


def test_a_vanished_run_folder_is_a_clear_error(tmp_path):
    from ganvas.errors import StorageError

    one = trainer(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(StorageError, match="Cannot write"):
        list(one.fit())
