import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganvas.errors import UsageError
from ganvas.features.choose import make_features

from .helpers import noise

SHAPE = (3, 16, 12)


class Mine(nn.Module):
    """Seven numbers a picture, with batch normalisation and dropout, both off in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(5 * 14 * 10, 7)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(pictures)


class Giving(nn.Module):
    """What it is told to."""

    def __init__(self, give) -> None:
        super().__init__()
        self.give = give

    def forward(self, pictures: Tensor) -> object:
        return self.give(pictures)


def test_any_module_becomes_features():
    mine = Mine()
    net = make_features(mine, SHAPE)
    assert (net.name, net.dim) == ("Mine", 7)
    seen = net(noise(4, *SHAPE))
    assert torch.equal(seen, mine.eval()(noise(4, *SHAPE)))
    assert not seen.requires_grad


def test_the_module_itself_stays_as_it_was():
    mine = Mine()
    net = make_features(mine, SHAPE)
    before = net.sha256()
    assert mine.training
    assert all(weight.requires_grad for weight in mine.parameters())
    mine(noise(4, *SHAPE)).sum().backward()
    with torch.no_grad():
        mine.layers[0].weight.zero_()
    assert net.sha256() == before


def test_its_hash_follows_weights_and_name():
    mine, other = Mine(), Mine()
    other.load_state_dict(mine.state_dict())
    assert make_features(mine, SHAPE).sha256() == make_features(other, SHAPE).sha256()
    Renamed = type("Renamed", (Mine,), {})
    renamed = Renamed()
    renamed.load_state_dict(mine.state_dict())
    with torch.no_grad():
        other.layers[0].weight[0, 0, 0, 0] += 1e-3
    assert len({make_features(each, SHAPE).sha256() for each in (mine, other, renamed)}) == 3


def test_half_precision_comes_out_as_float32():
    net = make_features(Giving(lambda x: x.mean(dim=(2, 3)).half()), SHAPE)
    assert net(noise(2, *SHAPE)).dtype == torch.float32


WRONG = {
    "floats (2, dim), but torch.float32 (2, 3, 16, 12) came": lambda x: x,
    "torch.float32 (2,) came": lambda x: x.mean(dim=(1, 2, 3)),
    "torch.float32 (3, 2) came": lambda x: x.mean(dim=(2, 3)).T,
    "torch.float32 (2, 0) came": lambda x: x.flatten(1)[:, :0],
    "torch.int64 (2, 576) came": lambda x: x.flatten(1).long(),
    "torch.complex64 (2, 576) came": lambda x: x.flatten(1) * 1j,
    "a tuple came": lambda x: (x.flatten(1),),
    "a NoneType came": lambda x: None,
    "NaN or infinity came": lambda x: x.flatten(1) / 0,
    "failed on pictures (2, 3, 16, 12): ZeroDivisionError: division by zero": lambda x: 1 / 0,
    "see a picture differently when it is alone": lambda x: x.flatten(1) - x.flatten(1).mean(dim=0),
    "depend on chance": lambda x: F.dropout(x.flatten(1)),
}


@pytest.mark.parametrize("message", WRONG)
def test_anything_else_is_refused(message):
    with pytest.raises(UsageError) as raised:
        make_features(Giving(WRONG[message]), SHAPE)
    assert message in str(raised.value)
    assert "'Giving'" in str(raised.value)


def test_a_shape_that_the_module_does_not_take_is_named():
    with pytest.raises(UsageError, match=r"'Mine' failed on pictures \(2, 3, 20, 20\): RuntimeError"):
        make_features(Mine(), (3, 20, 20))


def test_another_dimension_later_is_refused():
    net = make_features(Giving(lambda x: x.flatten(1)), SHAPE)
    with pytest.raises(UsageError, match=r"floats \(2, 576\), but torch.float32 \(2, 300\) came"):
        net(noise(2, 3, 10, 10))


def test_not_a_module():
    for thing in (7, None, Mine):
        with pytest.raises(UsageError, match="a name or a torch.nn.Module, not"):
            make_features(thing, SHAPE)


def test_what_cannot_be_copied():
    mine = Mine()
    mine.generator = (number for number in range(3))
    with pytest.raises(UsageError, match="'Mine' cannot be copied: cannot pickle 'generator' object"):
        make_features(mine, SHAPE)


def test_its_weights_are_its_own(tmp_path):
    with pytest.raises(UsageError, match="has its weights, but .*w.safetensors was given too"):
        make_features(Mine(), SHAPE, tmp_path / "w.safetensors")
