"""What the machine needs to be told before training, and the processes that share the work."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator

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


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Inside, numbers below 1e-38, a hundred times slower on a CPU than others, count as zero."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def accelerator() -> Accelerator:
    """This process's device and its place among the others, if `torch.distributed.run` started several.

    Told outright to use the CPU where there is no CUDA: asked to choose, it would let each process train alone.
    Precision is left to training/step.py, which says where bfloat16 is right.
    """
    return Accelerator(mixed_precision="no", cpu=not torch.cuda.is_available())
