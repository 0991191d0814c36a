"""Every kind of features goes through one suite. A new kind needs no new test here."""

import numpy as np
import pytest
import torch

from ganvas.registry import features
from ganvas.tensors import as_floats

from .helpers import close, made, noise, see

SHAPES = [(1, 28, 28), (3, 40, 24), (4, 64, 64)]
every = pytest.mark.parametrize("name", features.names())


@every
@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_become_vectors_each_by_itself(name, shape):
    pictures = noise(3, *shape)
    seen = see(name, pictures)
    assert seen.shape == (3, made(name).dim)
    assert seen.dtype == torch.float32
    assert torch.isfinite(seen).all()
    assert torch.equal(see(name, pictures), seen)
    assert not close(seen[0], seen[1], 1e-2)
    for index in range(3):
        assert close(see(name, pictures[index : index + 1]), seen[index : index + 1])


@every
def test_it_is_ready_to_look_and_stays_as_it_is(name):
    net = made(name)
    assert not any(part.training for part in net.modules())
    assert not any(weight.requires_grad for weight in net.parameters())
    before = net.sha256()
    see(name, noise(2, 3, 32, 32))
    assert net.sha256() == before


@every
def test_its_name_and_hash_are_for_good(name):
    net = made(name)
    assert net.name == name
    assert len(net.sha256()) == 64
    int(net.sha256(), 16)
    assert features.get(name)((1, 28, 28)).sha256() == net.sha256()


@every
def test_grey_is_the_same_as_its_colour(name):
    grey = noise(2, 1, 32, 32)
    assert close(see(name, grey.expand(-1, 3, -1, -1)), see(name, grey))


@every
def test_what_is_transparent_is_white(name):
    colour = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    opaque, clear = (np.concatenate([colour, np.full((2, 32, 32, 1), a, np.uint8)], axis=3) for a in (255, 0))
    assert close(see(name, as_floats(opaque)), see(name, as_floats(colour)))
    assert close(see(name, as_floats(clear)), see(name, torch.ones(2, 3, 32, 32)))


@every
@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_an_empty_picture_is_finite(name, level):
    assert torch.isfinite(see(name, torch.full((1, 3, 16, 16), level))).all()
