"""Runs that start from what another run has learned."""

import dataclasses

import numpy as np
import pytest
import torch

import ganvas
from ganvas import bases
from ganvas.errors import CheckpointError, RunNotFound, UsageError
from ganvas.nets.growing import Growing
from ganvas.nets.residual import Residual
from ganvas.training.events import Inherited
from ganvas.training.inherit import Heritage, store

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
    heritage = Heritage.of(parent.folder, parent.config.shape)
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


def test_transparency_is_learned_on_top_of_a_run_in_colour():
    net = Residual(width=4, max_width=8, glance=8)
    colour, transparent = (net.generator((channels, 16, 16), 8, 0).eval() for channels in (3, 4))
    config = dataclasses.replace(trainer_config(), recipe=tiny(net=net), shape=(3, 16, 16))
    arrays = {name: value.numpy() for name, value in colour.state_dict().items()}
    fit = Heritage("colour", config, arrays, {}).give(transparent, arrays, [])
    assert set(fit.resized) == {"paint.weight", "paint.bias"}
    z, none = torch.randn(3, 8), torch.zeros(3, dtype=torch.long)
    with torch.no_grad():
        torch.testing.assert_close(transparent(z, none)[:, :3], colour(z, none))


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
    for channels in (3, 4):
        art = ganvas.prepare(pictures, 28, alpha=channels == 4, channels=3 if channels == 3 else None)
        with pytest.raises(UsageError, match="grey; these are in colour. Prepare them with --channels 1,"):
            begin(tiny(), parent.folder, data=art)
    with pytest.raises(RunNotFound, match="is not a run"):
        begin(tiny(), tmp_path / "nothing")
    (tmp_path / "file.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="is not a generator saved by ganvas"):
        begin(tiny(), tmp_path / "file.safetensors")
    heritage = Heritage.of(parent.folder, parent.config.shape)
    colour = dataclasses.replace(parent.config, shape=(3, 28, 28))
    with pytest.raises(UsageError, match="parent draws pictures grey; these are in colour. Prepare"):
        heritage.check(colour)
    assert not (tmp_path / "run").exists()


def test_a_base_model_is_a_run_in_one_small_file(tmp_path, parent, monkeypatch):
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    store(parent, tmp_path / "little-28.safetensors")
    assert bases.names() == ["little"]
    event = told(trainer(tmp_path / "run", tiny(), start_from="little"))
    assert (event.parent, event.has_d, event.new, event.resized) == ("little-28", True, (), ())
    whole, small = (Heritage.of(path, (1, 28, 28)) for path in (parent.folder, "little"))
    for mine, theirs in ((whole.G, small.G), (whole.D, small.D)):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            np.testing.assert_allclose(value, theirs[name].astype(value.dtype), rtol=1e-3, atol=1e-6)


def test_of_several_sizes_the_nearest_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    for name in ("one-32.safetensors", "one-64.safetensors", "other-64.safetensors", "notes.md"):
        (tmp_path / name).touch()
    assert bases.names() == ["one", "other"]
    taken = [bases.nearest_to("one", (3, side, side)).name for side in (28, 40, 48, 128)]
    assert taken == ["one-32.safetensors", "one-32.safetensors", "one-64.safetensors", "one-64.safetensors"]


def test_an_unknown_name_says_which_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    (tmp_path / "little-28.safetensors").touch()
    with pytest.raises(RunNotFound, match="Base models to start from: little"):
        trainer(tmp_path / "run", tiny(), start_from="litle")


def test_frozen_levels_stay_as_the_parent_left_them(tmp_path, parent):
    one = trainer(tmp_path / "run", tiny(freeze_d=1), start_from=parent.folder)
    stop_after(one, 3)
    D, given = one.players.bare_D.state_dict(), Heritage.of(parent.folder, parent.config.shape).D
    kept = {name for name in given if np.array_equal(D[name].numpy(), given[name])}
    frozen = {name for name in D if name.startswith(("read.", "levels.0.", "levels.1."))}
    assert frozen
    assert kept == frozen
    free = trainer(tmp_path / "free", tiny(freeze_d=1))
    assert all(weight.requires_grad for weight in free.players.bare_D.parameters())  # there is nothing to keep


def test_what_has_no_levels_cannot_be_frozen(tmp_path, parent):
    with pytest.raises(UsageError, match="has no D, so there is nothing to freeze"):
        ema = parent.latest().folder / "ema.safetensors"
        trainer(tmp_path / "run", tiny(freeze_d=1), start_from=ema)
