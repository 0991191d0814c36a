"""Starting from what another run has learned: its weights, where they fit.

Mo et al. 2020 (FreezeD) and Karras et al. 2020 (ADA, sect. 4.3) begin so: what edges, colours and shapes look like need
not be learned anew from a hundred pictures. G takes the other run's average, D its D.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import bases
from ..errors import RunNotFound, UsageError
from ..run_config import RunConfig
from ..runs import Arrays, Run, read_header, read_tensors, write_tensors
from .players import Players

ROWS_BY_LABEL = "embedding.weight"
"""Ends the names of weights with a row for each label, and a last one for none."""
OF_THE_RUN = ("level", "stage")
"""Buffers that say where a run is, and are none of its weights."""


@dataclass(frozen=True)
class Fit:
    """What became of the weights, by name."""

    fitted: tuple[str, ...]
    """Taken over as they are."""
    resized: tuple[str, ...]
    """Taken over as far as both reach; the rest is new."""
    new: tuple[str, ...]
    """Of which the other run has none."""
    left_out: tuple[str, ...]
    """The other run's that have no place."""


@dataclass(frozen=True)
class Heritage:
    """Another run's weights. D: empty where only a generator was given."""

    name: str
    config: RunConfig
    G: Arrays
    D: Arrays

    @classmethod
    def of(cls, path: str | Path, shape: tuple[int, int, int]) -> "Heritage":
        """Of a run folder (its newest checkpoint), of a base model's name, or of a file: one that `store` wrote, or an
        ema.safetensors, which has no D.

        shape: of the pictures to learn, (C, H, W): a base model comes in several sizes.   Raises RunNotFound,
        CheckpointError.
        """
        if str(path) in bases.names():
            path = bases.nearest_to(str(path), shape)
        path = Path(path)
        if path.is_file():
            config, name, _ = read_header(path)
            return cls(name, config, *halves(read_tensors(path)))
        try:
            run = Run.find(path)
        except RunNotFound as error:
            raise RunNotFound(f"{error} Base models to start from: {', '.join(bases.names()) or 'none'}.") from None
        return cls(path.resolve().name, run.config, *learned(run, path))

    def check(self, config: RunConfig) -> None:
        """Raises UsageError where nothing sensible can be taken over."""
        mine, theirs = config.recipe.net.family, self.config.recipe.net.family
        if mine != theirs:
            raise UsageError(
                f"{self.name} has nets '{theirs}', this run '{mine}'. Use --recipe {self.config.recipe.name}."
            )
        grey = [shape[0] == 1 for shape in (self.config.shape, config.shape)]
        if grey[0] != grey[1]:  # between colour and colour with transparency the colours are taken over
            kinds = {True: "grey", False: "in colour"}
            raise UsageError(
                f"{self.name} draws pictures {kinds[grey[0]]}; these are {kinds[grey[1]]}. "
                f"Prepare them with --channels {1 if grey[0] else 3}, or start from another run."
            )
        if config.recipe.latent_dim != self.config.recipe.latent_dim:
            raise UsageError(
                f"{self.name} has latents of {self.config.recipe.latent_dim}, this run of {config.recipe.latent_dim}. "
                f"Use --latent-dim {self.config.recipe.latent_dim}."
            )
        encoders = [of.text_encoder.fingerprint for of in (self.config, config) if of.text_encoder is not None]
        if len(set(encoders)) > 1:
            raise UsageError(f"{self.name} learned with another sentence model than this one. Use the same.")
        if config.recipe.freeze_d > 0 and not self.D:
            raise UsageError(f"{self.name} has no D, so there is nothing to freeze. Leave out --freeze-d.")
        if config.recipe.tones != self.config.recipe.tones:
            raise UsageError(
                f"{self.name} paints on the scale of tones '{self.config.recipe.tones}', this run on "
                f"'{config.recipe.tones}'. Use --tones {self.config.recipe.tones}."
            )

    def give(self, net: nn.Module, arrays: Arrays, label_names: Sequence[str]) -> Fit:
        """Puts `arrays`, this run's G or D, into the net; rows of labels go by the labels' names."""
        fitted, resized, new = [], [], []
        state = {name: value for name, value in net.state_dict().items() if name.split(".")[-1] not in OF_THE_RUN}
        for name, value in state.items():
            stored = arrays.get(name)
            if stored is None or stored.ndim != value.ndim:
                new.append(name)
                continue
            taken = torch.from_numpy(stored).to(value.dtype)
            if name.endswith(ROWS_BY_LABEL):
                rows = {place: row for place, row in self._rows(label_names).items() if row < len(taken)}
                shared = slice(0, min(value.shape[1], taken.shape[1]))
                for place, row in rows.items():
                    value[place, shared] = taken[row, shared].to(value.device)
                (fitted if len(rows) == len(value) and value.shape[1] == taken.shape[1] else resized).append(name)
                continue
            shared = tuple(slice(0, min(mine, theirs)) for mine, theirs in zip(value.shape, taken.shape, strict=True))
            value[shared] = taken[shared].to(value.device)
            (fitted if value.shape == taken.shape else resized).append(name)
        left_out = [name for name in arrays if name not in state and name.split(".")[-1] not in OF_THE_RUN]
        return Fit(tuple(fitted), tuple(resized), tuple(new), tuple(left_out))

    def _rows(self, label_names: Sequence[str]) -> dict[int, int]:
        """From a place in this run's rows to the one in the other's; the last ones stand for no label."""
        theirs = {name: row for row, name in enumerate(self.config.label_names)}
        rows = {place: theirs[name] for place, name in enumerate(label_names) if name in theirs}
        return {**rows, len(label_names): len(self.config.label_names)}


def learned(run: Run, path: Path) -> tuple[Arrays, Arrays]:
    """The average and D, of the run's newest checkpoint. Raises RunNotFound, CheckpointError."""
    checkpoint = run.latest()
    if checkpoint is None:
        raise RunNotFound(f"{path} has no checkpoint yet, so there is nothing to start from.")
    return checkpoint.ema(), part(checkpoint.tensors(), "D.")


def halves(arrays: Arrays) -> tuple[Arrays, Arrays]:
    """G's and D's, of a file that `store` wrote; all of them as G's where there is no D."""
    D = part(arrays, "D.")
    return (part(arrays, "G."), D) if D else (arrays, {})


def part(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def store(run: Run, path: Path) -> None:
    """Both players of a run as one small file to start from: float16, which is enough for that.

    Raises RunNotFound, CheckpointError, StorageError.
    """
    G, D = learned(run, run.folder)
    arrays = {f"{prefix}{name}": value for prefix, net in (("G.", G), ("D.", D)) for name, value in net.items()}
    small = {name: value.astype(np.float16) if value.dtype == np.float32 else value for name, value in arrays.items()}
    checkpoint = run.latest()
    assert checkpoint is not None
    write_tensors(path, small, run.header(round(checkpoint.kimg * 1000)) | {"run": path.stem})


def inherit(heritage: Heritage, players: Players, average: nn.Module, config: RunConfig) -> dict[str, Any]:
    """Puts the heritage into players and average. returns: what `events.Inherited` tells.

    After each weight that is new or resized D and G differ from those that played; they adapt within a few steps.
    """
    fits = [heritage.give(players.bare_G, heritage.G, config.label_names)]
    heritage.give(average, heritage.G, config.label_names)
    if heritage.D:
        fits.append(heritage.give(players.bare_D, heritage.D, config.label_names))
    told = {part: tuple(name for fit in fits for name in getattr(fit, part)) for part in ("resized", "new", "left_out")}
    return {"parent": heritage.name, "has_d": bool(heritage.D), "fitted": sum(len(fit.fitted) for fit in fits), **told}
