"""Our scores against torch-fidelity's on the same features, to 1e-3 relative: `make test-peers`.

In an environment of its own (.venv-peers), as torch-fidelity needs torchvision. Prints a table and writes
bench/results/peers.json when all of it ran.
"""

import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch_fidelity
from torch_fidelity import metric_fid, metric_kid, metric_prc
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from ganvas.dataset import prepare
from ganvas.metrics.frechet import Frechet
from ganvas.metrics.kernel import CHUNK, Kernel
from ganvas.metrics.manifold import K, Precision, Recall
from ganvas.metrics.rows import Rows
from ganvas.metrics.score import Pair, Side
from ganvas.registry import features
from ganvas.tensors import as_floats

RESULTS = Path(__file__).parents[1] / "bench" / "results" / "peers.json"
TOLERANCE = 1e-3
SCORES = {"Fréchet distance": Frechet, "kernel distance": Kernel, "precision": Precision, "recall": Recall}
CASES = ("plain 64", "plain 256", "two chunks 64", "close 64", "ill-conditioned 256")
CALL = "digits, calculate_metrics"
"""The case that goes through torch-fidelity's public function, from pictures."""


@dataclass
class Table:
    """Lines of (case, score, ours, theirs, relative difference)."""

    lines: list[tuple[str, str, float, float, float]] = field(default_factory=list)

    def check(self, case: str, ours: dict[str, float], theirs: dict[str, float]) -> None:
        """Notes all scores, then fails for those too far apart."""
        new = [(case, name, ours[name], theirs[name], abs(ours[name] / theirs[name] - 1)) for name in SCORES]
        self.lines += new
        assert not [line for line in new if not line[-1] <= TOLERANCE]

    def show(self) -> None:
        print(f"\n\n{'features':26} {'score':18} {'ganvas':>14} {'torch-fidelity':>14} {'difference':>10}")
        for case, name, ours, theirs, difference in self.lines:
            print(f"{case:26} {name:18} {ours:14.8g} {theirs:14.8g} {difference:10.1e}")

    def save(self) -> None:
        keys = ("features", "score", "ganvas", "torch-fidelity", "relative difference")
        found = {
            "versions": f"torch-fidelity {torch_fidelity.__version__}, torch {torch.__version__}, "
            f"numpy {np.__version__}, Python {platform.python_version()}",
            "tolerance": TOLERANCE,
            "lines": [dict(zip(keys, line, strict=True)) for line in self.lines],
        }
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    found = Table()
    yield found
    found.show()
    if len(found.lines) == (len(CASES) + 1) * len(SCORES):
        found.save()


def cloud(rng: np.random.Generator, n: int, dim: int, shift: float, decay: float) -> np.ndarray:
    """(n, dim) float32: eight clusters with correlated features, whose deviations fall to `decay` along the axes."""
    shape = np.random.default_rng(0)  # the same for works and real ones
    centres = shape.normal(size=(8, dim))
    mixing = shape.normal(size=(dim, dim)) / np.sqrt(dim)
    points = centres[rng.integers(0, 8, n)] + rng.normal(size=(n, dim)) @ mixing + shift
    return (points * np.geomspace(1, decay, dim) + 0.5).astype(np.float32)


def pair_of_features(case: str) -> tuple[np.ndarray, np.ndarray]:
    """(works, real), each (n, dim)."""
    kind, dim = case.rsplit(" ", 1)
    n, shift, decay = {
        "plain": (2000, 0.2, 0.1),
        "two chunks": (3000, 0.2, 0.1),
        "close": (2000, 0.05, 0.1),
        "ill-conditioned": (2000, 0.2, 1e-5),
    }[kind]
    works, real = (cloud(np.random.default_rng(1 + i), n, int(dim), (1 - i) * shift, decay) for i in (0, 1))
    if kind == "ill-conditioned":
        works[:, -60:] = real[:, -60:] = 0  # dead in both
        works[:, -70:-60] = 0  # dead in the works alone
        real[:, 5] = real[:, 4]  # one feature twice
    return works, real


def ours(works: np.ndarray, real: np.ndarray, folder: Path) -> dict[str, float]:
    sides = []
    for name, rows in (("works", works), ("real", real)):
        stored = Rows(folder / name, rows.shape, "float32").allocate()
        stored.write(0, rows)
        sides.append(Side(stored, np.full(len(rows), -1), lambda indices: np.zeros((len(indices), 8, 8, 1), np.uint8)))
    pair = Pair(*sides, shape=(1, 8, 8), label_names=(), device=torch.device("cpu"))
    return {name: score().measure(pair).value for name, score in SCORES.items()}


def kernel_distance(works: np.ndarray, real: np.ndarray) -> float:
    """torch-fidelity's with one subset that holds all; over our chunks where we cut into chunks."""
    edges = np.linspace(0, len(works), -(-len(works) // CHUNK) + 1).astype(int)
    settings = {"kid_subsets": 1, "kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_coef0": 1}
    values = []
    for start, stop in pairwise(edges):
        x, y = (torch.from_numpy(side[start:stop]) for side in (works, real))
        found = metric_kid.kid_features_to_metric(x, y, kid_subset_size=stop - start, verbose=False, **settings)
        values.append(found[metric_kid.KEY_METRIC_KID_MEAN])
    return float(np.mean(values))


def from_names(found: dict[str, float]) -> dict[str, float]:
    """torch-fidelity's names to ours."""
    keys = (
        metric_fid.KEY_METRIC_FID,
        metric_kid.KEY_METRIC_KID_MEAN,
        metric_prc.KEY_METRIC_PRECISION,
        metric_prc.KEY_METRIC_RECALL,
    )
    return {name: found[key] for name, key in zip(SCORES, keys, strict=True)}


def theirs(works: np.ndarray, real: np.ndarray) -> dict[str, float]:
    x, y = torch.from_numpy(works), torch.from_numpy(real)
    statistics = (metric_fid.fid_features_to_statistics(side) for side in (x, y))
    return from_names(
        metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
        | {metric_kid.KEY_METRIC_KID_MEAN: kernel_distance(works, real)}
        | metric_prc.prc_features_to_metric(x, y, prc_neighborhood=K, verbose=False)
    )


@pytest.mark.parametrize("case", CASES)
def test_same_features_give_the_same_scores(case: str, table: Table, tmp_path: Path) -> None:
    works, real = pair_of_features(case)
    table.check(case, ours(works, real, tmp_path), theirs(works, real))


class Seen(FeatureExtractorBase):
    """Our features `digits` in torch-fidelity's clothes: uint8 (n, 1, 28, 28) to a tuple with (n, 64)."""

    def __init__(self, name: str, features_list: list[str], **settings: object) -> None:
        super().__init__(name, features_list)
        self.net = features.get("digits")((1, 28, 28)).eval()

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("64",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "64"

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.net(as_floats(pictures.permute(0, 2, 3, 1).numpy())),)


class Pictures(torch.utils.data.Dataset):
    """What torch-fidelity takes for a set of pictures; pixels: (n, H, W, C) uint8."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.pixels[index]


def test_its_public_function_agrees_from_pictures_on(table: Table, tmp_path: Path) -> None:
    digits = prepare("digits", out=tmp_path / "art").pictures
    rng = np.random.default_rng(0)
    real, works = np.array(digits[::2]), np.array(digits[1::2])
    noise = rng.normal(0, 30, works.shape)
    works = (works + noise).clip(0, 255).astype(np.uint8)
    torch_fidelity.register_feature_extractor("ganvas-digits", Seen)
    found = torch_fidelity.calculate_metrics(
        input1=Pictures(works),
        input2=Pictures(real),
        feature_extractor="ganvas-digits",
        **dict.fromkeys(("fid", "kid", "prc", "save_cpu_ram"), True),
        **dict.fromkeys(("cuda", "cache", "verbose"), False),
        kid_subsets=1,
        kid_subset_size=len(works),
        prc_neighborhood=K,
    )
    net = features.get("digits")((1, 28, 28)).eval()
    with torch.inference_mode():
        seen = [net(as_floats(pixels)).numpy() for pixels in (works, real)]
    table.check(CALL, ours(*seen, tmp_path), from_names(found))
