"""The same latents drawn again and again while G learns."""

from pathlib import Path

import torch
from torch import nn

from ..config import Recipe
from ..pictures import GAP, grid, save_animation, save_png, scale_for, strip
from ..prompts import rows
from ..runs import Run, kimg_of
from ..tensors import seeded, to_uint8

COUNT = 24
"""Previews after the first one, the last included."""
COLUMNS, ROWS = 10, 6
FEW_ROWS = 2
"""Of works that are written code by code, which takes long."""
STRIP_ROWS = 10
CELL_PX = 56
"""About how large a work appears in a preview."""


def due(progress: float) -> int:
    """How many previews should have been drawn by now; they come closer together early, when much changes."""
    return int(COUNT * progress**0.6)


class Previews:
    """Draws and keeps a run's previews; with labels, or captions, a column for each."""

    def __init__(self, run: Run, recipe: Recipe, device: torch.device) -> None:
        self.run = run
        self.tones = recipe.tones
        labels = len(run.config.label_names)
        count = COLUMNS * (FEW_ROWS if recipe.net.tokenizes else ROWS)
        self.z = torch.randn(count, recipe.latent_dim, generator=seeded(run.config.seed, "preview")).to(device)
        by_column = torch.arange(count) % COLUMNS % max(labels, 1)
        label = by_column if labels else torch.zeros(count, dtype=torch.long)
        if told := run.config.captions[:COLUMNS]:
            columns = [told[number % COLUMNS % len(told)] for number in range(count)]
            label = rows(
                torch.tensor([of for _, of in columns]), [text for text, _ in columns], run.config.text_encoder
            )
        self.label = label.to(device)
        self.scale = scale_for(run.config.shape[1], CELL_PX)

    @torch.no_grad()
    def draw(self, average: nn.Module, images: int) -> Path:
        """A grid of works by the averaged generator, after `images` pictures."""
        path = self.run.preview_path(images)
        save_png(grid(to_uint8(average(self.z, self.label), self.tones), COLUMNS, self.scale), path)
        return path

    def over_time(self) -> None:
        """strip.png and previews.webp in the run folder, out of all previews."""
        paths = self.run.previews()
        picked = [paths[round(i * (len(paths) - 1) / (STRIP_ROWS - 1))] for i in range(STRIP_ROWS)]
        frames = [(f"{kimg_of(path):.1f} kimg", path) for path in dict.fromkeys(picked)]
        row_px = self.run.config.shape[1] * self.scale + GAP
        save_png(strip(frames, row_px), self.run.folder / "strip.png")
        save_animation(paths, self.run.folder / "previews.webp")
