"""Parts that net families share, against what they stand for."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganvas.nets.layers import SLOPE, Modulation, Pointwise, ProjectionLogit, bounded, he, leaky, shuffle, unshuffle


def test_pointwise_is_a_convolution_of_one_pixel():
    layer, x = Pointwise(3, 5), torch.randn(2, 3, 4, 6)
    expected = F.conv2d(x, layer.linear.weight[:, :, None, None], layer.linear.bias)
    torch.testing.assert_close(layer(x), expected)


def test_shuffles_are_torchs_and_undo_each_other():
    x = torch.randn(2, 3, 8, 6)
    torch.testing.assert_close(unshuffle(x), F.pixel_unshuffle(x, 2), rtol=0, atol=0)
    y = torch.randn(2, 12, 4, 3)
    torch.testing.assert_close(shuffle(y), F.pixel_shuffle(y, 2), rtol=0, atol=0)
    torch.testing.assert_close(shuffle(unshuffle(x)), x, rtol=0, atol=0)


def test_channels_of_a_pixel_lie_side_by_side_there_and_back():
    """Also in the gradient of the gradient: one pass in another order costs a third of a step."""
    x = torch.randn(2, 3, 8, 6, requires_grad=True)
    layer = Pointwise(12, 12)
    y = layer(unshuffle(x))
    assert y.is_contiguous(memory_format=torch.channels_last)
    seen = []
    y.register_hook(lambda gradient: seen.append(gradient.is_contiguous(memory_format=torch.channels_last)))
    (slope,) = torch.autograd.grad(shuffle(leaky(y)).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert seen
    assert all(seen)


def test_modulation_starts_as_nothing_and_scales_and_shifts():
    layer = Modulation(2, 3)
    x, latent = torch.randn(4, 3, 5, 5), torch.randn(4, 2)
    torch.testing.assert_close(layer(x, latent), x, rtol=0, atol=0)
    with torch.no_grad():
        layer.linear.bias.copy_(torch.tensor([1.0, 0, 0, 0, 0, 7]))
    torch.testing.assert_close(
        layer(x, latent), x * torch.tensor([2.0, 1, 1]).view(3, 1, 1) + torch.tensor([0.0, 0, 7]).view(3, 1, 1)
    )


def test_he_weights_keep_the_size_of_what_passes():
    torch.manual_seed(0)
    x = torch.randn(500, 1000)
    for _ in range(10):
        x = leaky(he(nn.Linear(1000, 1000))(x)).detach()
    # Half of the energy of a normal passes a leaky ReLU, the rest by SLOPE^2; what the weights make good for.
    assert x.square().mean().item() == pytest.approx(1.0, rel=0.25)
    assert SLOPE == 0.2


def test_a_logit_adds_the_labels_share():
    torch.manual_seed(0)
    layer, h, label = ProjectionLogit(16, 3), torch.randn(5, 16), torch.tensor([0, 1, 2, 3, 3])
    plain = F.linear(h, layer.linear.weight, layer.linear.bias)[:, 0]
    torch.testing.assert_close(layer(h, label), plain)  # labels count for nothing at first
    nn.init.normal_(layer.embedding.weight)
    expected = plain + (layer.embedding(label) * h).sum(dim=1) / math.sqrt(16)
    torch.testing.assert_close(layer(h, label), expected)


def test_logits_are_float32_where_the_rest_is_not():
    layer, h = ProjectionLogit(16, 0), torch.randn(5, 16)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(h.bfloat16(), torch.zeros(5, dtype=torch.long)).dtype == torch.float32


def test_bounded_cuts_pixels_and_only_calls_back_those_beyond():
    x = torch.tensor([-2.0, -2.0, -1.0, 0.5, 2.0, 2.0], requires_grad=True)
    pushed = torch.tensor([1.0, -1.0, 1.0, -3.0, 1.0, -1.0])  # a step goes against it: down, up, down, ...
    y = bounded(x)
    assert y.tolist() == [-1, -1, -1, 0.5, 1, 1]
    y.backward(pushed)
    assert x.grad is not None
    assert x.grad.tolist() == [0, -1, 1, -3, 1, 0]
    with torch.inference_mode():
        assert bounded(x).tolist() == y.tolist()
