"""From a run's folder, or a single file, to a `Model`."""

import os
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from .errors import CheckpointError, RunNotFound, UsageError
from .model import Model
from .nets.generator import build_generator
from .run_config import RunConfig
from .runs import Run, read_header, read_tensors
from .sentences import moved
from .training import machine
from .training.state import check_fits, load_net


def untrained(config: RunConfig, device: str) -> nn.Module:
    """G; on the device "meta" it has shapes and takes no memory."""
    with torch.device(device):
        return build_generator(config)


def open_model(path: str | Path, best: bool = False, text_encoder: str | Path | None = None) -> Model:
    """The model of a run folder (its newest checkpoint), or of an ema.safetensors file that somebody sent you.

    best: of a run folder the generator that scored best while it learned (train's `evaluate_every`, `best_by`).
    text_encoder: where the sentence model lies that reads its captions, if not where it was when it learned.
    Safe with files from strangers: nothing in them is executed. Raises RunNotFound, CheckpointError, UsageError.
    """
    path = Path(path)
    machine.keep_freed_memory()
    if path.is_file():
        if best:
            raise UsageError(f"{path} is one generator, and which is best is known in a run folder. Leave out best.")
        (config, name, kimg), tensors = read_header(path), read_tensors(path)
        config = config.to_travel()  # a stranger's file says of no folder of ours that it be opened
    else:
        run = Run.find(path)
        readable = run.best() if best else run.latest()
        if readable is None and best:
            raise RunNotFound(f"{path} has no best checkpoint; train with --evaluate-every.")
        if readable is None:
            raise RunNotFound(f"{path} has no checkpoint yet. Train it first: ganvas train DATA --out {path}")
        config, tensors, name, kimg = run.config, readable.ema(), path.resolve().name, readable.kimg
    config = config if text_encoder is None else with_encoder(config, text_encoder, name)
    try:
        check_fits(untrained(config, "meta"), tensors)  # a stranger's file may ask for a net of any size
        generator = untrained(config, "cpu")
        load_net(generator, tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    place = int(os.environ.get("LOCAL_RANK", "0"))  # of several processes each has a GPU of its own
    device = torch.device("cuda", place) if torch.cuda.is_available() else torch.device("cpu")
    return Model(generator, config, name, kimg, device, folder=None if path.is_file() else path)


def with_encoder(config: RunConfig, path: str | Path, name: str) -> RunConfig:
    """The settings with its sentence model at another place. Raises UsageError where another lies there, or none."""
    if config.text_encoder is None:
        raise UsageError(f"{name} learned without a sentence model. Leave out the text encoder.")
    return replace(config, text_encoder=moved(config.text_encoder, path))
