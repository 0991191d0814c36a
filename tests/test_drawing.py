"""From seeds to pictures."""

import numpy as np
import torch

from ganvas.drawing import Drawer
from ganvas.tensors import CPU
from tests.explore.helpers import model


class Plain(torch.nn.Module):
    """A generator of another package, which tells no styles."""

    def forward(self, z, label):
        return z.tanh()[:, :1, None, None].expand(-1, 3, 32, 32)


def test_nets_without_styles_are_truncated_too():
    config = model("canvas").config
    drawer = Drawer(Plain(), config, "plain", CPU)
    whole, half = (next(drawer.pixels(range(8), truncation=t)).astype(float) for t in (1.0, 0.5))
    typical = next(drawer.pixels(range(8), truncation=0.0))
    assert len(np.unique(typical)) == 1
    assert 0 < np.abs(half - typical).mean() < np.abs(whole - typical).mean()
