"""Every registered part goes through one suite, those of other packages too. A new part needs no new test here."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch

from ganvas.api import make_trainer, open_model
from ganvas.config import Conditions, Recipe
from ganvas.dataset import prepare
from ganvas.nets.text import Reader
from ganvas.prompts import rows
from ganvas.registry import games, nets, recipes, sources
from ganvas.sources.artwork import Artwork, Skipped
from ganvas.training.events import Finished


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_trains_two_steps_resumes_and_samples(name, tmp_path):
    """As it is registered, at its real size."""
    recipe: Recipe = dataclasses.replace(recipes.get(name)(), batch_size=4)
    assert recipe.name == name
    for steps in (2, 3):
        arguments = {"minutes": None, "epochs": None, "out": tmp_path / "run", "seed": 0, "labels": True}
        trainer = make_trainer(prepare("digits"), recipe, kimg=0.004 * steps, checkpoint_seconds=60, **arguments)
        events = list(trainer.fit())
        assert isinstance(events[-1], Finished)
        assert events[-1].done
        assert events[-1].kimg == 0.004 * steps
    model = open_model(tmp_path / "run")
    works = model.sample(3, seed=5)
    assert [work.pixels.shape for work in works] == [(28, 28, 1)] * 3
    assert not np.array_equal(works[0].pixels, works[1].pixels)


@pytest.mark.parametrize("name", games.names())
def test_a_game_gives_finite_gradients_to_every_weight(name):
    game = games.get(name)()
    D = torch.nn.Linear(3, 1)
    real, fake = D(torch.randn(8, 3))[:, 0], D(torch.randn(8, 3))[:, 0]
    for loss in (game.discriminator, game.generator):
        D.zero_grad()
        value = loss(real, fake)
        assert value.shape == ()
        value.backward(retain_graph=True)
        assert all(torch.isfinite(weight.grad).all() for weight in D.parameters())
        assert D.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", nets.names())
def test_a_net_family_builds_both_players(name):
    config = nets.get(name)()
    assert config.family == name
    G, D = config.generator((3, 32, 32), 64, 2), config.discriminator((3, 32, 32), 2)
    label = torch.tensor([0, 1, 2])
    pictures = G(torch.randn(3, 64), label)
    assert D(pictures, label).shape == (3,)
    two = D(pictures, torch.stack([label, label.flip(0)]))  # k labels for each picture, in one pass
    torch.testing.assert_close(two[1], D(pictures, label.flip(0)))


@pytest.mark.parametrize("name", nets.names())
def test_a_net_family_reads_captions(name):
    config = nets.get(name)()
    G, D = config.generator((3, 32, 32), 64, Conditions(2, 8)), config.discriminator((3, 32, 32), Conditions(2, 8))
    label = torch.tensor([0, 1, 2])
    asked = rows(label, ["a red circle", "", "a star"])
    pictures = G(torch.randn(3, 64), asked)
    assert pictures.shape == (3, 3, 32, 32)
    assert D(pictures, asked).shape == (3,)
    two = D(pictures, torch.stack([asked, asked.flip(0)]))
    torch.testing.assert_close(two[1], D(pictures, asked.flip(0)))
    assert D(pictures, label).shape == (3,)  # bare labels are without captions
    readers = [part for net in (G, D) for part in net.modules() if isinstance(part, Reader)]
    assert len(readers) == (0 if config.tokenizes else 2)  # a transformer reads by itself


@pytest.mark.parametrize("name", sources.names())
def test_a_source_yields_artworks_with_a_licence_field(name, tmp_path):
    source = fill(name, tmp_path)
    works = list(islice(source.artworks(), 300))
    assert len(works) >= 2
    assert len({work.name for work in works}) == len(works)
    for work in works[:50]:
        assert isinstance(work, Artwork | Skipped)
        assert isinstance(work, Skipped) or work.licence is None or isinstance(work.licence, str)
    assert source.fingerprint() == made(name, tmp_path).fingerprint()


def fill(name, folder):
    """The source, over a folder that holds what it reads."""
    import gzip

    from PIL import Image

    if name == "folder":
        for number in range(2):
            Image.new("L", (20, 20), 90 * number).save(folder / f"{number}.png")
    if name == "idx":
        images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(2 * 28 * 28)
        (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, mtime=0))
        (folder / "train-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 3, 4]), mtime=0)
        )
    return made(name, folder)


def made(name, folder):
    cls = sources.get(name)
    return cls(folder) if getattr(cls, "reads_folders", False) else cls()
