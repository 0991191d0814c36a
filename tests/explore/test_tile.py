"""Textures without a seam."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ganvas.errors import UsageError
from ganvas.explore.tile import Torus, check_tiles, tiles

from .helpers import model


@pytest.mark.parametrize("recipe", ["canvas", "style", "palette", "grow", "dcgan"])
def test_on_a_torus_there_is_no_edge(recipe):
    """Moving what the picture grows out of by one cell moves the picture around the edge, to the pixel."""
    made = model(recipe, shape=(3, 32, 48))
    generator, (latent,) = made.steered, made.latents([1])
    styles = torch.from_numpy(latent.styles)[None]
    with torch.no_grad(), Torus():
        plain = generator.draw(styles)
        moved = moved_by_a_cell(generator, styles)
    step = 32 // generator.resolutions[0]
    with torch.no_grad():
        off = moved_by_a_cell(generator, styles) - generator.draw(styles).roll((step, step), dims=(2, 3))
    varies = plain.std(dim=(2, 3)).mean()
    assert (moved - plain.roll((step, step), dims=(2, 3))).abs().max() < 1e-3 * varies
    assert off.abs().max() > 0.05 * varies


def moved_by_a_cell(generator, styles):
    if hasattr(generator, "constant"):
        before = generator.constant.data
        generator.constant.data = before.roll((1, 1), dims=(1, 2))
        picture = generator.draw(styles)
        generator.constant.data = before
        return picture
    height, width = grid_of(generator)

    def roll(module, given, found):
        if module.weight.ndim == 2 and type(generator).__name__ != "DcganGenerator":
            return found.view(-1, height, width, found.shape[1] // (height * width)).roll((1, 1), (1, 2)).flatten(1)
        return found.view(-1, found.shape[1] // (height * width), height, width).roll((1, 1), (2, 3)).flatten(1)

    handle = generator.start.register_forward_hook(roll)
    picture = generator.draw(styles)
    handle.remove()
    return picture


def grid_of(generator):
    base = generator.base
    return (base[1], base[2]) if type(generator).__name__ == "DcganGenerator" else (base[0], base[1])


@pytest.mark.parametrize("recipe", ["canvas", "style"])
def test_tiles_match_at_their_edges(recipe):
    """Across the seam pixels differ no more than inside, where works as they usually are end."""
    made = model(recipe, shape=(3, 32, 32))
    styles = torch.from_numpy(np.stack([one.styles for one in made.latents(range(12))]))

    def seam(pictures):
        x = pictures.astype(float)
        across = np.abs(x[:, 0] - x[:, -1]).mean() + np.abs(x[:, :, 0] - x[:, :, -1]).mean()
        inside = np.abs(np.diff(x, axis=1)).mean() + np.abs(np.diff(x, axis=2)).mean()
        return across / inside

    assert seam(tiles(made.drawer, styles)) < 1.6
    assert seam(made.drawer.drawn(styles)) > 2 * seam(tiles(made.drawer, styles))


def test_what_wraps_is_what_torch_calls_circular():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 3, 5, 6), torch.randn(4, 3, 3, 3), torch.randn(4)
    conv = torch.nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")
    conv.weight.data, conv.bias.data = weight, bias
    with Torus():
        found = F.conv2d(x, weight, bias, padding=1)
        larger = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
        untouched = F.pad(x, (1, 1), value=3.0)
    torch.testing.assert_close(found, conv(x))
    tiled = F.interpolate(x.repeat(1, 1, 3, 3), scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(larger, tiled[:, :, 10:20, 12:24])
    assert torch.equal(padded, F.pad(x, (1, 1, 1, 1), mode="circular"))
    assert torch.equal(untouched, F.pad(x, (1, 1), value=3.0))
    assert torch.equal(F.conv2d(x, weight, bias, padding=1), F.conv2d(x, weight, bias, padding=1))


def test_what_cannot_tile_is_said():
    with pytest.raises(UsageError, match="draw all pixels at once"):
        check_tiles(model("classic").drawer)
    with pytest.raises(UsageError, match=r"Works of 37x50 px are cut out .* multiples of 8"):
        check_tiles(model("canvas", shape=(3, 50, 37)).drawer)
    check_tiles(model("canvas", shape=(1, 28, 28)).drawer)
