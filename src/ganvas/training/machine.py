"""What the machine needs to be told before training, and the processes that share the work."""

import ctypes
import sys

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import KwargsHandler

from ..config import Recipe
from ..errors import UsageError

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # glibc's mallopt numbers


def keep_freed_memory() -> None:
    """On glibc, freed memory is kept for the next step.

    Otherwise each tensor over 128 KB is asked of the kernel, zeroed and given back at every step, which takes a good
    part of the CPU time of small nets (docs/experiments.md).
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if getattr(libc, "mallopt", None) is not None:  # musl has none
            libc.mallopt(MMAP_THRESHOLD, 32 * 2**20)
            libc.mallopt(TRIM_THRESHOLD, 2**30)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bfloat16; elsewhere they are imitated, slowly."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def accelerator(grows: bool = False) -> Accelerator:
    """This process's device and its place among the others, if `torch.distributed.run` started several.

    Told outright to use the CPU where there is no CUDA: asked to choose, it would let each process train alone.
    grows: not all weights are in use from the start, so processes first look which ones are.
    Precision is left to training/step.py, which says where bfloat16 is right.
    """
    torch.backends.cudnn.allow_tf32 = False  # float32 where step.py says float32
    handlers: list[KwargsHandler] = [DistributedDataParallelKwargs(find_unused_parameters=grows)]
    return Accelerator(mixed_precision="no", cpu=not torch.cuda.is_available(), kwargs_handlers=handlers)


def check_shares(recipe: Recipe, processes: int) -> None:
    """Raises UsageError when the batch cannot be shared evenly, or the nets learn in one process only."""
    if recipe.net.tokenizes and processes > 1:
        raise UsageError(f"The nets of recipe {recipe.name!r} learn in one process. Start ganvas train by itself.")
    batch_size = recipe.batch_size
    if batch_size % processes:
        raise UsageError(f"batch_size {batch_size} cannot be shared evenly by {processes} processes.")
