"""The games proved where the answer is known: two densities, 25 Gaussians.

    python bench/toys.py            all, three seeds; results into bench/results/toys.json

Two densities: Goodfellow et al. 2014, proposition 1 says that the best D is p/(p+q), and theorem 1 that the value of
the game is -log 4 when p = q. 25 Gaussians on a grid, after Metz et al. 2017: a G that leaves modes out has collapsed.
"""

import itertools
import json
import math
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from ganvas.losses.games import Game
from ganvas.losses.penalties import r1_r2, squared_gradient
from ganvas.registry import games
from ganvas.training import ema
from ganvas.training.schedule import cosine

RESULTS = Path(__file__).parent / "results" / "toys.json"
SPREAD = 0.05
"""Standard deviation of each Gaussian; their distance is 2."""


def mlp(inputs: int, width: int, outputs: int, layers: int) -> nn.Sequential:
    sizes = [inputs, *[width] * layers]
    hidden = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
    net = nn.Sequential(*hidden, nn.Linear(width, outputs))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, a=0.2)  # keeps the signal; PyTorch's own start lets it fade
    return net


def normal_density(x: Tensor, mean: float, deviation: float) -> Tensor:
    return torch.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


def best_discriminator(p: tuple[float, float], q: tuple[float, float], steps: int, seed: int) -> tuple[float, float]:
    """D trained between samples of two normals (mean, deviation).

    returns: the largest error of sigmoid(D) against p/(p+q) where either density is above 0.02, and the game's value.
    """
    torch.manual_seed(seed)
    game: Game = games.get("minimax")()
    D = mlp(1, 64, 1, 2)
    optimizer = torch.optim.Adam(D.parameters(), 1e-2)
    batch = 4096
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-2 * cosine(step / steps, 0.0)
        real, fake = (mean + deviation * torch.randn(batch, 1) for mean, deviation in (p, q))
        loss = game.discriminator(D(real)[:, 0], D(fake)[:, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = torch.linspace(-6, 6, 601)[:, None]
    p_x, q_x = normal_density(x, *p), normal_density(x, *q)
    with torch.no_grad():
        wrong = (D(x).sigmoid() - p_x / (p_x + q_x)).abs()[(p_x > 0.02) | (q_x > 0.02)].max().item()
        real, fake = (mean + deviation * torch.randn(200_000, 1) for mean, deviation in (p, q))
        value = -game.discriminator(D(real)[:, 0], D(fake)[:, 0]).item()
    return wrong, value


def grid_of_modes(side: int) -> Tensor:
    """(side*side, 2) centres, 2 apart."""
    axis = torch.arange(float(side)) * 2 - (side - 1)
    return torch.cartesian_prod(axis, axis)


def gaussians(modes: Tensor, count: int) -> Tensor:
    """(count, 2) points of Gaussians around the modes."""
    return modes[torch.randint(len(modes), (count,))] + SPREAD * torch.randn(count, 2)


def covered_modes(modes: Tensor, points: Tensor) -> tuple[int, float]:
    """Modes with at least a quarter of their fair share of points within 4 deviations, and the share of such points."""
    distance, nearest = torch.cdist(points, modes).min(dim=1)
    good = nearest[distance < 4 * SPREAD]
    counts = torch.bincount(good, minlength=len(modes))
    return int((counts >= len(points) / len(modes) / 4).sum()), len(good) / len(points)


def play_gaussians(
    seed: int, steps: int, side: int = 5, gamma_start: float = 0.3, batch: int = 256
) -> tuple[int, float]:
    """The relativistic game with R1 and R2 on a grid of Gaussians. returns: as `covered_modes`, of 10,000 points.

    gamma falls to 0.001: D must first lead G to where the modes are, then show how narrow they are.
    """
    torch.manual_seed(seed)
    batch = 256
    game: Game = games.get("relativistic")()
    modes, G, D = grid_of_modes(side), mlp(2, 128, 2, 4), mlp(2, 128, 1, 4)
    average = ema.frozen_copy(G)
    optimizer_g, optimizer_d = (torch.optim.Adam(net.parameters(), betas=(0.0, 0.99), fused=True) for net in (G, D))
    for step in range(steps):
        gamma = gamma_start * (0.001 / gamma_start) ** (step / steps)
        for optimizer in (optimizer_g, optimizer_d):
            optimizer.param_groups[0]["lr"] = 2e-3 * cosine(step / steps, 0.02)
        real = gaussians(modes, batch)
        points = torch.cat([real, G(torch.randn(batch, 2)).detach()])[:, :, None, None].requires_grad_()
        logits = D(points.flatten(1))[:, 0]
        loss = game.discriminator(*logits.chunk(2)) + r1_r2(squared_gradient(points, logits), gamma, gamma)
        optimizer_d.zero_grad()
        loss.backward()
        optimizer_d.step()
        D.requires_grad_(False)
        loss = game.generator(D(real)[:, 0], D(G(torch.randn(batch, 2)))[:, 0])
        optimizer_g.zero_grad()
        loss.backward()
        optimizer_g.step()
        D.requires_grad_(True)
        ema.update(average, G, 0.99)
    return covered_modes(modes, average(torch.randn(10_000, 2)))


def main() -> None:
    torch.set_num_threads(1)
    results: dict[str, object] = {"torch": torch.__version__}
    error, value = best_discriminator((-1.0, 0.7), (1.0, 1.2), steps=600, seed=0)
    _, equal = best_discriminator((0.0, 1.0), (0.0, 1.0), steps=600, seed=0)
    print(f"D against p/(p+q): largest error {error:.4f}; value {value:.4f}")
    print(f"value at equality: {equal:.5f}, -log 4 = {-math.log(4):.5f}")
    results["two densities"] = {"largest error": error, "value at equality": equal, "-log 4": -math.log(4)}
    lost = False
    for seed in range(3):
        start = time.process_time()
        modes, share = play_gaussians(seed, steps=10_000)
        print(f"25 Gaussians, seed {seed}: {modes} modes, {share:.1%} of the points on one", flush=True)
        seconds = time.process_time() - start
        results[f"25 Gaussians, seed {seed}"] = {"modes": modes, "on a mode": share, "cpu seconds": round(seconds, 1)}
        lost = lost or modes < 24
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    sys.exit("Fewer than 24 modes on a seed." if lost else 0)


if __name__ == "__main__":
    main()
