"""`effnet`: EfficientNet-Lite0, which learned the 1,000 classes of ImageNet; its 1280 numbers before the decision.

Tan & Le 2019. Two packages of the extra `metrics` bring the net and its weights (efficientnet.py).
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..efficientnet import load
from ..registry import features
from .extractor import Extractor, as_colour, resize, without_alpha
from .weights import no_weights

SIDE_PX = 224
BATCH = 16
"""More at once are slower on a CPU: their layers do not fit into its cache."""
INSTALL = "pip install 'ganvas[metrics]'"


class EffNet(Extractor):
    """Colour, 224x224 px, to 1280 numbers."""

    name = "effnet"
    dim = 1280
    design = "1: EfficientNet-Lite0, mean over space of the last convolution; 224x224 px in [-1, 1]"

    net: Any

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)  # 1.6 times as fast on a CPU

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.see(part) for part in pictures.split(BATCH)])

    def see(self, pictures: Tensor) -> Tensor:
        x = as_colour(resize(without_alpha(pictures), SIDE_PX, SIDE_PX))
        x = x.contiguous(memory_format=torch.channels_last)
        return self.net.extract_features(x).mean(dim=(2, 3))


@features.register("effnet")
def effnet(shape: tuple[int, int, int], weights: Path | None = None) -> Extractor:
    """Raises UsageError when the packages are missing or hold other weights."""
    no_weights("effnet", weights)
    net = load("The features 'effnet'", INSTALL)
    net._fc = nn.Identity()  # the decision, which is not used: its weights have no place in the hash
    return EffNet(net).eval().requires_grad_(False)
