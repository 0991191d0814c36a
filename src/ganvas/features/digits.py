"""`digits`: a small classifier of handwritten digits; what it sees just before it decides.

Trained by `python scripts/train_digits_features.py` on the 5,000 digits that come with ganvas, never on t10k of MNIST.
"""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import features
from .extractor import Extractor, as_grey, resize
from .weights import load_into

WEIGHTS = Path(__file__).with_name("digits.safetensors")
SIDE_PX = 28


class Digits(Extractor):
    """Grey, 28x28 px, to 64 numbers; `classify` goes on to logits of the ten digits."""

    name = "digits"
    dim = 64
    design = "1: three convolutions, each with ReLU and max pooling, and a linear layer; 28x28 px"

    def __init__(self) -> None:
        super().__init__()
        self.strokes = nn.Conv2d(1, 16, 3, padding=1)
        self.corners = nn.Conv2d(16, 32, 3, padding=1)
        self.parts = nn.Conv2d(32, 64, 3, padding=1)
        self.gather = nn.Linear(64 * 3 * 3, self.dim)
        self.decide = nn.Linear(self.dim, 10)

    def forward(self, pictures: Tensor) -> Tensor:
        x = resize(as_grey(pictures), SIDE_PX, SIDE_PX)
        x = F.max_pool2d(F.relu(self.strokes(x)), 2)
        x = F.max_pool2d(F.relu(self.corners(x)), 2)
        x = F.max_pool2d(F.relu(self.parts(x)), 2)
        return self.gather(x.flatten(1))

    def classify(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) pictures in [-1, 1] -> (n, 10) logits."""
        return self.decide(F.relu(self(pictures)))


@features.register("digits")
def digits(shape: tuple[int, int, int], weights: Path | None = None) -> Extractor:
    net = Digits()
    load_into(net, weights or WEIGHTS)
    return net
