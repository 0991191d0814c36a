"""Nets that write codes: first the auto-encoder learns, then the transformer, and a kill changes nothing."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from ganvas.api import make_trainer, open_model
from ganvas.cli import main
from ganvas.config import Recipe
from ganvas.dataset import prepare
from ganvas.errors import UsageError
from ganvas.nets.tokens import COMPETING, PAINTING, SORTING, WRITING
from ganvas.training import machine
from ganvas.training.batches import Batch
from ganvas.training.events import Diagnosed, Finished, Step
from ganvas.training.step import step
from ganvas.training.tokens import moved
from ganvas.training.trainer import Trainer

from .helpers import TINY_NETS, assert_same, final_arrays, stop_after, tiny, trainer


def recipe() -> Recipe:
    """Of twenty steps five sort, two paint, three compete, ten write. The shares are exact in binary."""
    net = dataclasses.replace(TINY_NETS["tokens"], sorting_share=0.25, painting_share=0.25)
    return tiny("tokens", net=net)


def parts(trainer: Trainer) -> dict[str, dict[str, torch.Tensor]]:
    """Copies of the weights of each part."""
    G: Any = trainer.players.bare_G
    nets = {"codes": G.codebook, "decoder": G.decoder, "writer": G.writer, "critic": trainer.players.bare_D}
    return {name: {key: value.clone() for key, value in net.state_dict().items()} for name, net in nets.items()}


def changed(before: dict[str, dict[str, torch.Tensor]], after: dict[str, dict[str, torch.Tensor]]) -> set[str]:
    return {name for name in before if any((before[name][key] != after[name][key]).any() for key in before[name])}


def batch_of(made: Trainer) -> Batch:
    return made.batches.batch(0, 8, torch.device("cpu"))


def test_each_stage_teaches_its_part_alone(tmp_path):
    made = trainer(tmp_path / "run", tiny("tokens"))
    G: Any = made.players.bare_G
    for stage, taught in (
        (SORTING, {"codes"}),
        (PAINTING, {"decoder"}),
        (COMPETING, {"decoder", "critic"}),
        (WRITING, {"writer"}),
    ):
        G.stage.fill_(stage)
        before = parts(made)
        for _ in range(2):  # layers that start at zero pass a gradient from the second on
            judged = step(made.players, batch_of(made))
        assert judged.shape == (5,) and torch.isfinite(judged).all() and judged[4] > 0
        assert changed(before, parts(made)) == taught


def test_it_learns(tmp_path):
    """The same pictures again and again."""
    made = trainer(tmp_path / "run", tiny("tokens"))
    G: Any = made.players.bare_G
    for stage in (SORTING, PAINTING, WRITING):
        G.stage.fill_(stage)
        losses = [float(step(made.players, batch_of(made))[4]) for _ in range(60)]
        assert losses[-1] < 0.9 * losses[0]


def test_pictures_are_moved_by_a_few_pixels_each_way_as_often_as_every_other():
    picture = torch.rand(1, 3, 32, 48)
    found = moved(picture.expand(9, -1, -1, -1), (torch.arange(9) + 0.5) / 9, 0.03)
    assert found.shape == (9, 3, 32, 48) and len(found.unique(dim=0)) == 9
    assert torch.equal(found[4], picture[0])
    assert torch.equal(found[0][:, 1:, 1:], picture[0][:, :-1, :-1]) and torch.equal(
        found[0][:, 0, 1:], picture[0][:, 0, :-1]
    )
    assert torch.equal(found[8][:, :-1, :-1], picture[0][:, 1:, 1:])
    assert torch.equal(moved(picture, torch.ones(1), 0.0), picture)
    assert torch.equal(moved(picture, torch.ones(1), 0.03), found[8:])


def test_jitter_moves_what_the_transformer_reads(tmp_path):
    def loss(jitter: float) -> float:
        net = dataclasses.replace(TINY_NETS["tokens"], jitter=jitter)
        made = trainer(tmp_path / str(jitter), tiny("tokens", net=net))
        G: Any = made.players.bare_G
        for stage, times in ((SORTING, 20), (WRITING, 20)):
            G.stage.fill_(stage)
            judged = [step(made.players, batch_of(made)) for _ in range(times)]
        return float(judged[-1][4])

    assert loss(0.0) == loss(0.0) != loss(0.25)


def test_a_run_goes_through_its_stages_and_keeps_the_averaged_decoder(tmp_path):
    made = trainer(tmp_path / "run", recipe(), kimg=0.16)
    G: Any = made.players.bare_G
    average: Any = made.average
    seen = []
    take = made._step

    def looked() -> torch.Tensor:
        judged = take()
        weights = (G.decoder.paint.weight, average.decoder.paint.weight)
        seen.append((int(G.stage), torch.equal(*weights)))
        assert all(map(torch.equal, G.codebook.buffers(), average.codebook.buffers()))
        return judged

    made._step = looked  # type: ignore[method-assign]
    events = list(made.fit())
    assert isinstance(events[-1], Finished) and not any(isinstance(event, Diagnosed) for event in events)
    assert [stage for stage, _ in seen] == [SORTING] * 5 + [PAINTING] * 3 + [COMPETING] * 2 + [WRITING] * 10
    assert [same for _, same in seen] == [True] * 5 + [True] + [False] * 4 + [True] * 10  # a rate of 0 at first
    assert average.stage == WRITING


def test_both_parts_of_a_run_anneal(tmp_path):
    made, rates = trainer(tmp_path / "run", recipe(), kimg=0.8), []
    take = made._step

    def looked() -> torch.Tensor:
        judged = take()
        rates.append(made.players.optimizer_g.param_groups[0]["lr"] / made.recipe.generator_lr)
        return judged

    made._step = looked  # type: ignore[method-assign]
    list(made.fit())
    for part in (rates[25:50], rates[50:]):
        assert part[0] == 0 and max(part) > 0.95 and part[2:] == sorted(part[2:], reverse=True) and part[-1] < 0.05


@pytest.mark.parametrize("steps", [2, 5, 8, 10, 13])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(steps, tmp_path):
    """In every stage, and right between two."""
    whole = trainer(tmp_path / "whole", recipe(), kimg=0.16)
    list(whole.fit())
    stop_after(trainer(tmp_path / "parted", recipe(), kimg=0.16), steps)
    again = trainer(tmp_path / "parted", recipe(), kimg=0.16)
    list(again.fit())
    assert_same(final_arrays(whole.run), final_arrays(again.run))


def test_a_run_that_is_made_longer_goes_on_writing(tmp_path):
    list(trainer(tmp_path / "run", recipe(), kimg=0.16).fit())
    longer = trainer(tmp_path / "run", recipe(), kimg=0.8)
    stop_after(longer, 2)
    G: Any = longer.players.bare_G
    assert G.stage == WRITING and longer.images == 160 + 16


@pytest.mark.parametrize("labels", [True, False])
def test_it_learns_with_labels_alone_or_with_nothing(labels, tmp_path):
    made = trainer(tmp_path / "run", tiny("tokens"), labels=labels)
    events = list(made.fit())
    assert [event for event in events if isinstance(event, Step)]
    model = open_model(tmp_path / "run")
    assert len({work.pixels.tobytes() for work in model.sample(4)}) == 4
    assert (len(model.labels) > 0) == labels


def test_captions_are_learned_and_works_made_to_order(tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "works"
    art = prepare("shapes:40", size=16)
    made = make_trainer(art, recipe(), kimg=0.08, out=run, captions="on", few=True)
    list(made.fit())
    model = open_model(run)
    (red,) = model.sample(1, text="a large red circle")
    path = red.save(tmp_path / "red.png")
    assert np.array_equal(model.draw([model.like(path)])[0].pixels, red.pixels)
    cli = ["sample", str(run), "--out", str(out), "--count", "2", "--text", "red circle"]
    main([*cli, "--temperature", "0.7", "--top-k", "5"])
    assert model.like(out / "seed-000001.png").lineage["prompt"]["top_k"] == 5
    main([*cli, "--complete", str(path), "--keep", "left", "--seed", "4"])
    assert model.like(out / "complete-000005.png").lineage["complete"] == "left"
    main(["sample", str(run), "--like", str(out / "complete-000005.png"), "--out", str(out)])
    assert (out / "again.png").is_file()
    assert "from the left of" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["explore", str(run), "--walk", "1", "2"])
    assert "nothing lies between two rows of codes" in " ".join(capsys.readouterr().err.split())


def test_what_it_cannot_do_is_said(tmp_path):
    with pytest.raises(UsageError, match="augment must be empty for nets of tokens"):
        dataclasses.replace(recipe(), augment=("shift",))
    with pytest.raises(UsageError, match="'tokens' learn in one process"):
        machine.check_shares(recipe(), 2)
    with pytest.raises(UsageError, match="--latent-dim 49 or more, not 8"):
        trainer(tmp_path / "run", dataclasses.replace(recipe(), latent_dim=8))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("doctor", ["warn", "auto"])
def test_the_doctor_of_games_stays_away(doctor, tmp_path):
    made = trainer(tmp_path / "run", tiny("tokens"), doctor=doctor)
    assert made.ward.mode == "off"
    assert isinstance(list(made.fit())[-1], Finished)
