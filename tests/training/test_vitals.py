"""What the doctor measures, where the right number is known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from ganvas.dataset import prepare
from ganvas.registry import games
from ganvas.training import ema, vitals
from ganvas.training.vitals import Probe

from .helpers import tiny, trainer


class Shows(nn.Module):
    """A generator that draws given pictures, whatever it is asked."""

    def __init__(self, pictures: torch.Tensor) -> None:
        super().__init__()
        self.pictures = pictures

    def forward(self, z, label):
        return self.pictures[torch.arange(len(z)) % len(self.pictures)]


@pytest.fixture
def ward(tmp_path):
    """A trainer on the shipped digits, its probe, and what an average that shows given pictures looks like."""
    one = trainer(tmp_path / "run", data=prepare("digits"))
    probe = Probe(one.run.config, one.dataset, one.train_works, one.held_out, one.device)
    return one, probe, lambda pictures: probe.take(one.players, Shows(pictures), 8, 0.1)


def test_real_pictures_are_healthy_works(ward):
    _, probe, look = ward
    found = look(probe.held_out)
    assert found.coverage > 0.6
    assert found.diversity == pytest.approx(1, abs=0.05)
    assert found.labels > 0.7
    assert found.duplicates == 0
    assert found.outside == 0
    assert abs(found.distance) < 0.02
    assert found.copying == pytest.approx(1, abs=0.15)
    assert look(probe.pictures).copying == 0
    assert found.near_copies < 0.05
    assert look(probe.pictures).near_copies == 1
    assert look(torch.cat([probe.pictures[:16], probe.held_out[:48]])).near_copies == pytest.approx(0.25, abs=0.08)
    assert probe.floor() == pytest.approx(found.distance)


def test_one_picture_again_and_again(ward):
    _, probe, look = ward
    found = look(probe.held_out[:1])
    assert found.coverage < 0.1
    assert found.diversity == found.diversity_within == 0
    assert found.duplicates == 1
    assert found.labels <= 0.2


def test_pictures_of_one_label(ward):
    _, probe, look = ward
    found = look(probe.held_out[probe.held_out_label == 0])
    assert found.labels < 0.35
    assert found.coverage < 0.35
    assert found.distance > 0.2


def test_works_of_a_label_that_differ_too_little(ward):
    """Two works for each label: together they differ well enough, those of one label do not."""
    _, probe, _ = ward
    label = probe.label[probe.pairs]
    prototypes = torch.stack([probe.pictures[probe.label == name][0] for name in range(10)])[label]
    found = probe._of_works(prototypes + 0.01 * torch.randn(prototypes.shape, generator=torch.Generator()), label)
    assert found["diversity"] > 0.75
    assert found["diversity_within"] < 0.1


def test_noise_and_overshooting_are_seen(ward):
    _, _, look = ward
    noise = torch.randn(64, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert look(noise).distance > 0.4
    assert look(noise).coverage == 0
    assert look(torch.full((1, 1, 28, 28), -1.2)).outside == 1
    half = torch.full((1, 1, 28, 28), 1.09)
    half[..., :14] = 1.11
    assert look(half).outside == 0.5


@pytest.mark.parametrize("name", ["canvas", "dcgan"])
def test_a_look_changes_nothing(tmp_path, name):
    """Not the weights, not batch normalisation's statistics, not the gradients, not torch's random numbers."""
    one = trainer(tmp_path / "run", tiny(name))
    list(one.fit())
    players = one.players
    for weight in players.bare_D.parameters():
        weight.grad = torch.ones_like(weight)
    before = [{k: v.clone() for k, v in net.state_dict().items()} for net in (players.bare_G, players.bare_D)]
    states, modes = torch.get_rng_state(), [net.training for net in (players.bare_G, players.bare_D)]
    probe = Probe(one.run.config, one.dataset, one.train_works, one.held_out, one.device)
    first, second = (probe.take(players, one.average, 80, 1.0) for _ in range(2))
    assert first == second
    for net, stored in zip((players.bare_G, players.bare_D), before, strict=True):
        assert all(torch.equal(value, stored[key]) for key, value in net.state_dict().items())
    assert all(bool((weight.grad == 1).all()) for weight in players.bare_D.parameters())
    assert all(weight.requires_grad for weight in players.bare_D.parameters())
    assert torch.equal(torch.get_rng_state(), states)
    assert [net.training for net in (players.bare_G, players.bare_D)] == modes


def test_the_players_are_measured_as_they_are(tmp_path):
    """A D that is a tenth of the first pixel: gradient 0.1 everywhere."""
    one = trainer(tmp_path / "run")
    probe = Probe(one.run.config, one.dataset, one.train_works, one.held_out, one.device)

    class FirstPixel(nn.Module):
        def forward(self, pictures, label):
            return 0.1 * pictures[:, 0, 0, 0]

    white = Shows(torch.ones(1, 1, 28, 28))  # the digits' first pixel is black
    players = type(one.players)(**{**vars(one.players), "bare_D": FirstPixel(), "bare_G": white})
    found = probe.take(players, one.average, 0, 0.0)
    assert found.gradient_real == pytest.approx(0.1)
    assert found.gradient_fake == pytest.approx(0.1)
    assert found.margin == pytest.approx(-0.2)
    assert found.sign == 0
    assert math.isnan(found.overfitting)  # D(train) is not above D(G(z))


def test_r_v_by_hand():
    train, held_out, fake = torch.tensor([4.0, 2.0]), torch.tensor([2.0, 1.0, 0.0]), torch.tensor([0.0, -2.0])
    r_v, error = vitals.overfitting(train, held_out, fake)
    assert r_v == 0.5  # (3 - 1) / (3 - -1)
    assert error == pytest.approx(math.sqrt(2 / 2 + 1 / 3) / 4)  # variances of 2 and 1, of two and three pictures
    assert math.isnan(vitals.overfitting(train, held_out[:2], fake)[0])


def test_what_a_label_adds_to_its_logits_does_not_look_like_overfitting():
    rng = torch.Generator().manual_seed(0)
    label = torch.arange(200) % 2
    logits = torch.randn(200, generator=rng) + 50 * label
    held_label = (torch.arange(100) % 4 == 0).long()  # another mixture of labels
    held_out = torch.randn(100, generator=rng) + 50 * held_label - 1
    centred = vitals.levelled(held_out, held_label, logits, label)
    assert centred.mean().item() == pytest.approx(-1, abs=0.25)
    assert centred.std().item() == pytest.approx(1, abs=0.2)
    rare = vitals.levelled(torch.tensor([7.0]), torch.tensor([3]), logits, label)  # a label that nothing is known of
    assert rare.item() == pytest.approx(7 - logits.mean().item(), abs=1e-4)


def test_how_much_d_still_learns():
    zeros, three = torch.zeros(8), torch.full((8,), 3.0)
    for name in games.names():
        assert vitals.pull(games.get(name)(), zeros, zeros) == pytest.approx(1)
    sigmoid = 1 / (1 + math.exp(3))
    assert vitals.pull(games.get("relativistic")(), three, zeros) == pytest.approx(2 * sigmoid)
    assert vitals.pull(games.get("nonsaturating")(), three, -three) == pytest.approx(2 * sigmoid)
    assert vitals.pull(games.get("hinge")(), three, zeros) == pytest.approx(0.5)
    assert vitals.pull(games.get("wasserstein")(), 10 * three, zeros) == pytest.approx(1)


def test_energy_distance_by_hand():
    works, pictures = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])
    apart = vitals.distances(pictures, pictures)
    # E|x - y| = (1 + 5 + 1 + 3) / 4 = 2.5; E|x - x'| = 2; E|y - y'| = 4
    assert vitals.energy_distance(works, pictures, apart) == pytest.approx((5 - 2 - 4) / 4)
    same = torch.zeros(3, 1)
    assert math.isnan(vitals.energy_distance(works, same, vitals.distances(same, same)))


@pytest.mark.parametrize(
    ("size", "pixels"), [((28, 28), 14 * 14), ((16, 16), 256), ((8, 40), 3 * 14), ((96, 64), 16 * 11)]
)
def test_pictures_are_shrunk(size, pixels):
    assert vitals.shrunk(torch.full((2, 3, *size), 9.0)).shape == (2, 3 * pixels)
    assert vitals.shrunk(torch.full((2, 3, *size), 9.0)).unique().tolist() == [1]


def test_three_pictures_without_labels_are_enough_to_look(tmp_path):
    from PIL import Image

    for number in range(3):
        Image.new("RGB", (20, 20), (number * 100, 9, 9)).save(tmp_path / f"{number}.png")
    one = trainer(tmp_path / "run", data=prepare(tmp_path, 16, out=tmp_path / "art"))
    probe = Probe(one.run.config, one.dataset, one.train_works, one.held_out, one.device)
    found = probe.take(one.players, ema.frozen_copy(one.players.bare_G), 0, 0.0)
    assert math.isnan(found.overfitting) and math.isnan(found.labels) and math.isnan(found.diversity_within)
    assert 0 <= found.coverage <= 1
    assert np.isfinite([found.diversity, found.distance, found.margin]).all()


def test_near_copies_among_few_pictures_of_which_none_is_held_out(tmp_path):
    """A blurred mean is near all of them and a copy of none; a noisy copy is one."""
    from PIL import Image

    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:16, :16]
    for number in range(24):
        y, x, size = rng.uniform(3, 13), rng.uniform(3, 13), rng.uniform(2, 5)
        blob = 250 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / size**2)
        Image.fromarray(blob.astype(np.uint8)).save(tmp_path / f"{number}.png")
    one = trainer(tmp_path / "run", tiny(holdout=0.0), data=prepare(tmp_path, 16, out=tmp_path / "art"))
    probe = Probe(one.run.config, one.dataset, one.train_works, one.held_out, one.device)

    def look(pictures):
        return probe.take(one.players, Shows(pictures), 8, 0.1).near_copies

    known = probe.pictures
    noisy = known + 0.02 * torch.randn(known.shape, generator=torch.Generator().manual_seed(0))
    assert look(noisy) == 1
    assert look(known.mean(dim=0, keepdim=True)) == 0
    assert look(known.flip(2)) < 0.3
    mixed = torch.cat([noisy[:1], *[known.mean(dim=0, keepdim=True)] * 3])
    usual = (probe.new < 0.5 * probe.new.median()).float().mean().item()
    assert look(mixed) == pytest.approx((0.25 - usual) / (1 - usual))
