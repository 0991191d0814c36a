import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ganvas.errors import UsageError
from ganvas.features.extractor import Extractor, as_colour, as_grey, resize, without_alpha
from ganvas.tensors import as_floats

from .helpers import noise


class Layered(Extractor):
    name, dim, design = "layered", 2, "1"

    def __init__(self, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3)
        self.normalise = nn.BatchNorm2d(2)
        self.activation = activation or nn.ReLU()
        with torch.no_grad():
            for weight in self.parameters():
                weight.fill_(0.5)


def test_the_hash_follows_all_that_decides(monkeypatch):
    hashes = [Layered().sha256()]
    assert Layered().sha256() == hashes[0]
    hashes.append(Layered(nn.GELU()).sha256())
    for key in ("layer.weight", "normalise.running_mean"):
        net = Layered()
        net.state_dict()[key].view(-1)[0] += 1e-3
        hashes.append(net.sha256())
    hashes.append(Layered().to(torch.bfloat16).sha256())
    for attribute in ("name", "design", "preparation"):
        with monkeypatch.context() as patch:
            patch.setattr(Layered, attribute, "other")
            hashes.append(Layered().sha256())
    assert len(set(hashes)) == len(hashes)


def test_the_hash_does_not_follow_how_weights_lie_in_memory():
    assert Layered().to(memory_format=torch.channels_last).sha256() == Layered().sha256()  # pyrefly: ignore


def test_the_hash_covers_what_is_not_saved():
    nets = [Layered(), Layered()]
    for net, number in zip(nets, (0.0, 1.0), strict=True):
        net.register_buffer("offset", torch.tensor(number), persistent=False)
    assert nets[0].sha256() != nets[1].sha256()


def test_what_is_no_tensor_cannot_be_hashed():
    class Keeping(Layered):
        def get_extra_state(self) -> object:
            return {"scale": 2}

    with pytest.raises(UsageError, match="'layered' keep _extra_state as dict: only tensors can be hashed"):
        Keeping().sha256()


def test_a_fine_checkerboard_becomes_grey():
    """Without antialiasing it would be black or white (Parmar et al. 2022, fig. 2)."""
    board = (torch.arange(64)[:, None] + torch.arange(64)[None]) % 2 * 2.0 - 1
    small = resize(board.expand(1, 3, 64, 64), 9, 9)
    assert small.shape == (1, 3, 9, 9)
    assert small.abs().max() < 0.15
    aliased = torch.nn.functional.interpolate(board.view(1, 1, 64, 64), (9, 9), mode="bilinear", align_corners=False)
    assert aliased.abs().max() > 0.4


@pytest.mark.parametrize("size", [(9, 9), (30, 17), (64, 48), (100, 224)])
def test_resizing_is_as_pillow_does_it(size):
    picture = noise(1, 1, 48, 64)
    height, width = size
    expected = Image.fromarray(picture[0, 0].numpy()).resize((width, height), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(resize(picture, height, width)[0, 0], np.asarray(expected).clip(-1, 1), atol=1e-3)


def test_the_same_size_is_left_alone():
    picture = noise(1, 3, 20, 30)
    assert resize(picture, 20, 30) is picture


def test_colours_become_grey_as_pillow_does_it():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
    expected = np.asarray(Image.fromarray(pixels).convert("L"))
    np.testing.assert_allclose((as_grey(picture)[0, 0] + 1) * 127.5, expected, atol=1.01)


def test_half_transparent_is_halfway_to_white():
    picture = as_floats(np.array([0, 100, 255, 51], np.uint8).reshape(1, 1, 1, 4))
    expected = torch.tensor([204.0, 224.0, 255.0]) / 127.5 - 1
    torch.testing.assert_close(without_alpha(picture).flatten(), expected)
    assert as_colour(picture).shape == (1, 3, 1, 1)
    assert as_colour(noise(2, 1, 5, 5)).shape == (2, 3, 5, 5)
