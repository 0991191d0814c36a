"""Where the time goes: operations a picture, how well the machine is used, formats, compiling, drawing, sizes.

    python bench/throughput.py                all; results into bench/results/throughput-cpu.json
    python bench/throughput.py --only use     one of: use, precisions, compile, drawing, sizes
    python bench/throughput.py                on a machine with a GPU: results into bench/results/throughput-cuda.json

`use`      GFLOP a picture of a step of `canvas`, counted; GFLOP/s reached, beside the rate of its matrix product
`precisions`  pictures a second in float32, and in bfloat16 where the machine has instructions for it
`compile`  the same with G compiled (D's slope of a slope cannot be), and how long compiling takes
`drawing`  works a second, 1, 64 and 4,096 at a time: PyTorch against ONNX Runtime (pip install 'ganvas[export]')
`sizes`    pictures a second and GFLOP a picture at 32, 64, 128, 256 px

Alternatives take turns in one process, many short rounds each, so that the machine's moods hit all alike.
"""

import argparse
import dataclasses
import itertools
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganvas.api import make_trainer, recipe
from ganvas.config import Recipe
from ganvas.dataset import Dataset, prepare
from ganvas.training.machine import multiplies_bfloat16
from ganvas.training.step import step
from ganvas.training.trainer import Trainer

RESULTS = Path(__file__).parent / "results"
ROUNDS, ROUND_SECONDS = 12, 0.5


class Operations(TorchDispatchMode):
    """Counts the floating-point operations of products and convolutions, a multiply-add as two, in every pass."""

    flop = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.flop += count(*args, **(kwargs or {}), out_val=out)
        return out


def synchronised() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def rate(call: Callable[[], object], seconds: float = ROUND_SECONDS) -> float:
    """Calls a second."""
    synchronised()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        call()
        calls += 1
    synchronised()
    return calls / (time.perf_counter() - start)


def in_turn(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median calls a second of each, in turn; a first round warms up."""
    rounds = [{name: rate(call) for name, call in calls.items()} for _ in range(ROUNDS + 1)][1:]
    return {name: statistics.median(one[name] for one in rounds) for name in calls}


def noise(side: int, channels: int, folder: Path) -> Dataset:
    """Pictures of noise: speed does not depend on what they show."""
    from PIL import Image

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(40):
        pixels = rng.integers(0, 255, (side, side, channels), dtype=np.uint8)
        Image.fromarray(pixels.squeeze()).save(folder / f"{number}.png")
    return prepare(folder, side, channels=channels, out=folder.parent / f"{folder.name}-prepared")


def a_trainer(dataset: Dataset, settings: Recipe, folder: Path) -> Trainer:
    return make_trainer(dataset, settings, kimg=1e6, out=folder / f"run-{len(list(folder.iterdir()))}")


def stepping(trainer: Trainer) -> Callable[[], object]:
    """A step on the same batch again and again; its number counts on, as not every step has penalties."""
    batch, numbers = trainer.batches.batch(0, trainer.recipe.batch_size, trainer.device), itertools.count()
    return lambda: step(trainer.players, dataclasses.replace(batch, number=next(numbers)))


def gflop_a_picture(trainer: Trainer) -> float:
    """Averaged over as many steps as it takes for penalties to come round again."""
    one, steps = stepping(trainer), trainer.recipe.penalty_every
    with Operations() as operations:
        for _ in range(steps):
            one()
    return operations.flop / steps / trainer.recipe.batch_size / 1e9


def matrix_products(device: torch.device) -> dict[str, float]:
    """GFLOP/s of the product of two matrices, 1024 x 1024."""
    n, result = 1024, {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
        result[str(dtype).removeprefix("torch.")] = (
            2 * n**3 / 1e9 * in_turn({"product": lambda a=a, b=b: a @ b})["product"]
        )
    return result


def use(folder: Path) -> dict[str, Any]:
    trainer = a_trainer(prepare("digits"), recipe("canvas"), folder)
    gflop = gflop_a_picture(trainer)
    reached = in_turn({"step": stepping(trainer)})["step"] * trainer.recipe.batch_size
    products = matrix_products(trainer.device)
    dtype = "bfloat16" if multiplies_bfloat16(trainer.device) and trainer.recipe.precision == "auto" else "float32"
    return {
        "GFLOP a picture": round(gflop, 4),
        "pictures/s": round(reached, 1),
        "GFLOP/s": round(reached * gflop, 1),
        "matrix product, GFLOP/s": {name: round(value, 1) for name, value in products.items()},
        "precision": dtype,
        "share of the product's rate": round(reached * gflop / products[dtype], 3),
        "share of the float32 product's rate": round(reached * gflop / products["float32"], 3),
    }


def precisions(folder: Path) -> dict[str, Any]:
    """The same step with products in float32, and in bfloat16 where the machine has it."""
    settings = {name: dataclasses.replace(recipe("canvas"), precision=name) for name in ("float32", "auto")}
    rates = in_turn({name: stepping(a_trainer(prepare("digits"), one, folder)) for name, one in settings.items()})
    return {f"{name}, pictures/s": round(value * recipe("canvas").batch_size, 1) for name, value in rates.items()}


def compile_g(folder: Path) -> dict[str, Any]:
    plain, compiled = (a_trainer(prepare("digits"), recipe("canvas"), folder) for _ in range(2))
    G: Any = torch.compile(compiled.players.G)
    compiled.players = dataclasses.replace(compiled.players, G=G)
    began = time.perf_counter()
    try:
        stepping(compiled)()
    except Exception as error:  # no C++ compiler, or a construct that it does not know
        return {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
    seconds = time.perf_counter() - began
    rates = in_turn({"plain": stepping(plain), "G compiled": stepping(compiled)})
    n = recipe("canvas").batch_size
    return {"compiling, s": round(seconds, 1), **{f"{name}, pictures/s": round(r * n, 1) for name, r in rates.items()}}


def drawing(folder: Path) -> dict[str, Any]:
    """Works a second of the averaged generator: as ganvas draws, and the same net in ONNX Runtime."""
    trainer = a_trainer(prepare("digits"), recipe("canvas"), folder)
    G, dim = trainer.average, trainer.recipe.latent_dim
    session, seconds = onnx_session(G, dim, folder / "G.onnx")
    result: dict[str, Any] = {"exporting to ONNX, s": round(seconds, 1)}
    for count in (1, 64, 4096):
        z, y = torch.randn(count, dim), torch.arange(count) % 10
        parts = list(zip(z.split(100), y.split(100), strict=True))

        def by_torch(parts: Any = parts) -> None:
            with torch.inference_mode():
                for a, b in parts:
                    G(a, b)

        def by_onnx(parts: Any = parts) -> None:
            for a, b in parts:
                session.run(None, {"z": a.numpy(), "label": b.numpy()})

        rates = in_turn({"PyTorch": by_torch, "ONNX Runtime": by_onnx})
        result[f"{count} at a time, works/s"] = {name: round(value * count, 1) for name, value in rates.items()}
    return result


def onnx_session(G: torch.nn.Module, dim: int, path: Path) -> tuple[Any, float]:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        raise SystemExit("Drawing needs ONNX Runtime: pip install 'ganvas[export]'") from None
    began = time.perf_counter()
    example = (torch.randn(2, dim), torch.zeros(2, dtype=torch.long))
    many = torch.export.Dim("n", min=1, max=4096)
    shapes = {"z": {0: many}, "label": {0: many}}
    torch.onnx.export(G, example, path, input_names=["z", "label"], dynamic_shapes=shapes, dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]), time.perf_counter() - began


def sizes(folder: Path) -> dict[str, Any]:
    result = {}
    for side in (32, 64, 128, 256):
        trainer = a_trainer(noise(side, 3, folder / f"noise-{side}"), recipe("canvas"), folder)
        gflop = gflop_a_picture(trainer)
        one = stepping(trainer)
        one()
        reached = rate(one, 5) * trainer.recipe.batch_size
        result[f"{side} px"] = {"GFLOP a picture": round(gflop, 3), "pictures/s": round(reached, 1)}
    return result


def main() -> None:
    parts = {"use": use, "precisions": precisions, "compile": compile_g, "drawing": drawing, "sizes": sizes}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=parts, help="one part")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="bench/results/throughput-cpu.json, or -cuda")
    asked = parser.parse_args()
    chosen = asked.only
    device = "cuda" if torch.cuda.is_available() else "cpu"
    path = asked.out or RESULTS / f"throughput-{device}.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    results["machine"] = f"{os.cpu_count()} cores, torch {torch.__version__}, Python {platform.python_version()}"
    for name, measure in parts.items():
        if chosen in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                results[name] = measure(Path(folder))
            print(name, json.dumps(results[name], indent=2), flush=True)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
