"""`inception`: the net of the canonical Frechet Inception distance, by torch-fidelity, of the extra `inception`.

Szegedy et al. 2016; Heusel et al. 2017. Its weights are never downloaded: they are a file that you give, or that lies
where torch-fidelity itself keeps it.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..registry import features
from .extractor import Extractor, as_colour, file_sha256

FILE = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of that file, 95,628,359 bytes; its name holds the first 8 digits."""
BATCH = 16
"""Of 299x299 px: bounds the memory that the layers take."""


class Inception(Extractor):
    """Colour, 8 bits, to 2048 numbers.

    Unlike all others it resizes without antialiasing, bilinearly as TensorFlow 1 did: torch-fidelity's own forward
    from bytes on, since a score is the canonical one only with the canonical resizing. Its hash says so.
    """

    name = "inception"
    dim = 2048
    design = "1: InceptionV3 of 2015-12-05, pool_3"
    preparation = "1: rounded to 8 bits, 299x299 px, bilinear as in TensorFlow 1; grey replicated, alpha on white"

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.net(levels(part))[0] for part in pictures.split(BATCH)])


def levels(pictures: Tensor) -> Tensor:
    """(n, C, H, W) in [-1, 1] -> (n, 3, H, W) uint8."""
    return as_colour(pictures).clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def cached_weights() -> Path:
    """Where torch-fidelity, through torch.hub, keeps the weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / FILE


def check_weights(path: Path) -> None:
    """Raises UsageError unless the file is the canonical one: it is a pickle, and torch-fidelity runs what is in it."""
    try:
        found = file_sha256(path)
    except FileNotFoundError as error:
        raise UsageError(
            f"The features 'inception' found no weights: {path} does not exist. Put {ADDRESS} there, or say where you "
            "have it. Without it: --features effnet."
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: the weights of the features 'inception' cannot be read: {error}") from error
    if found != SHA256:
        raise UsageError(
            f"{path}: not the weights of the features 'inception': expected sha256 {SHA256}, found {found}. "
            f"They are at {ADDRESS}. Without them: --features effnet."
        )


@features.register("inception")
def inception(shape: tuple[int, int, int], weights: Path | None = None) -> Extractor:
    """Raises UsageError when the weights or the package are missing, or for another file of weights."""
    path = weights or cached_weights()
    check_weights(path)
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import (  # pyrefly: ignore[missing-import]
            FeatureExtractorInceptionV3,
        )
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision was built for another torch
        raise UsageError(
            f"The features 'inception' need torch-fidelity, which cannot be imported ({error}): "
            "pip install 'ganvas[inception]'. Without it: --features effnet."
        ) from error
    net = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(path))
    return Inception(net).eval().requires_grad_(False)
