"""The five games. With r = D(real) and f = D(fake), both logits of shape (n,), real and fake paired by label.

Each game has a loss for D and one for G; both are averages over the batch in nats (hinge and wasserstein: in logits),
and both nets minimise theirs. `level` is the logit at which D says "I cannot tell" where the game fixes one; None
where only differences of logits mean anything, so that a logit alone tells nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ..registry import games

Loss = Callable[[Tensor, Tensor], Tensor]
"""(real, fake): (n,) logits each -> () the loss that the net minimises."""


@dataclass(frozen=True)
class Game:
    """A loss for each of the two players."""

    discriminator: Loss
    generator: Loss
    level: float | None = 0.0
    uses_real_in_generator: bool = False
    """Whether G's loss looks at D(real), which then must be computed in G's step."""


def binary_cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))) for D(x) = sigmoid(logit): minus the value V(D, G).

    Goodfellow et al. 2014, eq. 1.
    """
    return (F.softplus(-real) + F.softplus(fake)).mean()


def saturating(real: Tensor, fake: Tensor) -> Tensor:
    """log(1 - D(G(z))): what G minimises in the minimax game. Goodfellow et al. 2014, eq. 1."""
    return -F.softplus(fake).mean()


def nonsaturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(G(z)): a stronger gradient while D wins. Goodfellow et al. 2014, sect. 3."""
    return F.softplus(-fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - r) + max(0, 1 + f). Miyato et al. 2018, eq. 16."""
    return (F.relu(1 - real) + F.relu(1 + fake)).mean()


def critic(real: Tensor, fake: Tensor) -> Tensor:
    """f - r: minus the estimate of the Wasserstein distance. Arjovsky et al. 2017, eq. 2."""
    return (fake - real).mean()


def raise_logit(real: Tensor, fake: Tensor) -> Tensor:
    """-f: G's part of the hinge game (Miyato et al. 2018, eq. 17) and of the Wasserstein game."""
    return -fake.mean()


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """How much more real than its pair each work looks: softplus(f - r); D makes it small.

    Jolicoeur-Martineau 2018, eq. 7; Huang et al. 2024 (R3GAN), eq. 2.
    """
    return F.softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(r - f): the same game with the roles exchanged. Jolicoeur-Martineau 2018, eq. 8."""
    return F.softplus(real - fake).mean()


@games.register("minimax")
def minimax() -> Game:
    """Goodfellow et al. 2014, eq. 1, as written: G's gradient vanishes while D wins."""
    return Game(binary_cross_entropy, saturating)


@games.register("nonsaturating")
def nonsaturating() -> Game:
    """Goodfellow et al. 2014, sect. 3."""
    return Game(binary_cross_entropy, nonsaturating_generator)


@games.register("hinge")
def hinge() -> Game:
    """Miyato et al. 2018."""
    return Game(hinge_discriminator, raise_logit)


@games.register("wasserstein")
def wasserstein() -> Game:
    """Arjovsky et al. 2017; needs a gradient penalty to keep D Lipschitz (Gulrajani et al. 2017)."""
    return Game(critic, raise_logit, level=None)


@games.register("relativistic")
def relativistic() -> Game:
    """Jolicoeur-Martineau 2018, with R1 and R2 after Huang et al. 2024."""
    return Game(relativistic_discriminator, relativistic_generator, level=None, uses_real_in_generator=True)
