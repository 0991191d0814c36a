"""The peers of bench/art.py and how it measures, at tiny sizes; the bench itself takes hours."""

import numpy as np
import pytest
import torch

SMALL = {"diffaugment-dcgan": {"width_g": 4, "width_d": 4, "batch_size": 4}, "fastgan": {"width": 2, "batch_size": 4}}


def small_match(bench, digits, name):
    feed = bench("peers").Feed(digits, np.arange(0, len(digits), 50), 0)
    return bench("peers").Match(bench("art_peers").PEERS[name](**SMALL[name]), feed, digits.shape, 0)


def weights(net: torch.nn.Module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in net.parameters()]).clone()


@pytest.mark.parametrize("name", SMALL)
def test_a_peer_learns_in_both_nets_and_draws_pictures(bench, digits, name):
    match = small_match(bench, digits, name)
    before = weights(match.G), weights(match.D)
    losses = [match.step(progress) for progress in (0.0, 0.5)]
    assert all(torch.isfinite(loss).all() for loss in losses)
    for old, net in zip(before, (match.G, match.D), strict=True):
        assert torch.isfinite(weights(net)).all()
        assert not torch.equal(old, weights(net))
    works = match.drawer()(torch.randn(3, match.peer.latent_dim), torch.zeros(3, dtype=torch.long))
    assert works.shape == (3, 1, 28, 28)
    assert works.abs().max() <= 1 + 1e-5


def test_all_peers_are_tested(bench):
    assert set(bench("art_peers").PEERS) == set(SMALL)


def test_fastgans_d_paints_what_it_sees(bench):
    """Its decoders learn: the loss of painting one picture falls by half."""
    torch.manual_seed(0)
    D = bench("art_peers").FastD(3, 4)
    picture = torch.rand(4, 3, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3) * 2 - 1
    adam = torch.optim.Adam(D.parameters(), 5e-3)
    painted = []
    for _ in range(60):
        _, loss = D.judge_and_paint(picture)
        adam.zero_grad()
        loss.backward()
        adam.step()
        painted.append(loss.item())
    assert np.mean(painted[-5:]) < 0.5 * painted[0]


def test_a_player_is_measured_beside_its_pictures(bench, digits, tmp_path, monkeypatch):
    art = bench("art")
    monkeypatch.setattr(art, "FEATURES", ("random",))
    monkeypatch.setattr(art, "WORKS", 200)
    monkeypatch.setattr(art, "PEERS", {"fastgan": lambda: bench("art_peers").PEERS["fastgan"](**SMALL["fastgan"])})
    found = art.one("fastgan", digits, 0.01, 0, tmp_path / "digits, fastgan.png")
    assert found["pictures"] == 4491
    value, low, high, real, _ = found["random"]["kernel"]
    assert low <= value <= high
    assert value > real  # noise is further from the pictures than other pictures are
    assert {path.name for path in tmp_path.glob("*.png")} == {"digits, fastgan.png", "digits, pictures.png"}
    assert "fastgan" in art.table({"results": {"digits, fastgan": {**found, "effnet": found["random"]}}})


def test_players_are_recipes_with_or_without_a_base_model_or_peers(bench, digits):
    art = bench("art")
    canvas, base = art.recipe_of("canvas+drawings", digits)
    assert (canvas.name, base) == ("canvas", "drawings")
    assert art.recipe_of("canvas", digits) == (canvas, None)
    assert art.recipe_of("fastgan", digits) is None
    assert art.recipe_of("auto", digits)[0].name == "canvas"
    assert art.settings_of("canvas+drawings", digits) != art.settings_of("canvas", digits)


def test_nobody_is_measured_by_what_it_learned_from(bench, digits, tmp_path, monkeypatch):
    """Also where the packages of `effnet` are there: it is not even made."""
    art = bench("art")
    monkeypatch.setattr(art, "WORKS", 100)
    monkeypatch.setattr(art, "SCORES", ["kernel"])
    monkeypatch.setattr(art, "PEERS", {"fastgan": lambda: bench("art_peers").PEERS["fastgan"](**SMALL["fastgan"])})
    standing = art.trained("fastgan", digits, 0.001, 0)
    found = art.measured(standing, "projected", digits, 0, tmp_path / "page.png")
    assert "effnet" not in found
    assert found["random"]["kernel"]
    assert "| – |" in art.table({"results": {"digits, projected": {**found, "kimg": 1.0}}})
