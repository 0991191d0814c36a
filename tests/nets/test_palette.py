"""Flat colours of G."""

import pytest
import torch

from ganvas.nets.palette import FREE, SURE, Palette
from ganvas.nets.residual import Patches, Residual

HEIGHT, WIDTH, COLOURS = 3, 5, 4


def palette() -> tuple[Palette, torch.Tensor, torch.Tensor, torch.Tensor]:
    """One whose choice does not depend on features, with a free picture, features and latents of two works."""
    torch.manual_seed(0)
    made = Palette(COLOURS, width=6, channels=3, latent_dim=7)
    torch.nn.init.zeros_(made.choose.weight)
    return made, torch.randn(2, 3, 2 * HEIGHT, 2 * WIDTH), torch.randn(2, 6, HEIGHT, WIDTH), torch.randn(2, 7)


def test_it_paints_freely_at_first():
    """Free painting has e^FREE times the share of each colour."""
    made, free, x, latent = palette()
    share = torch.e**FREE / (torch.e**FREE + COLOURS)
    colours = made.colours(latent).view(2, 3, COLOURS).mean(dim=2)
    expected = share * free + (1 - share) * colours[:, :, None, None]
    torch.testing.assert_close(made(free, x, latent), expected)


@pytest.mark.parametrize("colour", range(COLOURS))
def test_a_chosen_colour_is_flat_and_the_works_own(colour):
    """Of free painting one part in e^16 is left, and of each other colour."""
    made, _, x, latent = palette()
    free = torch.zeros(2, 3, 2 * HEIGHT, 2 * WIDTH)
    with torch.no_grad():
        made.choose.bias.fill_(-100.0).view(COLOURS + 1, 4)[1 + colour] = 100.0
    picture = made(free, x, latent)
    assert torch.allclose(picture.amax(dim=(2, 3)), picture.amin(dim=(2, 3)), atol=1e-6)
    colours, rest = made.colours(latent).view(2, 3, COLOURS), torch.e ** (-2 * SURE)
    expected = (colours[:, :, colour] * (1 - rest) + rest * colours.sum(dim=2)) / (1 + COLOURS * rest)
    torch.testing.assert_close(picture[:, :, 0, 0], expected)
    assert not torch.allclose(picture[0], picture[1])


def test_every_choice_can_be_taken_back():
    """However sure it is, the logits of what was not chosen, and of what was, have a gradient that changes them."""
    made, free, x, latent = palette()
    with torch.no_grad():
        made.choose.bias.fill_(-1e6)[4:8] = 1e6
    (made(free, x, latent) - free).square().sum().backward()
    at_once = made.choose.bias.grad.view(COLOURS + 1, 4)
    assert (at_once[0] < 0).all()  # to the free picture, which is what is wanted
    assert (at_once[1] > 0).all()


def test_each_pixel_chooses_for_itself():
    """Without the blur: of the four pixels of a cell one has another colour, and it alone."""
    made, free, x, latent = palette()
    made.blur = torch.nn.Identity()
    flat = made(free, x, latent)
    with torch.no_grad():
        made.choose.bias.view(COLOURS + 1, 4)[2, 1] += 2.0
    changed = (made(free, x, latent) != flat).any(dim=1)
    expected = torch.zeros(2, 2 * HEIGHT, 2 * WIDTH, dtype=torch.bool)
    expected[:, 0::2, 1::2] = True
    assert torch.equal(changed, expected)


def test_g_without_it_has_no_such_weights():
    names = [dict(Residual(width=4, palette=count).generator((3, 16, 16), 3, 0).named_parameters()) for count in (0, 2)]
    assert {name.split(".")[0] for name in names[1].keys() - names[0].keys()} == {"palette"}


def test_pieces_are_judged_wherever_they_lie():
    torch.manual_seed(0)
    judge = Patches(6, 2)
    x, label = torch.randn(3, 6, 4, 4), torch.tensor([0, 1, 2])
    order = torch.randperm(16)
    moved = x.flatten(2)[:, :, order].view_as(x)
    torch.testing.assert_close(judge(x, label), judge(moved, label))
    assert not torch.allclose(judge(x, label), judge(x.flip(0), label))


@pytest.mark.parametrize("patches", [1, 2])
def test_d_adds_what_the_pieces_say_to_what_the_whole_says(patches):
    torch.manual_seed(0)
    D = Residual(width=4, patches=patches).discriminator((3, 16, 16), 0)
    pictures, label = torch.randn(3, 3, 16, 16), torch.zeros(3, dtype=torch.long)
    both = D(pictures, label)
    pieces = []
    D.patches.register_forward_hook(lambda module, given, found: pieces.append((given[0], found)))
    D(pictures, label)
    assert pieces[0][0].shape == (3, 4 * patches, 8 // patches, 8 // patches)
    D.patches = None
    torch.testing.assert_close(both, D(pictures, label) + pieces[0][1])
