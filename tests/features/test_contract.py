"""Every kind of features goes through one suite. A new kind needs no new test here."""

import pytest
import torch

from ganvas.registry import features

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
    colour, opaque, clear = noise(2, 3, 32, 32), torch.ones(2, 1, 32, 32), -torch.ones(2, 1, 32, 32)
    assert close(see(name, torch.cat([colour, opaque], dim=1)), see(name, colour))
    assert close(see(name, torch.cat([colour, clear], dim=1)), see(name, torch.ones(2, 3, 32, 32)))


@every
@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_an_empty_picture_is_finite(name, level):
    assert torch.isfinite(see(name, torch.full((1, 3, 16, 16), level))).all()
