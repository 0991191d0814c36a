"""Runs that start from what another run has learned."""

import dataclasses

import numpy as np
import pytest
import torch

import ganvas
from ganvas.errors import CheckpointError, RunNotFound, UsageError
from ganvas.nets.growing import Growing
from ganvas.nets.residual import Residual
from ganvas.training.events import Inherited
from ganvas.training.inherit import Heritage

from .helpers import assert_same, final_arrays, stop_after, tiny, trainer


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    one = trainer(tmp_path_factory.mktemp("parent") / "parent", tiny())
    list(one.fit())
    return one.run


def told(one) -> Inherited:
    (event,) = (event for event in one.fit() if isinstance(event, Inherited))
    return event


def test_the_same_nets_are_taken_over_as_they_are(tmp_path, parent):
    one = trainer(tmp_path / "run", tiny(), start_from=parent.folder, seed=5)
    stop_after(one, 0)
    event = told(trainer(tmp_path / "other", tiny(), start_from=parent.folder, seed=5))
    assert (event.parent, event.has_d, event.resized, event.new, event.left_out) == ("parent", True, (), (), ())
    fresh = trainer(tmp_path / "fresh", tiny(), start_from=parent.folder, seed=5)
    before = fresh.fit()
    next(event for event in before if isinstance(event, Inherited))
    given = final_arrays(parent)
    for net, prefix in ((fresh.players.bare_G, "ema."), (fresh.players.bare_D, "D."), (fresh.average, "ema.")):
        for name, value in net.state_dict().items():
            assert np.array_equal(value.numpy(), given[prefix + name]), name
    assert fresh.run.config.parent == "parent"
    before.close()


def test_it_goes_on_from_its_own_checkpoint_and_not_from_the_parent(tmp_path, parent):
    whole = trainer(tmp_path / "whole", tiny(), start_from=parent.folder)
    list(whole.fit())
    for steps in (4, 99):
        events = stop_after(trainer(tmp_path / "parts", tiny(), start_from=parent.folder), steps)
    assert not [event for event in events if isinstance(event, Inherited)]
    assert_same(final_arrays(whole.run), final_arrays(trainer(tmp_path / "parts", tiny()).run))


def test_a_generator_alone_is_enough(tmp_path, parent):
    event = told(trainer(tmp_path / "run", tiny(), start_from=parent.latest().folder / "ema.safetensors"))
    assert not event.has_d
    assert event.fitted == len(parent.latest().ema())


def test_wider_nets_take_what_both_have(tmp_path, parent):
    one = trainer(tmp_path / "run", tiny(net=Residual(width=6)), start_from=parent.folder)
    fresh = {name: value.clone() for name, value in one.players.bare_G.state_dict().items()}
    events = one.fit()
    event = next(event for event in events if isinstance(event, Inherited))
    given = parent.latest().ema()
    name = "paint.weight"
    assert name in event.resized
    assert not event.new
    now = one.players.bare_G.state_dict()[name].numpy()
    assert np.array_equal(now[:, :4], given[name])
    assert np.array_equal(now[:, 4:], fresh[name][:, 4:].numpy())
    assert "taken over" in ganvas.terminal.sentence(event)
    events.close()


def test_rows_of_labels_go_by_their_names(parent):
    heritage = Heritage.of(parent.folder)
    G = tiny().net.generator((1, 28, 28), 8, 3)
    before = G.latent.embedding.weight.detach().clone()
    fit = heritage.give(G, heritage.G, ["7", "zebra", "0"])
    after, given = G.latent.embedding.weight.detach(), torch.from_numpy(heritage.G["latent.embedding.weight"])
    names = parent.config.label_names
    assert torch.equal(after[0], given[names.index("7")])
    assert torch.equal(after[1], before[1])
    assert torch.equal(after[2], given[names.index("0")])
    assert torch.equal(after[3], given[len(names)])  # no label
    assert "latent.embedding.weight" in fit.resized


def test_a_run_without_labels_takes_the_rest(tmp_path, parent):
    event = told(trainer(tmp_path / "run", tiny(), start_from=parent.folder, labels=False))
    assert set(event.left_out) == {"latent.embedding.weight", "logit.embedding.weight"}


def test_a_net_for_larger_pictures_has_new_levels_only():
    small, large = (Growing(width=4, max_width=8, glance=8).generator((3, side, side), 8, 0) for side in (32, 64))
    config = dataclasses.replace(
        trainer_config(), recipe=tiny(net=Growing(width=4, max_width=8, glance=8)), shape=(3, 32, 32)
    )
    arrays = {name: value.numpy() for name, value in small.state_dict().items()}
    fit = Heritage("small", config, arrays, {}).give(large, arrays, [])
    assert not fit.left_out
    assert not fit.resized
    assert {name.split(".")[0] + name.split(".")[1] for name in fit.new} == {"blocks3", "ups2", "paints2"}
    assert int(large.level) == 2


def trainer_config():
    data = ganvas.prepare("digits")
    return ganvas.api.run_config(data, tiny(), ganvas.api.Budget("kimg", 1), 0, labels=False)


def test_what_cannot_be_taken_over_is_refused_before_anything_is_written(tmp_path, parent, pictures):
    def begin(recipe, start_from, **changes):
        trainer(tmp_path / "run", recipe, start_from=start_from, **changes)

    with pytest.raises(UsageError, match="parent has nets 'residual', this run 'mlp'. Use --recipe canvas"):
        begin(tiny("classic"), parent.folder)
    with pytest.raises(UsageError, match="parent has latents of 8, this run of 9. Use --latent-dim 8"):
        begin(tiny(latent_dim=9), parent.folder)
    with pytest.raises(UsageError, match="parent paints on the scale of tones 'sine', .* Use --tones sine"):
        begin(tiny(tones="linear"), parent.folder)
    for channels, how in ((3, "in colour. "), (4, "in colour with transparency. ")):
        art = ganvas.prepare(pictures, 28, alpha=channels == 4, channels=3 if channels == 3 else None)
        with pytest.raises(UsageError, match=f"draws pictures grey; these are {how}Prepare them with --channels 1,"):
            begin(tiny(), parent.folder, data=art)
    with pytest.raises(RunNotFound, match="is not a run"):
        begin(tiny(), tmp_path / "nothing")
    (tmp_path / "file.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="is not a generator saved by ganvas"):
        begin(tiny(), tmp_path / "file.safetensors")
    heritage = Heritage.of(parent.folder)
    colour = dataclasses.replace(parent.config, shape=(3, 28, 28))
    with pytest.raises(UsageError, match="parent draws pictures grey; these are in colour. Prepare"):
        heritage.check(colour)
    assert not (tmp_path / "run").exists()
