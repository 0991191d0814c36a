"""Directions in a run's folder: directions.safetensors (a vector each) and directions.json (all else)."""

import json
import math
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..errors import DataError, UnknownName, UsageError
from ..files import make_folder, storage_errors, write_file
from ..registry import nearest
from .directions import METHODS, Direction

FORMAT = 1


def save_directions(folder: Path, directions: Sequence[Direction], fingerprint: str) -> Path:
    """All directions of a generator; what was saved of it before is replaced. Raises StorageError.

    Those of an earlier generator of the run stay, as directions-GENERATOR.json and .safetensors: what somebody taught
    is not to be lost because the run went on.
    """
    make_folder(folder)
    set_earlier_aside(folder, fingerprint)
    vectors = {str(number): np.ascontiguousarray(one.vector, np.float32) for number, one in enumerate(directions)}
    listed = [
        {
            "name": one.name,
            "method": one.method,
            "number": one.number,
            "layers": one.layers,
            "purity": round(one.purity, 4),
            "effects": {name: round(value, 4) for name, value in one.effects.items()},
        }
        for one in directions
    ]
    packed = save(vectors)
    write_file(folder / "directions.safetensors", packed)
    content = {"format": FORMAT, "generator": fingerprint, "vectors": sha256(packed).hexdigest(), "directions": listed}
    write_file(folder / "directions.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return folder


def set_earlier_aside(folder: Path, fingerprint: str) -> None:
    try:
        of = json.loads((folder / "directions.json").read_text("utf-8"))["generator"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return
    if of != fingerprint and isinstance(of, str) and of.isalnum() and len(of) <= 64:
        with storage_errors(folder):
            for suffix in (".json", ".safetensors"):
                if (folder / f"directions{suffix}").exists():
                    (folder / f"directions{suffix}").replace(folder / f"directions-{of}{suffix}")


def load_directions(folder: Path, shape: tuple[int, ...], fingerprint: str) -> list[Direction]:
    """Those saved for this generator; none where none were. shape: (layers, style_dim).

    Raises DataError for damaged files, UsageError for those of another generator: nothing in them is trusted.
    """
    path = folder / "directions.json"
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text("utf-8"))
        of = content["generator"]
        packed = (folder / "directions.safetensors").read_bytes()
        if sha256(packed).hexdigest() != content["vectors"]:
            raise ValueError("the vectors are not those that belong to it")
        vectors = load(packed)
        found = [_direction(one, vectors[str(number)], shape) for number, one in enumerate(content["directions"])]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError, RecursionError) as error:
        raise DataError(f"{path} or its vectors cannot be read ({error}). Delete the folder {folder}.") from None
    if of != fingerprint:
        raise UsageError(
            f"The directions in {folder} belong to an earlier generator of this run. Find them again: --directions 8"
        )
    return found


def _direction(told: dict[str, Any], vector: np.ndarray, shape: tuple[int, ...]) -> Direction:
    if vector.shape != shape or not np.isfinite(vector).all():
        raise ValueError(f"a vector of shape {vector.shape}, where the generator has {shape}")
    effects = {str(name): float(value) for name, value in told["effects"].items()}
    purity, number = float(told["purity"]), int(told["number"])
    if told["method"] not in METHODS or not all(map(math.isfinite, [purity, *effects.values()])):
        raise ValueError("an unknown method, or numbers that are none")
    return Direction(
        str(told["name"]),
        vector.astype(np.float32),
        told["method"],
        number,
        str(told["layers"]),
        purity,
        effects,
    )


def pick(directions: Sequence[Direction], name: str) -> Direction:
    """The direction called so, or by how it was found ("sefa 3"). Raises UnknownName; UsageError if there are none."""
    if not directions:
        raise UsageError("This run has no directions yet. Find them first: ganvas explore RUN --directions 8")
    for one in directions:
        if name in (one.name, f"{one.method} {one.number}"):
            return one
    raise UnknownName(f"No direction {name!r}.{nearest(name, [one.name for one in directions])}")
