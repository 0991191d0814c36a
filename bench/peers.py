"""The peers of bench/quality.py: other ways to learn from the same pictures, each as its paper has it.

A peer is a frozen dataclass of its settings, found by name in `PEERS`; it makes its two nets (peer_nets.py) and its
two losses. A `Match` is a peer at play. Formulas that the library has tested (games, penalties, the average of G) are
the library's. All peers get what costs a user nothing: fused Adam, and freed memory that stays at hand.

Peers differ from their papers where a small grey picture or a CPU asks for it; each docstring says how.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import peer_nets as nets  # pyrefly: ignore[missing-import]
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam

from ganvas.dataset import Dataset
from ganvas.losses import games
from ganvas.losses.penalties import between, r1_r2, squared_gradient, wgan_gp
from ganvas.tensors import as_floats, seeded
from ganvas.training import ema
from ganvas.training.schedule import cosine, ema_decay

Shape = tuple[int, int, int]
"""(channels, height, width)."""
Nets = tuple[nn.Module, nn.Module]
"""G: (n, latent_dim), (n,) -> pictures. D: pictures, (n,) -> (n,) logits."""
Both = tuple[Tensor, Tensor]
"""Logits (n,) of real and of generated pictures."""

STANDING_BATCHES = 8
"""Batches of works that batch norm's statistics are taken from before works are drawn."""

PEERS: dict[str, type["Peer"]] = {}


def peer(kind: type["Peer"]) -> type["Peer"]:
    """Decorator: makes a peer known by its name."""
    PEERS[kind.name] = kind
    return kind


@dataclass(frozen=True)
class Peer(ABC):
    """Settings, nets and losses. Subclasses are frozen dataclasses whose defaults are what the bench runs."""

    name: ClassVar[str]
    paper: ClassVar[str]
    is_conditional: ClassVar[bool] = False
    """Whether it is told the labels, where there are any."""
    final_lr_share: ClassVar[float] = 1.0
    """To which its learning rates fall along a cosine over the run; below 1, each length is a run of its own."""
    critic_steps: ClassVar[int] = 1
    """Steps of D for one of G."""
    same_fakes: ClassVar[bool] = False
    """Whether G learns from the pictures that D has just learned from."""
    has_average: ClassVar[bool] = False
    """Whether works are drawn by an average of G over its steps."""

    latent_dim: int
    batch_size: int
    learning_rate: float
    betas: tuple[float, float]

    @abstractmethod
    def nets(self, shape: Shape, labels: int) -> Nets:
        """New nets for pictures of this shape and so many labels; 0 for a peer that is not told them."""

    @abstractmethod
    def loss_d(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        """What D minimises, penalties included. real, fake: (n, C, H, W), the latter without a graph."""

    @abstractmethod
    def loss_g(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        """What G minimises. fake: with G's graph."""

    def seen_by_d(self, real: Tensor) -> Tensor:
        """Real pictures as D wants them."""
        return real

    def native(self, works: Tensor, shape: Shape) -> Tensor:
        """Works in the size of the real pictures."""
        return works

    @property
    def anneals(self) -> bool:
        """Whether what it does depends on the length of the run."""
        return self.final_lr_share < 1

    def settings(self) -> dict[str, Any]:
        """All numbers that decide on the run, as JSON has them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()} | {
            "critic_steps": self.critic_steps,
            "final_lr_share": self.final_lr_share,
            "labels": self.is_conditional,
            "average of G": self.has_average,
        }


@peer
@dataclass(frozen=True)
class Dcgan64(Peer):
    """The DCGAN that most people begin with: Radford et al. 2016, as PyTorch's example `dcgan` describes it.

    Pictures are enlarged to 64x64 (antialiased bilinear, as the example's loader does) and works brought back by the
    same filter. Sect. 3 and 4: batch norm in both nets, real and generated pictures in batches of their own, batches of
    128 (the paper's; the example's default is 64), Adam 2e-4 (0.5, 0.999), binary cross-entropy. No labels.
    """

    name: ClassVar[str] = "dcgan64"
    paper: ClassVar[str] = "Radford et al. 2016, sect. 3 and 4; PyTorch's example `dcgan`"
    same_fakes: ClassVar[bool] = True

    latent_dim: int = 100
    batch_size: int = 128
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    width_g: int = 64
    width_d: int = 64

    SIDE_PX: ClassVar[int] = 64

    def nets(self, shape: Shape, labels: int) -> Nets:
        return nets.DcganG(shape[0], self.latent_dim, self.width_g), nets.DcganD(shape[0], self.width_d)

    def loss_d(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        return games.binary_cross_entropy(D(real, label), D(fake, label))

    def loss_g(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        logits = D(fake, label)
        return games.nonsaturating_generator(logits, logits)

    def seen_by_d(self, real: Tensor) -> Tensor:
        return resized(real, self.SIDE_PX, self.SIDE_PX)

    def native(self, works: Tensor, shape: Shape) -> Tensor:
        return resized(works, *shape[1:])


@peer
@dataclass(frozen=True)
class WganGp(Peer):
    """Gulrajani et al. 2017, algorithm 1 with its defaults: lambda 10, five critic steps, Adam 1e-4 (0, 0.9).

    Batches of 64. Nets of DCGAN's shape with 5x5 kernels and without batch norm in the critic (sect. 4, "No critic
    batch normalization"); here without it in G too, as small pictures do not need it. No labels.
    """

    name: ClassVar[str] = "wgan-gp"
    paper: ClassVar[str] = "Gulrajani et al. 2017, algorithm 1 and sect. 4"
    critic_steps: ClassVar[int] = 5

    latent_dim: int = 128
    batch_size: int = 64
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.0, 0.9)
    penalty: float = 10.0
    width: int = 64

    def nets(self, shape: Shape, labels: int) -> Nets:
        return nets.WganG(shape, self.latent_dim, self.width), nets.WganD(shape, self.width)

    def loss_d(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        n = len(real)
        r, f = D(torch.cat([real, fake]), torch.cat([label, label])).chunk(2)
        share = torch.rand(n)
        return games.critic(r, f) + self.penalty * wgan_gp(lambda x: D(x, label), between(real, fake, share))

    def loss_g(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        logits = D(fake, label)
        return games.raise_logit(logits, logits)


@peer
@dataclass(frozen=True)
class SnHinge(Peer):
    """Miyato et al. 2018: the standard CNN of table 3, spectral normalisation of D, hinge losses (eq. 16 and 17).

    Adam 2e-4 (0.5, 0.999), one step of D for one of G: setting C of table 1, which suits this net in fig. 1. Batches of
    64. Labels, where there are any, as in Miyato & Koyama 2018: projection in D, batch norm by label in G.
    """

    name: ClassVar[str] = "sn-hinge"
    paper: ClassVar[str] = "Miyato et al. 2018, tables 1 (C) and 3; Miyato & Koyama 2018, eq. 3"
    is_conditional: ClassVar[bool] = True

    latent_dim: int = 128
    batch_size: int = 64
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    width: int = 64

    def nets(self, shape: Shape, labels: int) -> Nets:
        G = nets.SpectralG(shape, labels, self.latent_dim, self.width)
        return G, nets.SpectralD(shape, labels, self.width)

    def loss_d(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        r, f = D(torch.cat([real, fake]), torch.cat([label, label])).chunk(2)
        return games.hinge_discriminator(r, f)

    def loss_g(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        logits = D(fake, label)
        return games.raise_logit(logits, logits)


@dataclass(frozen=True)
class Relativistic(Peer):
    """What the last two share: softplus(f - r) with R1 and R2 at every step. Huang et al. 2024, eq. 2 and sect. 2."""

    is_conditional: ClassVar[bool] = True
    has_average: ClassVar[bool] = True

    gamma: float
    """Of R1 and of R2."""

    def loss_d(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        pictures = torch.cat([real, fake]).requires_grad_()
        logits = D(pictures, torch.cat([label, label]))
        penalty = r1_r2(squared_gradient(pictures, logits), self.gamma, self.gamma)
        return games.relativistic_discriminator(*logits.chunk(2)) + penalty

    def loss_g(self, D: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Tensor:
        with torch.no_grad():
            r = D(real, label)
        return games.relativistic_generator(r, D(fake, label))


@peer
@dataclass(frozen=True)
class R3gan(Relativistic):
    """R3GAN's shape, scaled down: Huang et al. 2024, sect. 3, configuration E.

    As there: inverted bottlenecks with grouped 3x3 convolutions of 16 channels, leaky ReLU, no normalisation, fix-up,
    bilinear resampling, a stage a resolution, Adam 2e-4 (0, 0.99), labels by projection, an average of G. Ours: widths,
    one block a stage instead of two, batches of 64, gamma 1 and a learning rate that stays (the paper lets learning
    rate, beta_2 and gamma move over thousands of kimg, of which no CPU sees the first hundredth).
    """

    name: ClassVar[str] = "r3gan"
    paper: ClassVar[str] = "Huang et al. 2024, sect. 2 and 3, scaled down"

    latent_dim: int = 64
    batch_size: int = 64
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.0, 0.99)
    gamma: float = 1.0
    widths: tuple[int, ...] = (32, 64, 96, 96)
    """Channels from the pictures' size to an eighth of it."""
    blocks: int = 1
    group: int = 16

    def nets(self, shape: Shape, labels: int) -> Nets:
        arguments = (self.widths, self.blocks, self.group)
        return nets.R3ganG(shape, labels, self.latent_dim, *arguments), nets.R3ganD(shape, labels, *arguments)


@peer
@dataclass(frozen=True)
class RoughTrial(Relativistic):
    """Where ganvas itself began: its first net with the first settings that worked, before anything was tuned.

    Relativistic, gamma 1, Adam (0, 0.99), 2e-3 falling to a tenth along a cosine over the run, batches of 64, labels.
    """

    name: ClassVar[str] = "rough-trial"
    paper: ClassVar[str] = "ganvas, its first rough trial; after Huang et al. 2024"
    final_lr_share: ClassVar[float] = 0.1

    latent_dim: int = 64
    batch_size: int = 64
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.99)
    gamma: float = 1.0
    width: int = 32
    """Channels at half the pictures' resolution; twice as many at each further level, at most four times."""

    def nets(self, shape: Shape, labels: int) -> Nets:
        levels = max(1, int(math.log2(min(shape[1:]) / 4)))
        widths = tuple(self.width * min(2**level, 4) for level in range(levels))
        return nets.RoughG(shape, labels, self.latent_dim, widths), nets.RoughD(shape, labels, widths)


def resized(pictures: Tensor, height: int, width: int) -> Tensor:
    """(n, C, H, W) to another size, bilinear, with antialiasing when it shrinks; in [-1, 1] as before."""
    return F.interpolate(pictures, (height, width), mode="bilinear", antialias=True, align_corners=False)


class Feed:
    """Real pictures in the order of shuffled epochs, with their labels; unlabelled ones have the last number."""

    def __init__(self, dataset: Dataset, indices: np.ndarray, seed: int) -> None:
        self.dataset, self.indices, self.labels = dataset, indices, len(dataset.label_names)
        self._rng = np.random.default_rng(seed)
        self._left = np.empty(0, np.int64)

    def next(self, count: int) -> tuple[Tensor, Tensor]:
        """(count, C, H, W) float32 in [-1, 1], and (count,) in [0, labels]."""
        while len(self._left) < count:
            self._left = np.concatenate([self._left, self._rng.permutation(self.indices)])
        chosen, self._left = self._left[:count], self._left[count:]
        return as_floats(self.dataset.batch(chosen)), self._labels(chosen)

    def some_labels(self, count: int, rng: torch.Generator) -> Tensor:
        """(count,) labels of pictures drawn at random; the order of the epochs stays as it is."""
        return self._labels(self.indices[torch.randint(len(self.indices), (count,), generator=rng).numpy()])

    def _labels(self, chosen: np.ndarray) -> Tensor:
        label = torch.from_numpy(self.dataset.labels[chosen])
        return torch.where(label < 0, self.labels, label)


class Match:
    """A peer at play: nets, optimisers, and how many pictures it has seen. Randomness follows from the seed alone."""

    HALF_LIFE_KIMG: ClassVar[float] = 10.0
    SHARE: ClassVar[float] = 0.05
    """The average's half-life: 10 kimg, and at most 5% of the pictures seen, so that short runs forget their start."""

    def __init__(self, peer: Peer, feed: Feed, shape: Shape, seed: int) -> None:
        torch.manual_seed(seeded(seed, peer.name).initial_seed())
        self.peer, self.feed, self.shape, self.images = peer, feed, shape, 0
        self.labels = feed.labels if peer.is_conditional else 0
        self.G, self.D = peer.nets(shape, self.labels)
        self.average = ema.frozen_copy(self.G) if peer.has_average else None
        self.adam_g, self.adam_d = (
            Adam(net.parameters(), peer.learning_rate, betas=peer.betas, fused=True) for net in (self.G, self.D)
        )

    def step(self, progress: float) -> Tensor:
        """D's steps, then one of G. progress: share of the run behind us.   returns: (2,) the losses of D and G."""
        peer, n = self.peer, self.peer.batch_size
        for adam in (self.adam_g, self.adam_d):
            adam.param_groups[0]["lr"] = peer.learning_rate * cosine(progress, peer.final_lr_share)
        for _ in range(peer.critic_steps - 1):
            self._critic_step()
        real, label, fake, loss_d = self._critic_step()
        self.D.requires_grad_(False)
        if not peer.same_fakes:
            fake = self.G(torch.randn(n, peer.latent_dim), label)
        loss_g = peer.loss_g(self.D, real, fake, label)
        self.adam_g.zero_grad()
        loss_g.backward()
        self.adam_g.step()
        self.D.requires_grad_(True)
        if self.average is not None:
            decay = ema_decay(self.images, n, self.HALF_LIFE_KIMG, self.SHARE)
            ema.update(self.average, self.G, decay)
        return torch.stack([loss_d, loss_g.detach()])

    def _critic_step(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One step of D. returns: real pictures, labels, generated pictures, D's loss."""
        peer, n = self.peer, self.peer.batch_size
        real, label = self.feed.next(n)
        real = peer.seen_by_d(real)
        with torch.set_grad_enabled(peer.same_fakes):
            fake = self.G(torch.randn(n, peer.latent_dim), label)
        loss = peer.loss_d(self.D, real, fake.detach(), label)
        self.adam_d.zero_grad()
        loss.backward()
        self.adam_d.step()
        self.images += n
        return real, label, fake, loss.detach()

    def parameters(self) -> dict[str, int]:
        """Of either net."""
        return {key: sum(p.numel() for p in net.parameters()) for key, net in (("G", self.G), ("D", self.D))}

    def drawer(self) -> Callable[[Tensor, Tensor], Tensor]:
        """What draws works as G is now: z (n, latent_dim), label (n,) in [0, labels] -> (n, C, H, W), native size.

        By the average, if there is one. Batch norm gets the statistics of fresh works, as those that run along lag
        behind a young G: "standing statistics", Brock et al. 2019, sect. 4.1. Training goes on as if nothing had been.
        """
        G = ema.frozen_copy(self.G if self.average is None else self.average)
        norms = [layer for layer in G.modules() if isinstance(layer, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
            norm.train()
        n, rng = self.peer.batch_size, torch.Generator().manual_seed(self.images)
        with torch.inference_mode():
            for _ in range(STANDING_BATCHES if norms else 0):
                label = self.feed.some_labels(n, rng)
                G(torch.randn(n, self.peer.latent_dim, generator=rng), label)
        G.eval()

        def draw(z: Tensor, label: Tensor) -> Tensor:
            with torch.inference_mode():
                return self.peer.native(G(z, label), self.shape)

        return draw
