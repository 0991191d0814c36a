"""`Inverter`: enters pictures, and says which are far from what the model knows. Kept in the run's folder.

How far is far is told by pictures of the same kind that the model never learned from: what lies beyond 95 of 100 of
them is. Where they are not at hand, by works of the model, which are nearer than any picture; that is said, too.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ..dataset import Dataset
from ..drawing import Drawer
from ..errors import GanvasError
from ..files import make_folder, write_file
from .invert import Encoder, Entered, Progress, Spread, enter, learn, spread

HELD_OUT = 64
"""Pictures, at most, that tell how far is far."""
USUAL = 0.95
"""The share of them that lies nearer than what is far."""
TOGETHER = 32
"""Pictures entered at once."""
FIRST_SEED = 3_000_000


@dataclass(frozen=True)
class Known:
    """How well pictures of the model's own kind can be entered."""

    errors: tuple[float, ...]
    """Of each, ascending."""
    of: str
    """What they are: "held-out pictures" or "works of its own"."""

    @property
    def far(self) -> float:
        """The error beyond which a picture is far from what the model knows."""
        return float(np.quantile(self.errors, USUAL))

    def warning(self, name: str, error: float) -> str | None:
        """A sentence for a picture that is far; None for others."""
        if error <= self.far:
            return None
        return (
            f"{name} is far from what this model knows: as it draws it, it is off by {error:.3f}, where of "
            f"{len(self.errors)} {self.of} {USUAL:.0%} are off by less than {self.far:.3f} (of a range of 1)."
        )


class Inverter:
    """Enters pictures into the latent space of one generator."""

    def __init__(self, drawer: Drawer, encoder: Encoder, of: Spread, known: Known) -> None:
        self.drawer, self.encoder, self.of, self.known = drawer, encoder, of, known

    def enter(
        self, pictures: np.ndarray, names: Sequence[str], progress: Progress = lambda *told: None
    ) -> list[Entered]:
        """(n, H, W, C) uint8 pictures of the works' size. Raises UsageError for another."""
        return entered(self.drawer, self.encoder, self.of, pictures, names, progress)


def entered(
    drawer: Drawer,
    encoder: Encoder,
    of: Spread,
    pictures: np.ndarray,
    names: Sequence[str],
    progress: Progress = lambda *told: None,
) -> list[Entered]:
    found: list[Entered] = []
    for start in range(0, len(pictures), TOGETHER):
        part = slice(start, start + TOGETHER)
        found += enter(drawer, encoder, of, pictures[part], names[part], progress=progress)
    return found


def make_inverter(drawer: Drawer, own: Dataset | None, progress: Progress = lambda *told: None) -> Inverter:
    """Learns an encoder, and enters pictures of `own`, what the run learned from, that it did not see."""
    of = spread(drawer)
    encoder = learn(drawer, of, progress=progress)
    config, pictures, kind = drawer.config, None, "held-out pictures"
    if own is not None:
        _, held = own.split(config.recipe.holdout, config.seed)
        if len(held) >= 20:
            pictures = own.batch(np.random.default_rng(0).permutation(held)[:HELD_OUT])
    if pictures is None:
        kind = "works of its own"
        pictures = next(drawer.pixels(range(FIRST_SEED, FIRST_SEED + HELD_OUT)))
    found = entered(drawer, encoder, of, pictures, [""] * len(pictures), progress)
    return Inverter(drawer, encoder, of, Known(tuple(sorted(one.error for one in found)), kind))


def save_inverter(inverter: Inverter, folder: Path, fingerprint: str) -> None:
    """encoder.safetensors and encoder.json. Raises StorageError."""
    make_folder(folder)
    tensors = {name: value.cpu().numpy() for name, value in inverter.encoder.state_dict().items()}
    tensors |= {"spread.mean": inverter.of.mean.cpu().numpy(), "spread.deviation": inverter.of.deviation.cpu().numpy()}
    write_file(folder / "encoder.safetensors", save({name: np.ascontiguousarray(x) for name, x in tensors.items()}))
    known = {"errors": [round(error, 6) for error in inverter.known.errors], "of": inverter.known.of}
    write_file(folder / "encoder.json", json.dumps({"generator": fingerprint, **known}) + "\n")


def load_inverter(drawer: Drawer, folder: Path, fingerprint: str) -> Inverter | None:
    """That of this very generator, if one was kept; None for any other, and for damaged files, which are made anew."""
    try:
        told = json.loads((folder / "encoder.json").read_text("utf-8"))
        if told["generator"] != fingerprint:
            return None
        tensors = {name: torch.from_numpy(x) for name, x in load_file(folder / "encoder.safetensors").items()}
        of = Spread(tensors.pop("spread.mean").to(drawer.device), tensors.pop("spread.deviation").to(drawer.device))
        channels, *size = drawer.config.shape
        encoder = Encoder(channels, (size[0], size[1]), len(of.mean)).to(drawer.device)
        encoder.load_state_dict(tensors)
        known = Known(tuple(float(error) for error in told["errors"]), str(told["of"]))
        if not known.errors or not all(map(math.isfinite, known.errors)):
            return None
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, AttributeError, GanvasError, SafetensorError):
        return None
    return Inverter(drawer, encoder.eval().requires_grad_(False), of, known)
