"""Each part of `style` against its equation."""

import math

import pytest
import torch

from ganvas.nets.style import EqualLinear, Mapping, ModulatedConv, Style, StyledLayer, dice_of


def tiny(labels=0, shape=(3, 32, 32), **settings):
    torch.manual_seed(0)
    return Style(**{"width": 4, "max_width": 8, "style_dim": 6, "glance": 4} | settings).generator(shape, 5, labels)


def none(n):
    return torch.zeros(n, dtype=torch.long)


def test_a_demodulated_convolution_is_that_of_modulated_weights_divided_by_their_length():
    """StyleGAN2, eq. 1-3, with the weights written out for each work."""
    torch.manual_seed(0)
    layer, x, style = ModulatedConv(4, 5, 6, 3, demodulates=True), torch.randn(3, 4, 7, 8), torch.randn(3, 6)
    s = layer.affine(style)
    weights = layer.weight * layer.scale * s[:, None, :, None, None]
    weights = weights / weights.square().sum(dim=(2, 3, 4), keepdim=True).add(1e-8).sqrt()
    expected = [torch.nn.functional.conv2d(one[None], w, padding=1)[0] for one, w in zip(x, weights, strict=True)]
    torch.testing.assert_close(layer(x, style), torch.stack(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
def test_what_comes_out_has_unit_variance_whatever_the_style(size):
    """For inputs that are independent and of unit deviation: eq. 2 and the sentence before it."""
    torch.manual_seed(0)
    layer, x = ModulatedConv(32, 64, 6, 3, demodulates=True), torch.randn(4, 32, 40, 40)
    y = layer(x, size * torch.randn(4, 6))[:, :, 1:-1, 1:-1]  # the padding is not of unit deviation
    assert y.var(dim=(1, 2, 3)).tolist() == pytest.approx([1.0] * 4, abs=0.05)
    free = ModulatedConv(32, 64, 6, 3, demodulates=False)
    assert abs(free(x, 100 * torch.randn(4, 6)).var().item() - 1) > 10


def test_layers_keep_the_deviation():
    torch.manual_seed(0)
    layer = StyledLayer(32, 64, 6, (40, 40), twice=False)
    y = layer(torch.randn(4, 32, 40, 40), torch.randn(4, 6), torch.zeros(40, 40))
    assert y.square().mean().item() == pytest.approx(1.04, abs=0.06)  # (1 + 0.2^2) / 2, twice


def test_an_equalised_layer_computes_the_same_and_learns_as_fast_as_told():
    """A step of Adam moves each stored weight alike, so what counts moves by lr / sqrt(features) times as much."""
    torch.manual_seed(0)
    plain, slow = EqualLinear(64, 3), EqualLinear(64, 3, bias=1.0, lr=0.01)
    assert plain(torch.randn(5000, 64)).var().item() == pytest.approx(1.0, abs=0.3)
    assert (slow(torch.zeros(1, 64)) == 1).all()
    before = slow.weight.detach() * slow.scale
    optimizer = torch.optim.Adam(slow.parameters(), 0.5)
    slow(torch.ones(1, 64)).sum().backward()
    optimizer.step()
    moved = slow.weight.detach() * slow.scale - before
    torch.testing.assert_close(moved, torch.full_like(moved, -0.5 * 0.01 / 8))


def test_the_mapping_sees_only_the_direction_of_z_and_the_label():
    torch.manual_seed(0)
    mapping, z, label = Mapping(5, 3, 6, 2, lr=0.5), torch.randn(4, 5), torch.tensor([0, 1, 2, 3])
    torch.testing.assert_close(mapping(z, label), mapping(7 * z, label))
    assert not torch.allclose(mapping(z, label), mapping(z, label.roll(1)))


def test_noise_off_is_deterministic_and_on_is_not():
    G = tiny()
    for layer in G.layers:
        torch.nn.init.ones_(layer.strength)
    styles = G.styles(torch.randn(2, 5), none(2))
    assert torch.equal(G.draw(styles), G.draw(styles))
    z = torch.randn(2, 5)
    one, other = (G.draw(styles, G.new_noise(dice_of(latents))) for latents in (z, -z))
    assert not torch.allclose(one, other)
    assert torch.equal(one, G.draw(styles, G.new_noise(dice_of(z))))


def test_every_layer_has_noise_of_its_own_strength():
    G = tiny()
    styles = G.styles(torch.randn(1, 5), none(1))
    quiet = G.draw(styles)
    for layer in G.layers:
        torch.nn.init.ones_(layer.strength)
        assert not torch.allclose(G.draw(styles), quiet)
        torch.nn.init.zeros_(layer.strength)
    assert torch.equal(G.draw(styles), quiet)


def test_training_mixes_and_can_be_repeated():
    G = tiny(mixing=1.0).train()
    z = torch.randn(64, 5)
    assert torch.equal(G(z, none(64)), G(z, none(64)))
    mixed, plain = G.mixed(z, none(64), None, dice_of(z)), G.styles(z, none(64))
    same = (mixed == plain).all(dim=2)
    assert same[:, 0].all()  # at least the first layer is the latent's own
    assert not same[:, -1].any()  # and at least the last one another's
    assert (same.int().diff(dim=1) <= 0).all()  # one crossover each
    assert len(same.sum(dim=1).unique()) == len(G.resolutions) - 1
    never = tiny(mixing=0.0).train()
    assert torch.equal(never.mixed(z, none(64), None, dice_of(z)), never.styles(z, none(64)))


def test_how_many_come_at_once_changes_no_work_in_training():
    """So several processes learn what one learns."""
    G = tiny(mixing=0.5).train()
    for layer in G.layers:
        torch.nn.init.ones_(layer.strength)
    z = torch.randn(6, 5)
    parts = torch.cat([G(z[:2], none(2)), G(z[2:], none(4))])
    torch.testing.assert_close(G(z, none(6)), parts, atol=1e-5, rtol=1e-4)


def test_the_dice_follow_from_the_latents():
    z = torch.randn(3, 5)
    first = [torch.stack([torch.rand(4, generator=die) for die in dice_of(x)]) for x in (z, z.clone(), z + 1e-3)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])
    assert torch.equal(first[0][1:2], torch.rand(1, 4, generator=dice_of(z[1:2])[0]).view(1, 4))


def test_truncation_leads_to_the_mean_style_of_the_label():
    """Karras et al. 2019, sect. B: w' = mean + psi (w - mean)."""
    G = tiny(labels=2).eval()
    z, label = torch.randn(4, 5), torch.tensor([0, 0, 1, 2])
    centre = G.truncated(z, label, 0.0)
    assert torch.equal(centre[0], centre[1])
    assert not torch.allclose(centre[0], centre[2])
    expected = torch.stack([G.mapping(torch.randn(20_000, 5), y.expand(20_000)).mean(dim=0) for y in label])
    torch.testing.assert_close(centre[:, 0], expected, atol=0.1, rtol=0)
    half = G.truncated(z, label, 0.5)
    torch.testing.assert_close(half, (centre + G.styles(z, label)) / 2)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 28, 40), (4, 50, 37)], ids=str)
def test_pictures_of_any_size_grow_from_a_constant(shape):
    G = tiny(shape=shape)
    assert G(torch.randn(2, 5), none(2)).shape == (2, *shape)
    assert G.constant.shape[1:] == (math.ceil(shape[1] / 2 ** len(G.paints)), math.ceil(shape[2] / 2 ** len(G.paints)))
    assert len(G.resolutions) == 3 * len(G.paints)
