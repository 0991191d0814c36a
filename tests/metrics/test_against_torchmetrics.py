"""Our distances against those of torchmetrics, on the same features."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from ganvas.metrics.frechet import Frechet
from ganvas.metrics.kernel import Kernel
from ganvas.metrics.rows import Rows
from ganvas.metrics.score import Pair, Score, Side
from ganvas.registry import features
from ganvas.sources.digits import ARCHIVE
from ganvas.tensors import as_floats

# It says so each time one is made, and there is no other way to make one.
pytestmark = pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all:UserWarning")
N, BATCH = 1000, 250


class Flat(nn.Module):
    """Numbers as they are: (n, 1, 8, 8) float to (n, 64)."""

    num_features = 64

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.flatten(1)


class Seen(nn.Module):
    """Our features `digits` of uint8 (n, 1, 28, 28)."""

    num_features = 64

    def __init__(self) -> None:
        super().__init__()
        self.net = features.get("digits")((1, 28, 28)).eval()

    @torch.inference_mode()
    def forward(self, pictures: Tensor) -> Tensor:
        return self.net(as_floats(pictures.permute(0, 2, 3, 1).numpy()))


def numbers() -> tuple[Tensor, Tensor]:
    """Correlated floats, works and real ones, of which six never change."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(64, 64)) * np.geomspace(1, 1e-3, 64)
    mixing[:, :6] = 0
    both = (rng.normal(size=(N, 64)) @ mixing + offset for offset in (0.3, 0.5))
    works, real = (torch.from_numpy(side.astype(np.float32)).view(N, 1, 8, 8) for side in both)
    return works, real


def digits() -> tuple[Tensor, Tensor]:
    """Real ones, and others of which a part is noise."""
    with np.load(ARCHIVE) as archive:
        pixels = archive["images"][: 5 * N][np.random.default_rng(0).permutation(5 * N)[: 2 * N]]
    works, real = pixels[:N] // 2 + np.random.default_rng(1).integers(0, 60, (N, 28, 28), np.uint8), pixels[N:]
    return torch.from_numpy(works)[:, None], torch.from_numpy(real)[:, None]


def theirs(metric: nn.Module, works: Tensor, real: Tensor) -> float:
    for pictures, is_real in ((works, False), (real, True)):
        for part in pictures.split(BATCH):
            metric.update(part, real=is_real)
    found = metric.compute()
    return float(found[0] if isinstance(found, tuple) else found)


def ours(score: Score, seen: tuple[Tensor, Tensor], folder: Path) -> float:
    sides = []
    for name, rows in zip(("works", "real"), seen, strict=True):
        stored = Rows(folder / name, tuple(rows.shape), "float32").allocate()
        stored.write(0, rows.numpy())
        sides.append(Side(stored, np.full(N, -1), lambda indices: np.zeros((len(indices), 8, 8, 1), np.uint8)))
    return score.measure(Pair(*sides, shape=(1, 8, 8), label_names=(), device=torch.device("cpu"))).value


@pytest.mark.parametrize(("pictures", "net"), [(numbers, Flat), (digits, Seen)])
@pytest.mark.parametrize("score", [Frechet, Kernel])
def test_torchmetrics_says_the_same(score: type[Score], pictures, net: type[nn.Module], tmp_path: Path) -> None:
    works, real = pictures()
    see = net()
    if score is Frechet:
        metric = FrechetInceptionDistance(see)
    else:
        metric = KernelInceptionDistance(see, subsets=1, subset_size=N)
    expected = theirs(metric, works, real)
    assert ours(score(), (see(works), see(real)), tmp_path) == pytest.approx(expected, rel=1e-3)
