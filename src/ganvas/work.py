"""`Work`: a picture that knows how it came about."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from . import __version__
from .explore.directions import Direction, steered
from .explore.latent import Latent, is_of_seed, prompt_of, to_text
from .explore.store import pick
from .pictures import save_png, to_image

if TYPE_CHECKING:
    from .model import Model


@dataclass(frozen=True, eq=False)
class Work:
    """A picture that a model drew, and all that is needed to draw it again."""

    pixels: np.ndarray
    """(H, W, C) uint8."""
    latent: Latent
    """What it was drawn from, and how that was made."""
    model: "Model"

    @property
    def image(self) -> Image.Image:
        """As a Pillow image."""
        return to_image(self.pixels)

    @property
    def seed(self) -> int | None:
        """None for a work that was steered, mixed or otherwise made of others."""
        return self.latent.lineage["seed"] if is_of_seed(self.latent.lineage) else None

    @property
    def label(self) -> str | None:
        """What it was asked to be."""
        return self.latent.label

    @property
    def warnings(self) -> list[str]:
        """What of the words it was asked by the model does not understand."""
        prompt = prompt_of(self.latent.lineage)
        config = self.model.config
        return [] if prompt is None else prompt.warnings(config.words, config.text_encoder is not None)

    def steer(self, direction: Direction | str, amount: float) -> "Work":
        """The work, so much further along a direction: one of `Model.directions`, or its name.

        amount: in deviations among works; -3 to 3 is usual. Raises UnknownName, UsageError.
        """
        assert self.model.steered  # raises where there is nothing to steer
        if isinstance(direction, str):
            direction = pick(self.model.known_directions(), direction)
        return self.model.draw([steered(self.latent, direction, amount)])[0]

    def text(self) -> dict[str, str]:
        """What the PNG carries as text."""
        lineage, model = self.latent.lineage, self.model
        seed = {} if self.seed is None else {"seed": str(self.seed), "truncation": f"{lineage['truncation']:g}"}
        label = {} if self.label is None else {"label": self.label}
        return {
            "Software": f"ganvas {__version__}",
            "run": model.name,
            "recipe": model.recipe,
            "kimg": f"{model.kimg:.3f}",
            "generator": model.fingerprint,
            **seed,
            **label,
            **to_text(self.latent),
        }

    def save(self, path: str | Path) -> Path:
        """Writes a PNG that carries run, recipe, label and lineage as text, so that it can be drawn again from its
        file alone (`Model.like`). Raises StorageError."""
        save_png(self.image, Path(path), self.text())
        return Path(path)

    def _repr_png_(self) -> bytes:
        """Shown by notebooks."""
        buffer = BytesIO()
        self.image.save(buffer, "PNG")
        return buffer.getvalue()


@dataclass(frozen=True, eq=False)
class Inverted:
    """A picture of somebody's as a model draws it."""

    work: Work
    error: float
    """How far the work is from the picture: root of the mean squared difference of levels, from 0 to 1."""
    warning: str | None
    """A sentence when that is farther than what such pictures usually are."""
    picture: np.ndarray
    """(H, W, C) uint8: the picture itself, brought to the works' size and colours."""
