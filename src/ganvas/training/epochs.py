"""After an epoch: D's loss and accuracies on held-out pictures against works of the average, as the article does."""

import numpy as np
import torch
from torch import Tensor, nn

from ..dataset import Dataset
from ..run_config import RunConfig
from ..tensors import as_floats, seeded
from .players import Players
from .step import accuracies

WORKS = 1000
"""Most held-out pictures, and as many works, that are looked at."""
AT_A_TIME = 100


@torch.no_grad()
def held_out_scores(
    config: RunConfig, dataset: Dataset, held_out: np.ndarray, players: Players, average: nn.Module, epoch: int
) -> tuple[float, Tensor]:
    """D's loss, and (2,) its accuracies on pictures and works, in [0, 1]. held_out: indices of works of `dataset`."""
    labels, device = len(config.label_names), players.accelerator.device
    spread = held_out[np.linspace(0, len(held_out) - 1, min(WORKS, len(held_out))).astype(int)]  # they lie by label
    rng = seeded(config.seed, "evaluation", epoch)
    D, judged = players.bare_D, []
    for chosen in np.array_split(spread, -(-len(spread) // AT_A_TIME)):
        label = torch.from_numpy(dataset.labels[chosen])
        label = torch.where(label < 0, labels, label) if labels else torch.zeros_like(label)
        label = label.to(device)
        fake = average(torch.randn(len(chosen), config.recipe.latent_dim, generator=rng).to(device), label)
        real = as_floats(dataset.batch(chosen), device, config.recipe.tones)
        judged.append((D(real, label), D(fake, label)))
    real, fake = (torch.cat(part) for part in zip(*judged, strict=True))
    return players.game.discriminator(real, fake).item(), accuracies(players.game, real, fake)
