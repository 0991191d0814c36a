"""How fast: the trainer against a bare loop over the same nets, memory against the number of pictures, start-up.

    python bench/speed.py                 all; results into bench/results/speed-cpu.json
    python bench/speed.py --only loop     one of: loop, memory, start
    python bench/speed.py --only loop     on a machine with a GPU: results into bench/results/speed-cuda.json

Trainer and bare loop take turns in one process, many short rounds each, so that the machine's moods hit both alike.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
ROUNDS = 40
"""Rounds of about a second, for trainer and bare loop in turn."""
N = 16
"""Pictures a step, as in the recipe `canvas`."""


def loop() -> dict[str, Any]:
    """Pictures a second of `Trainer.fit` and of a loop written by hand over the same nets, sizes and optimisers."""
    import torch

    from ganvas.api import make_trainer
    from ganvas.dataset import prepare
    from ganvas.registry import recipes
    from ganvas.training.events import Step

    with tempfile.TemporaryDirectory() as folder:
        dataset, recipe = prepare("digits", out=Path(folder) / "art"), recipes.get("canvas")()
        arguments = {"minutes": None, "epochs": None, "seed": 0, "labels": True, "checkpoint_seconds": 1e9}
        trainer = make_trainer(dataset, recipe, kimg=1e6, out=Path(folder) / "run", **arguments)
        bare = BareLoop(torch.from_numpy(dataset.pictures.copy()), torch.from_numpy(dataset.labels), trainer.device)
        events = trainer.fit()
        reports = (event for event in events if isinstance(event, Step))
        rounds = [(our_rate(reports), bare.rate()) for _ in range(ROUNDS + 1)][1:]  # the first one warms up
    print("goal: the trainer at 0.97 of the bare loop or more")
    ratios = [ours / by_hand for ours, by_hand in rounds]
    return {
        "trainer, images/s": round(statistics.median(ours for ours, _ in rounds), 1),
        "bare loop, images/s": round(statistics.median(by_hand for _, by_hand in rounds), 1),
        "trainer / bare loop, median": round(statistics.median(ratios), 3),
        "quartiles": [round(q, 3) for q in statistics.quantiles(ratios, n=4)[::2]],
    }


def our_rate(reports: Iterator[Any]) -> float:
    """Pictures a second between two reports of the trainer, about a second apart; the first may be overdue."""
    first, start = next(reports), time.perf_counter()
    second = next(reports)
    return (second.kimg - first.kimg) * 1000 / (time.perf_counter() - start)


class BareLoop:
    """What one would write by hand for the recipe `canvas`: no events, no files, no seeds, no other processes."""

    def __init__(self, pictures: Any, labels: Any, device: Any) -> None:
        import copy

        import torch

        from ganvas.nets.residual import Residual
        from ganvas.training.machine import multiplies_bfloat16

        self.pictures, self.labels, self.device = pictures, labels, device
        self.G = Residual().generator((1, 28, 28), 64, 10).to(device)
        self.D = Residual().discriminator((1, 28, 28), 10).to(device)
        self.average = copy.deepcopy(self.G).requires_grad_(False)
        self.kept = [weight.detach() for weight in self.average.parameters()]
        self.half = torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bfloat16(device))
        adam = {"lr": 2e-3, "betas": (0.0, 0.9), "fused": True}
        self.adam_g = torch.optim.Adam(self.G.parameters(), **adam)
        self.adam_d = torch.optim.Adam(self.D.parameters(), **adam)

    def rate(self) -> float:
        """Pictures a second over about a second."""
        start, images = time.perf_counter(), 0
        while time.perf_counter() - start < 1:
            self.steps(10)
            images += 10 * N
        return images / (time.perf_counter() - start)

    def steps(self, count: int) -> None:
        import torch
        from torch.nn.functional import softplus

        G, D, n, device = self.G, self.D, N, self.device
        for _ in range(count):
            chosen = torch.randint(len(self.pictures), (n,))
            real = self.pictures[chosen].to(device).permute(0, 3, 1, 2).float().div(127.5).sub(1)
            label = torch.where(torch.rand(n) < 0.1, 10, self.labels[chosen]).to(device)
            with self.half:
                fake = G(torch.randn(n, 64, device=device), label)
            both = torch.cat([real, fake.detach().float()]).requires_grad_()
            with self.half:
                logits = D(both, torch.cat([label, label]))
            (slope,) = torch.autograd.grad(logits.sum(), both, create_graph=True)
            r, f = logits.chunk(2)
            loss = softplus(f - r).mean() + slope.square().sum(dim=(1, 2, 3)).mean()
            self.adam_d.zero_grad()
            loss.backward()
            self.adam_d.step()
            weight = -torch.sigmoid(r.detach() - f.detach()) / n
            self.adam_g.zero_grad()
            fake.backward((weight.view(-1, 1, 1, 1) * slope.detach()[n:]).to(fake.dtype))
            self.adam_g.step()
            with torch.no_grad():
                torch._foreach_lerp_(self.kept, [weight.detach() for weight in G.parameters()], 0.01)
        if device.type == "cuda":
            torch.cuda.synchronize()


PEAK = """
import resource, sys
from pathlib import Path
from ganvas.dataset import prepare
{body}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
PREPARE = "prepare({pictures!r}, 32, out={out!r})"
TRAIN = """
from ganvas.api import train
train(prepare({out!r}), "canvas", kimg=0.32, out={run!r}, labels=False, display="none")
"""


def memory() -> dict[str, Any]:
    """Peak memory of preparing, and of training on, 1,000 and 100,000 PNG files, each in a process of its own."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in (1_000, 100_000):
            pictures, out = str(Path(folder) / f"in-{count}"), str(Path(folder) / f"art-{count}")
            write_pictures(Path(pictures), count)
            for name, body in (
                ("prepare", PREPARE.format(pictures=pictures, out=out)),
                ("train", TRAIN.format(out=out, run=str(Path(folder) / f"run-{count}"))),
            ):
                seconds, peak = time.perf_counter(), in_process(PEAK.format(body=body))
                seconds = time.perf_counter() - seconds
                result[f"{name} {count:,} pictures"] = {"peak MiB": int(peak), "seconds": round(seconds, 1)}
    return result


def write_pictures(folder: Path, count: int) -> None:
    """Small PNG files of noise, 100 to a folder."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number // 100:04}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (36, 40, 3), dtype=np.uint8)).save(path, compress_level=0)


def in_process(code: str) -> str:
    """Standard output of `code` in a fresh Python."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def start() -> dict[str, Any]:
    """CPU seconds until something answers; the smallest of seven."""
    commands = {
        "python -c pass": ["-c", "pass"],
        "import ganvas": ["-c", "import ganvas"],
        "ganvas --help": ["-m", "ganvas", "--help"],
        "ganvas runs": ["-m", "ganvas", "runs", "nowhere"],
        "ganvas prepare --help": ["-m", "ganvas", "prepare", "--help"],
        "ganvas train --help": ["-m", "ganvas", "train", "--help"],
        "import torch": ["-c", "import torch"],
    }
    return {name: round(min(child_seconds(command) for _ in range(7)), 3) for name, command in commands.items()}


def child_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"loop": loop, "memory": memory, "start": start}
    parser.add_argument("--only", choices=parts, help="one part")
    chosen = parser.parse_args().only
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    path = RESULTS / f"speed-{device}.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    name = torch.cuda.get_device_name() if device == "cuda" else processor()
    results["machine"] = (
        f"{name}, {os.cpu_count()} cores, torch {torch.__version__}, Python {platform.python_version()}"
    )
    for part, measure in parts.items():
        if chosen in (None, part):
            results[part] = measure()
            print(part, json.dumps(results[part], indent=2), flush=True)
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


def processor() -> str:
    """The CPU's name where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
