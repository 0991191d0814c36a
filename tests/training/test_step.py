"""Moves of the two players."""

import copy
import dataclasses

import pytest
import torch

from ganvas.errors import UsageError
from ganvas.registry import games
from ganvas.training import step
from tests.training.helpers import tiny, trainer


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    ("name", "game"), [*(("canvas", game) for game in games.names()), ("projected", "relativistic")]
)
def test_moving_at_once_follows_both_gradients(tmp_path, name, game, number):
    """One pass of each net gives the gradients that each player's own loss has at the weights before the move."""
    one = trainer(
        tmp_path / "run",
        tiny(
            name,
            game=game,
            simultaneous=True,
            precision="float32",
            r1_gamma=0.3,
            r2_gamma=0.7,
            penalty_every=2,
            matching=0.5,
        ),
    )
    players, batch = one.players, one.batches.batch(8 * number, 8, one.device)
    G, D = copy.deepcopy(players.bare_G), copy.deepcopy(players.bare_D)
    fake = G(batch.z_g, batch.label)
    loss_g = players.game.generator(D(batch.real, batch.label), D(fake, batch.label))
    expected_g = torch.autograd.grad(loss_g, list(G.parameters()))
    still = dataclasses.replace(players, bare_G=G, bare_D=D, G=G, D=D, optimizer_d=torch.optim.SGD(D.parameters(), 0.0))
    in_turn = step.discriminator_step(still, dataclasses.replace(batch, z_d=batch.z_g))
    found = step.step(players, batch)
    assert torch.allclose(found[:4], in_turn, atol=1e-6)
    assert found[4].item() == pytest.approx(loss_g.item(), abs=1e-6)
    for (name, weight), expected in zip(players.bare_G.named_parameters(), expected_g, strict=True):
        torch.testing.assert_close(weight.grad, expected, atol=1e-6, rtol=1e-4, msg=lambda m, n=name: f"G.{n}: {m}")
    for (name, weight), expected in zip(players.bare_D.named_parameters(), D.parameters(), strict=True):
        torch.testing.assert_close(
            weight.grad, expected.grad, atol=1e-6, rtol=1e-4, msg=lambda m, n=name: f"D.{n}: {m}"
        )


@pytest.mark.parametrize("simultaneous", [True, False])
def test_penalties_of_some_steps_stand_for_all(tmp_path, simultaneous):
    recipe = tiny(simultaneous=simultaneous, r1_gamma=0.3, r2_gamma=0.7, precision="float32")
    found = {}
    for every in (1, 3):
        one = trainer(tmp_path / str(every), dataclasses.replace(recipe, penalty_every=every))
        still = [torch.optim.SGD(net.parameters(), 0.0) for net in (one.players.bare_G, one.players.bare_D)]
        players = dataclasses.replace(one.players, optimizer_g=still[0], optimizer_d=still[1])
        batch = one.batches.batch(0, 8, one.device)
        found[every] = [step.step(players, dataclasses.replace(batch, number=n))[1].item() for n in range(4)]
    assert found[1] == [pytest.approx(found[1][0])] * 4
    assert found[3] == [pytest.approx(3 * found[1][0]), 0, 0, pytest.approx(3 * found[1][0])]


def test_moving_at_once_is_refused_where_the_critic_moves_by_itself():
    with pytest.raises(UsageError, match="simultaneous must be off with wgan_gp_lambda"):
        tiny(simultaneous=True, game="wasserstein", wgan_gp_lambda=10.0)


def test_d_learns_which_label_belongs_to_a_picture(tmp_path):
    """The gradient of the matching loss is that of D's own game between a picture's label and another one."""
    one = trainer(tmp_path / "run", tiny(matching=0.5, null_label=0.5, precision="float32"))
    players, batch = one.players, one.batches.batch(0, 8, one.device)
    torch.nn.init.normal_(players.bare_D.logit.embedding.weight)
    labels = len(one.run.config.label_names)
    known = batch.label < labels
    assert 0 < known.sum() < len(known)
    assert (batch.other_label[known] != batch.label[known]).all()
    assert (batch.other_label[known] < labels).all()
    assert (batch.other_label[~known] == labels).all()
    pictures = torch.cat([batch.real, batch.real])
    logits, matching = step.seen_by_discriminator(players, pictures, batch)
    D = players.bare_D
    torch.testing.assert_close(logits, D(pictures, torch.cat([batch.label, batch.label])))
    own, other = (D(batch.real[known], label[known]) for label in (batch.label, batch.other_label))
    assert matching.item() == pytest.approx(0.5 * players.game.discriminator(own, other).item(), rel=1e-5)


def test_without_labels_nothing_is_to_be_matched(tmp_path):
    one = trainer(tmp_path / "run", tiny(matching=0.5), labels=False)
    batch = one.batches.batch(0, 8, one.device)
    pictures = torch.cat([batch.real, batch.real])
    assert step.seen_by_discriminator(one.players, pictures, batch)[1].item() == 0
    assert list(one.fit())
