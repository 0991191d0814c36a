"""Every registered net family goes through the same suite."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganvas.config import from_json, to_json
from ganvas.errors import UsageError
from ganvas.nets.growing import Growing
from ganvas.nets.residual import Residual
from ganvas.nets.style import Style
from ganvas.registry import nets

TINY = {
    "mlp": {"width": 8, "maxout_width": 6},
    "dcgan": {"widths": (4, 6, 8)},
    "residual": {"width": 4, "palette": 3, "patches": 2},
    "projected": {"width": 4, "head_width": 4, "see_px": 32},
    "growing": {"width": 4, "max_width": 8, "glance": 8},
    "style": {"width": 4, "max_width": 8, "style_dim": 6, "glance": 8},
    "tokens": {"kinds": 12, "width": 4, "dim": 16, "layers": 2},
}
PLAYING = [name for name in nets.names() if not nets.get(name).tokenizes]
"""Those whose G learns from D alone; of the others tests/nets/test_tokens.py says what holds."""
SHAPES = [(1, 28, 28), (3, 64, 96), (4, 50, 37), (3, 16, 16)]


def tiny(family: str):
    return nets.get(family)(**TINY[family])


@pytest.mark.parametrize("family", PLAYING)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("labels", [0, 5])
def test_shapes_and_gradients(family, shape, labels):
    """Any shape, with and without labels: right shapes, and a finite gradient for every weight of both nets."""
    torch.manual_seed(0)
    G, D = tiny(family).generator(shape, 7, labels), tiny(family).discriminator(shape, labels)
    label = torch.arange(6) % (labels + 1)
    pictures = G(torch.randn(6, 7), label)
    assert pictures.shape == (6, *shape)
    logits = D(pictures, label)
    assert logits.shape == (6,)
    logits.square().sum().backward()
    for net in (G, D):
        for name, weight in net.named_parameters():
            assert weight.grad is not None, name
            assert torch.isfinite(weight.grad).all(), name


@pytest.mark.parametrize("family", PLAYING)
def test_labels_change_the_picture_and_the_judgement(family):
    torch.manual_seed(0)
    G, D = tiny(family).generator((1, 28, 28), 7, 3), tiny(family).discriminator((1, 28, 28), 3)
    z = torch.randn(1, 7).expand(4, 7)
    drawn = G.eval()(z, torch.arange(4))
    assert all(not torch.allclose(drawn[0], drawn[k]) for k in (1, 2, 3))
    with torch.no_grad():
        D.logit.embedding.weight.normal_()
    assert D(drawn[:1].expand(4, -1, -1, -1), torch.arange(4)).unique().numel() == 4


@pytest.mark.parametrize("family", nets.names())
def test_a_discriminator_judges_each_picture_alone(family):
    """Real and generated pictures go through D in one batch: allowed only if they do not see each other."""
    torch.manual_seed(0)
    D = tiny(family).discriminator((1, 28, 28), 0)
    pictures, label = torch.randn(5, 1, 28, 28), torch.zeros(5, dtype=torch.long)
    torch.testing.assert_close(D(pictures, label)[:2], D(pictures[:2], label[:2]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", nets.names())
def test_settings_survive_json_and_bad_ones_are_refused(family):
    config = tiny(family)
    assert from_json(type(config), to_json(config)) == config
    field = dataclasses.fields(config)[0].name
    bad = (0, 1, 2) if field == "widths" else 0
    with pytest.raises(UsageError, match=field):
        dataclasses.replace(config, **{field: bad})


SMALLEST = (
    Residual(width=2, max_width=4),
    Growing(width=2, max_width=4, glance=4),
    Style(width=2, max_width=4, glance=4, style_dim=4),
)


@pytest.mark.parametrize("config", SMALLEST, ids=lambda config: config.family)
@settings(max_examples=25, deadline=None)
@given(st.integers(16, 256), st.integers(16, 256), st.sampled_from([1, 3, 4]))
def test_any_size_from_16_to_256(config, height, width, channels):
    shape = (channels, height, width)
    G, D = config.generator(shape, 3, 0), config.discriminator(shape, 0)
    label = torch.zeros(2, dtype=torch.long)
    pictures = G(torch.randn(2, 3), label)
    assert pictures.shape == (2, *shape)
    assert D(pictures, label).shape == (2,)


@pytest.mark.parametrize(("height", "width"), [(15, 32), (300, 64)])
@pytest.mark.parametrize("family", [Residual, Growing, Style])
def test_which_sizes_are_taken_is_said(family, height, width):
    with pytest.raises(UsageError, match=f"from 16 to 256 px a side, got '{width}x{height}'"):
        family().generator((1, height, width), 3, 0)


def test_works_of_residual_stay_in_range_and_learn_all_the_same():
    G = Residual(width=2, max_width=4).generator((1, 28, 28), 3, 0)
    G.paint.weight.data *= 100
    works = G(torch.randn(4, 3), torch.zeros(4, dtype=torch.long))
    assert works.abs().max() == 1
    works.square().sum().backward()  # calls every pixel back to 0
    assert G.paint.bias.grad.abs().sum() > 0


@pytest.mark.parametrize(("height", "width", "pixels"), [(28, 28, 28 * 28), (64, 48, 32 * 24), (33, 16, 16 * 8)])
def test_d_glances_at_the_whole_picture(height, width, pixels):
    """Far corners meet in the first layer, of pictures of at most 32 px a side; without it D has fewer weights."""
    D = Residual(width=2, max_width=4, glance=8).discriminator((3, height, width), 2)
    assert D.glance.first.in_features == 3 * pixels
    pictures, label = torch.randn(2, 3, height, width), torch.tensor([0, 1])
    seen = D(pictures, label)
    D.glance.second.weight.data += 1
    assert not torch.allclose(D(pictures, label), seen)
    without = Residual(width=2, max_width=4, glance=0).discriminator((3, height, width), 2)
    assert without.glance is None
    assert without(pictures, label).shape == (2,)


def test_the_blur_takes_the_checkerboard_out():
    """The highest frequency along either axis, where an unfiltered pixel shuffle leaves its pattern."""
    torch.manual_seed(0)
    G = Residual(width=16).generator((1, 32, 32), 16, 0)
    G.paint.weight.data /= 100  # no pixel near the bounds, which bend what is blurred
    z, label = torch.randn(64, 16), torch.zeros(64, dtype=torch.long)

    def checkerboard() -> float:
        inside = G(z, label)[:, :, 4:-4, 4:-4]  # the padded edges have a pattern of their own
        spectrum = torch.fft.fft2(inside).abs().mean(dim=(0, 1))
        return max(spectrum[12, 12], spectrum[0, 12], spectrum[12, 0]).item()

    blurred = checkerboard()
    G.blur = nn.Identity()
    assert blurred < 0.03 * checkerboard()
