"""Time and memory of the scores: ours, torch-fidelity's and torchmetrics' on the same features, in one run.

    make bench-evaluation           1,000, 10,000 and 50,000 works; results into bench/results/evaluation.json
    .venv-peers/bin/python bench/evaluation.py --works 1000 3000 --dims 64 --out FILE

Each measurement is a process of its own, so that its peak memory is its own; the quickest of three counts, where three
do not take long, as others on the same hardware get in the way now and then. Features of 64 (`digits`) and 1280
numbers (`effnet`) lie on disk as raw float32; the clock runs from there, without imports, to the values.

What differs: ours gives an interval with each value. Our kernel distance compares chunks of up to 2,500 once; theirs,
at their defaults, 100 random subsets of 1,000. torch-fidelity keeps whole tables of distances unless it is told to
save_cpu_ram, so it is measured both ways. torchmetrics has no precision and recall, so ours is measured without too.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results" / "evaluation.json"
BLOCK = 2000
"""Features written at once."""
BATCH = 500
"""Features given to torchmetrics at once."""
ROUNDS, LONG_SECONDS = 3, 40
"""Most rounds of a measurement; after this time no further one begins."""

Steps = dict[str, Callable[[], dict[str, float]]]
"""Scores by name; each is timed."""


def write_features(folder: Path, count: int, dim: int) -> None:
    """Works and real ones, (count, dim) float32 each: eight clusters, correlated, deviations falling to a tenth."""
    shape = np.random.default_rng(0)
    centres, mixing = shape.normal(size=(8, dim)), shape.normal(size=(dim, dim)) / np.sqrt(dim)
    for seed, name in enumerate(("works", "real")):
        rng = np.random.default_rng(1 + seed)
        with (folder / name).open("wb") as file:
            for start in range(0, count, BLOCK):
                n = min(BLOCK, count - start)
                points = centres[rng.integers(0, 8, n)] + rng.normal(size=(n, dim)) @ mixing + 0.2 * seed
                file.write((points * np.geomspace(1, 0.1, dim)).astype(np.float32).tobytes())


def ours(folder: Path, count: int, dim: int) -> Steps:
    import torch

    from ganvas.metrics.frechet import Frechet
    from ganvas.metrics.kernel import Kernel
    from ganvas.metrics.manifold import Precision, Recall
    from ganvas.metrics.rows import Rows
    from ganvas.metrics.score import Pair, Score, Side

    def blank(indices: np.ndarray) -> np.ndarray:
        return np.zeros((len(indices), 8, 8, 1), np.uint8)

    works, real = (
        Side(Rows(folder / name, (count, dim), "float32"), np.full(count, -1), blank) for name in ("works", "real")
    )
    pair = Pair(works, real, (1, 8, 8), (), torch.device("cpu"))

    def measured(*scores: type[Score]) -> dict[str, float]:
        return {score.name: score().measure(pair).value for score in scores}

    return {
        "Fréchet": lambda: measured(Frechet),
        "kernel": lambda: measured(Kernel),
        "precision, recall": lambda: measured(Precision, Recall),
    }


def fidelity(folder: Path, count: int, dim: int, save_cpu_ram: bool = False) -> Steps:
    import torch
    from torch_fidelity import metric_fid, metric_kid, metric_prc  # pyrefly: ignore[missing-import]

    held: list[Any] = []

    def load() -> dict[str, float]:
        held.extend(torch.from_numpy(np.fromfile(folder / name, np.float32).reshape(count, dim)) for name in SIDES)
        return {}

    def frechet() -> dict[str, float]:
        statistics = [metric_fid.fid_features_to_statistics(side) for side in held]
        found = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
        return {"frechet": found[metric_fid.KEY_METRIC_FID]}

    def kernel() -> dict[str, float]:
        found = metric_kid.kid_features_to_metric(*held, verbose=False)
        return {"kernel": found[metric_kid.KEY_METRIC_KID_MEAN]}

    def manifold() -> dict[str, float]:
        settings = {"prc_neighborhood": 5, "save_cpu_ram": save_cpu_ram, "verbose": False}
        found = metric_prc.prc_features_to_metric(*held, **settings)
        return {"precision": found[metric_prc.KEY_METRIC_PRECISION], "recall": found[metric_prc.KEY_METRIC_RECALL]}

    return {"load": load, "Fréchet": frechet, "kernel": kernel, "precision, recall": manifold}


def fidelity_saving(folder: Path, count: int, dim: int) -> Steps:
    return fidelity(folder, count, dim, save_cpu_ram=True)


def metrics(folder: Path, count: int, dim: int) -> Steps:
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    class Same(torch.nn.Module):
        num_features = dim

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features

    def fed(metric: Any) -> Any:
        for name in SIDES:
            with (folder / name).open("rb") as file:
                for start in range(0, count, BATCH):
                    batch = np.fromfile(file, np.float32, min(BATCH, count - start) * dim).reshape(-1, dim)
                    metric.update(torch.from_numpy(batch), real=name == "real")
        return metric.compute()

    warnings.filterwarnings("ignore", message="Metric `Kernel Inception Distance` will save all")
    return {
        "Fréchet": lambda: {"frechet": float(fed(FrechetInceptionDistance(Same())))},
        "kernel": lambda: {"kernel": float(fed(KernelInceptionDistance(Same()))[0])},
    }


SIDES = ("works", "real")
TOOLS: dict[str, tuple[Callable[[Path, int, int], Steps], bool]] = {
    "ganvas": (ours, True),
    "torch-fidelity": (fidelity, True),
    "torch-fidelity, save_cpu_ram": (fidelity_saving, True),
    "ganvas: Fréchet, kernel": (ours, False),
    "torchmetrics: Fréchet, kernel": (metrics, False),
}
"""Who, and whether precision and recall are among the scores."""


def child(tool: str, folder: Path, count: int, dim: int) -> None:
    """In a process of its own: prints what one tool needed, as JSON."""
    make, with_manifold = TOOLS[tool]
    steps = make(folder, count, dim)
    before = peak_mib()
    found: dict[str, Any] = {"steps": {}, "values": {}}
    for name, step in steps.items():
        if name == "precision, recall" and not with_manifold:
            continue
        wall, cpu = time.perf_counter(), time.process_time()
        found["values"] |= step()
        found["steps"][name] = [round(time.perf_counter() - wall, 3), round(time.process_time() - cpu, 3)]
    wall, cpu = (sum(column) for column in zip(*found["steps"].values(), strict=True))
    found |= {
        "wall s": round(wall, 3),
        "CPU s": round(cpu, 3),
        "peak MiB": peak_mib(),
        "peak MiB after imports": before,
    }
    print(json.dumps(found))


def peak_mib() -> int:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


def needed_bytes(tool: str, count: int) -> int:
    """About what torch-fidelity's tables of float32 distances take at the worst moment. 0 for the others."""
    rows = {"torch-fidelity": count, "torch-fidelity, save_cpu_ram": min(count, 10_000)}.get(tool, 0)
    return 4 * 4 * rows * count


def available_bytes() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def measure(tool: str, folder: Path, count: int, dim: int) -> dict[str, Any]:
    needed, available = needed_bytes(tool, count), available_bytes()
    if needed > available:
        return {"left out": f"would need about {needed / 2**30:.0f} GiB of memory, {available / 2**30:.0f} are free"}
    runs: list[dict[str, Any]] = []
    while len(runs) < ROUNDS and sum(run["wall s"] for run in runs) < LONG_SECONDS:
        done = again("--child", tool, folder, count, dim)
        if done.returncode:
            return {"failed": done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]}
        runs.append(json.loads(done.stdout))
    return {**min(runs, key=lambda run: run["wall s"]), "rounds": len(runs)}


def show(tool: str, found: dict[str, Any]) -> None:
    if "wall s" not in found:
        print(f"  {tool:30} {found}", flush=True)
        return
    parts = ", ".join(f"{name} {wall:.1f}" for name, (wall, _) in found["steps"].items())
    figures = f"{found['wall s']:9.2f} {found['CPU s']:9.2f} {found['peak MiB']:9} {found['peak MiB after imports']:9}"
    print(f"  {tool:30} {figures}   {parts}", flush=True)


def machine() -> str:
    import torch
    import torch_fidelity  # pyrefly: ignore[missing-import]
    import torchmetrics
    from speed import processor  # pyrefly: ignore[missing-import]

    return (
        f"{processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"numpy {np.__version__}, torch-fidelity {torch_fidelity.__version__}, "
        f"torchmetrics {torchmetrics.__version__}, Python {platform.python_version()}"
    )


def again(*arguments: object) -> subprocess.CompletedProcess[str]:
    """This file in a process of its own.

    A child's peak memory begins at what its parent held when it started it, so this process never imports torch.
    """
    command = [sys.executable, str(Path(__file__).resolve()), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def measure_all(works: list[int], dims: list[int], tools: list[str], out: Path) -> None:
    """Prints a table and writes `out` after each size; what else it holds of this machine stays."""
    results: dict[str, Any] = {"machine": again("--machine").stdout.strip(), "steps": "[wall s, CPU s] each"}
    print(results["machine"])
    before = json.loads(out.read_text()) if out.exists() else {}
    if before.get("machine") == results["machine"]:
        results = before  # other sizes, measured earlier, stay
    head = f"{'wall s':>9} {'CPU s':>9} {'peak MiB':>9} {'imports':>9}   wall s each"
    for dim in dims:
        for count in works:
            name = f"{count:,} works, {dim} features"
            print(f"{name:32} {head}")
            with tempfile.TemporaryDirectory() as folder:
                again("--write", folder, count, dim).check_returncode()
                results.setdefault(name, {})
                for tool in tools:
                    results[name][tool] = found = measure(tool, Path(folder), count, dim)
                    show(tool, found)
            out.parent.mkdir(exist_ok=True)
            out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    match sys.argv[1:]:  # what `again` asks for
        case ["--child", tool, folder, count, dim]:
            return child(tool, Path(folder), int(count), int(dim))
        case ["--write", folder, count, dim]:
            return write_features(Path(folder), int(count), int(dim))
        case ["--machine"]:
            return print(machine())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", type=int, nargs="+", default=[1_000, 10_000, 50_000], help="1000 or more each")
    parser.add_argument("--dims", type=int, nargs="+", default=[64, 1280])
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    return measure_all(asked.works, asked.dims, asked.tools, asked.out)


if __name__ == "__main__":
    main()
