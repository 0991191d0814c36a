"""The steering wheel: every net family that plays the game has the same."""

import pytest
import torch

from ganvas.nets.generator import GROUPS, groups
from ganvas.nets.palette import Palette
from ganvas.nets.residual import ModulatedBlock
from ganvas.nets.style import StyledLayer, ToPicture

from .test_nets import PLAYING, tiny


def made(family, labels=3):
    torch.manual_seed(0)
    G = tiny(family).generator((3, 32, 32), 7, labels).eval()
    for weight in G.parameters():  # some branches start at 0 and would change nothing
        if weight.ndim > 1 and not weight.any():
            torch.nn.init.normal_(weight, std=0.3)
    return G, torch.randn(4, 7), torch.arange(4) % (labels + 1)


@pytest.mark.parametrize("family", PLAYING)
def test_drawing_is_styles_then_pictures(family):
    G, z, label = made(family)
    styles = G.styles(z, label)
    assert styles.shape[:2] == (4, len(G.resolutions))
    assert torch.equal(G.draw(styles), G(z, label))
    assert list(G.resolutions) == sorted(G.resolutions)


@pytest.mark.parametrize("family", PLAYING)
def test_truncation_0_gives_one_picture_a_label_and_1_changes_nothing(family):
    G, z, label = made(family)
    same = torch.full_like(label, 2)
    with torch.no_grad():
        pictures = G.draw(G.truncated(z, same, 0.0))
    torch.testing.assert_close(pictures, pictures[:1].expand_as(pictures))
    assert torch.equal(G.truncated(z, label, 1.0), G.styles(z, label))
    near, far = ((G.truncated(z, label, t) - G.truncated(z, label, 0)).norm() for t in (0.25, 0.75))
    assert far.item() == pytest.approx(3 * near.item(), rel=1e-4)


@pytest.mark.parametrize("family", PLAYING)
def test_every_style_enters_where_it_says(family):
    """Its weights have a column for each number of a style, and without them the style changes nothing."""
    G, z, label = made(family)
    styles = G.styles(z, label)
    entering = {number for number, _ in G.entrances()}
    assert entering == set(range(len(G.resolutions)))
    for number, weight in G.entrances():
        assert weight.shape[1] == styles.shape[2]
        torch.nn.init.zeros_(weight)
        changed = styles.clone()
        changed[:, number] += 1
        torch.testing.assert_close(G.draw(changed), G.draw(styles))


@pytest.mark.parametrize("family", [name for name in PLAYING if name not in ("mlp", "dcgan")])
@pytest.mark.parametrize("group", GROUPS)
def test_mixing_changes_layers_only_where_told(family, group):
    """What each layer makes is as it was until the first style that is another work's, and is not from there on."""
    G, z, label = made(family)
    numbers = groups(len(G.resolutions))[group]
    styles, other = G.styles(z, label), G.styles(z.roll(1, 0), label.roll(1))
    mixed = styles.clone()
    mixed[:, numbers] = other[:, numbers]
    before, after = made_by_each(G, styles), made_by_each(G, mixed)
    first = numbers[0]
    same = [torch.allclose(a, b, atol=1e-5) for a, b in zip(before, after, strict=True)]
    assert same == [True] * first + [False] * (len(same) - first)


def made_by_each(G, styles):
    """What the layers at which styles enter make of their input, in order."""
    made, handles = [], []
    weights = [weight for _, weight in G.entrances()]
    for layer in G.modules():
        if isinstance(layer, StyledLayer | ToPicture | ModulatedBlock | Palette) or layer is getattr(G, "start", None):
            assert any(weight is entering for weight in layer.parameters() for entering in weights)
            handles.append(layer.register_forward_hook(lambda module, given, found: made.append(found.detach())))
    with torch.no_grad():
        G.draw(styles)
    for handle in handles:
        handle.remove()
    assert len(made) == len(weights)
    return made


def test_styles_are_shared_out_to_three_groups():
    assert groups(9) == {"coarse": [0, 1, 2], "middle": [3, 4, 5], "fine": [6, 7, 8]}
    assert groups(5) == {"coarse": [0, 1], "middle": [2, 3], "fine": [4]}
    assert groups(1) == {"coarse": [0]}
