"""`Latent`: what a work is drawn from, and where it came from. What the verbs of `explore` take and make.

A latent holds a style for each place at which the generator takes one (`ganvas.nets.generator`), so that it is the same
thing for every recipe, and its lineage: how it was made, as JSON, down to the seeds.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..config import check, from_json, to_json
from ..drawing import Drawer
from ..errors import DataError, UnknownName, UsageError
from ..nets.generator import Generator, groups
from ..prompts import MOST_TEXTS, Prompt
from ..registry import nearest
from ..words import READ

MOST_BYTES = 4_000_000
"""Of the styles, or of the lineage, in a picture's text: a stranger's may claim any size."""
MOST_GENERATIONS, MOST_TOLD = 200, 50_000
"""Of a lineage, and letters that they may take."""
MOST_TERMS = 1 + MOST_TEXTS * (1 + READ)
"""That a prompt can have: no caption, each text, and each without each of its words."""


@dataclass(frozen=True, eq=False)
class Latent:
    """What one work is drawn from."""

    styles: np.ndarray
    """(layers, style_dim) float32."""
    label: str | None
    """What it was asked for; None without, and where it comes from more than one."""
    lineage: dict[str, Any]
    """How it was made: {"seed": 3, "label": "7", "truncation": 1.0}, or what was done, and to which lineages."""

    def moved(self, change: np.ndarray, **how: Any) -> "Latent":
        """Another one, whose styles differ by `change`. how: its lineage, besides that it comes from this one."""
        styles = (self.styles + change).astype(np.float32)
        return Latent(styles, self.label, {**how, "of": self.lineage})


def generator_of(drawer: Drawer) -> Generator:
    """The drawer's generator. Raises UsageError for one that has no styles (of another package)."""
    if not isinstance(drawer.generator, Generator):
        raise UsageError(f"The nets of {drawer.name} tell no styles, so nothing but drawing can be done with them.")
    return drawer.generator


def steerable(drawer: Drawer) -> Generator:
    """The drawer's generator. Raises UsageError where there is nothing between two works."""
    generator = generator_of(drawer)
    if not generator.steers:
        raise UsageError(
            f"{drawer.name} writes works code by code, and nothing lies between two rows of codes: they cannot be "
            "steered, mixed, bred, walked among, varied, tiled or entered. Draw others by seed, ask in words (sample "
            "--text, explore --words), or have a picture completed (sample --complete)."
        )
    return generator


def of_seeds(
    drawer: Drawer,
    seeds: Sequence[int],
    label: str | int | None = None,
    truncation: float = 1.0,
    prompt: Prompt | None = None,
) -> list[Latent]:
    """The latents of seeds. Arguments as in `ganvas.Model.sample`. Raises UnknownName, UsageError."""
    generator_of(drawer)
    styles = drawer.styles(seeds, label, truncation, prompt).cpu().numpy()
    by_chance = label is None and prompt is None  # what they show then is told, so that it can be asked for again
    unlabelled = [len(drawer.labels)] * len(seeds)
    numbers = unlabelled if label is None and prompt is not None else drawer.label_numbers(seeds, label)
    found = []
    for one, seed, number in zip(styles, seeds, numbers, strict=True):
        name = drawer.labels[number] if number < len(drawer.labels) else None
        lineage = {"seed": seed, "truncation": truncation} | ({} if name is None else {"label": name})
        caption = drawer.caption_of(seed) if by_chance else ""
        asked = Prompt((caption,)) if caption else prompt
        lineage |= {} if asked is None else {"prompt": to_json(asked)}
        found.append(Latent(one, name, lineage))
    return found


def centre_of(drawer: Drawer, latent: Latent) -> np.ndarray:
    """(layers, style_dim) the most typical styles of the latent's label."""
    number = drawer.labels.index(latent.label) if latent.label in drawer.labels else len(drawer.labels)
    z = torch.zeros(1, drawer.config.recipe.latent_dim, device=drawer.device)
    with torch.inference_mode():
        centre = steerable(drawer).centre(z, torch.tensor([number], device=drawer.device))
    return centre[0].cpu().numpy()


def layers_of(generator: Generator, wanted: str) -> list[int]:
    """The numbers of the styles called "coarse", "middle", "fine" or "all", or of a list such as "0,1,4-6".

    Raises UnknownName for another word, UsageError for numbers that the generator does not have.
    """
    count = len(generator.resolutions)
    named = groups(count) | {"all": list(range(count))}
    if wanted in named:
        return named[wanted]
    if not wanted or wanted[0] not in "0123456789":
        raise UnknownName(
            f"No layers {wanted!r}.{nearest(wanted, named)} Or numbers from 0 to {count - 1}, as 0,1,4-6."
        )
    found: set[int] = set()
    for part in wanted.split(","):
        first, dash, last = part.strip().partition("-")
        good = first.isdecimal() and (last.isdecimal() or not dash) and len(part) < 20
        check(good, "layers", wanted, "a word or numbers such as 0,1,4-6")
        found |= set(range(int(first), min(int(last or first), 10_000) + 1))
    check(bool(found) and max(found) < count, "layers", wanted, f"numbers from 0 to {count - 1}, of which this net has")
    return sorted(found)


def mixed(base: Latent, other: Latent, layers: Sequence[int], name: str) -> Latent:
    """`base` with the other's styles at `layers`. Karras et al. 2019, sect. 3.1.   name: of the layers, for lineage."""
    styles = base.styles.copy()
    styles[layers] = other.styles[layers]
    label = base.label if base.label == other.label else None
    return Latent(styles, label, {"mix": name, "of": base.lineage, "with": other.lineage})


def is_of_seed(lineage: dict[str, Any]) -> bool:
    """Whether seed, label and truncation alone give the latent."""
    return "seed" in lineage and "of" not in lineage


def prompt_of(lineage: dict[str, Any]) -> Prompt | None:
    """What the work was asked to show; None where it was not asked in words. Raises UsageError."""
    return from_json(Prompt, lineage["prompt"], "the prompt") if "prompt" in lineage else None


def to_text(latent: Latent) -> dict[str, str]:
    """The latent as a picture's text: its lineage, and its styles where seed and label alone do not give them."""
    lineage = told(latent.lineage)
    if is_of_seed(latent.lineage):
        return {"lineage": lineage}
    packed = zlib.compress(np.ascontiguousarray(latent.styles, "<f4").tobytes(), 9)
    return {"lineage": lineage, "styles": base64.b64encode(packed).decode("ascii")}


def told(lineage: dict[str, Any]) -> str:
    """The lineage as JSON. It doubles with every generation that is bred, so of long ones the oldest are left out."""
    text = ""
    for generations in range(1, MOST_GENERATIONS + 1):  # one by one, as the next may be twice as long
        longer = json.dumps(pruned(lineage, generations), ensure_ascii=False, separators=(",", ":"))
        if longer == text or (text and len(longer) > MOST_TOLD):
            break
        text = longer
    return text


def pruned(lineage: Any, generations: int) -> Any:
    """No more than so many generations of a lineage."""
    if isinstance(lineage, list):
        return [pruned(one, generations) for one in lineage]
    if not isinstance(lineage, dict):
        return lineage
    if generations == 0:
        return {"left out": "earlier generations"}
    return {key: pruned(value, generations - 1) if key in ("of", "with") else value for key, value in lineage.items()}


def from_text(text: dict[str, str], drawer: Drawer, where: str) -> Latent:
    """`to_text` backwards, for the same model. Nothing in `text` is trusted.

    Raises DataError when there is no lineage, or it is damaged or of a model of another shape.
    """
    if "lineage" not in text and "seed" not in text:
        raise DataError(f"{where} does not say what it was drawn from. Enter it as a picture: --invert {where}")
    lineage = _lineage(text, where)
    generator, width = generator_of(drawer), drawer.styles([0]).shape[2]
    most = len(generator.resolutions) if generator.steers else MOST_TERMS
    if "styles" not in text or is_of_seed(lineage):
        return _of_lineage(lineage, drawer, where)
    try:
        packed = base64.b64decode(text["styles"][:MOST_BYTES], validate=True)
        raw = zlib.decompressobj().decompress(packed, 4 * most * width + 1)
    except (binascii.Error, zlib.error, ValueError):
        raise DataError(f"{where}: its styles are damaged.") from None
    layers, left = divmod(len(raw), 4 * width)
    if left or layers == 0 or layers > most or (generator.steers and layers < most):
        raise DataError(f"{where} was drawn by a model of another shape than {drawer.name}.")
    styles = np.frombuffer(raw, "<f4").reshape(layers, width).astype(np.float32)
    if not np.isfinite(styles).all() or not generator.can_draw(torch.from_numpy(styles)):
        raise DataError(f"{where}: its styles are damaged.")
    label = text.get("label")
    return Latent(styles, label if label in drawer.labels else None, lineage)


def _lineage(text: dict[str, str], where: str) -> dict[str, Any]:
    if "lineage" not in text:  # of ganvas before 0.2
        return {key: text[key] for key in ("seed", "truncation", "label") if key in text}
    try:
        lineage = json.loads(text["lineage"][:MOST_BYTES])
    except (ValueError, RecursionError):
        raise DataError(f"{where}: its lineage is damaged.") from None
    if not isinstance(lineage, dict):
        raise DataError(f"{where}: its lineage is damaged.")
    return lineage


def _of_lineage(lineage: dict[str, Any], drawer: Drawer, where: str) -> Latent:
    """The latent of a seed."""
    try:
        seed, truncation = int(lineage["seed"]), float(lineage.get("truncation", 1.0))
        prompt = prompt_of(lineage)
    except (KeyError, TypeError, ValueError, OverflowError, UsageError):
        raise DataError(f"{where}: its lineage is damaged.") from None
    unnamed = "none" if prompt is None and (drawer.labels or drawer.config.captions) else None
    (latent,) = of_seeds(drawer, [seed], lineage.get("label", unnamed), truncation, prompt)
    return latent
