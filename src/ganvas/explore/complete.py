"""Pictures of somebody's gone on with: a half is given, the model writes the rest. For nets that write codes."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from ..config import check
from ..drawing import Drawer
from ..errors import UsageError
from ..nets.tokens import TokensGenerator
from ..tensors import as_floats
from .latent import Latent

Keep = Literal["top", "left"]
"""The half that is given. Codes are written line by line, so what is above, or to the left, is known in time."""


def completions(drawer: Drawer, picture: np.ndarray, name: str, keep: Keep, latents: Sequence[Latent]) -> list[Latent]:
    """The latents with the picture's half in the place of what they would have drawn there.

    picture: (H, W, C) uint8, as works are.   name: for lineage.   Raises UsageError for nets that write no codes.
    """
    generator = drawer.generator
    if not isinstance(generator, TokensGenerator):
        raise UsageError(f"{drawer.name} draws works as a whole; only recipe 'tokens' completes pictures.")
    check(keep in ("top", "left"), "keep", keep, "top or left")
    height, width = generator.size
    kept = torch.zeros(height, width, dtype=torch.bool)
    if keep == "top":
        kept[: height // 2] = True
    else:
        kept[:, : width // 2] = True
    with torch.inference_mode():
        real = as_floats(picture[None].copy(), drawer.device, drawer.config.recipe.tones)
        codes = generator.codes(real).cpu()
        styles = torch.from_numpy(np.stack([one.styles for one in latents]))
        found = generator.given(styles, codes, kept.flatten()).numpy()
    how = {"complete": keep, "picture": name}
    return [Latent(made, one.label, {**how, "of": one.lineage}) for made, one in zip(found, latents, strict=True)]
