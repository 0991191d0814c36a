"""Penalties on D's gradient with regard to the pictures. All need the graph: call them before `backward`.

What is said of (n, C, H, W) pictures holds for (n, numbers) too: what D learns from where it projects pictures.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def slope(pictures: Tensor, logits: Tensor, differentiable: bool = True) -> Tensor:
    """grad_x D(x) at each picture: the change of a pixel that raises D's logit the most.

    pictures: (n, C, H, W) with requires_grad, out of which `logits` (n,) were computed, each from its own picture
    (no batch normalisation in D).   differentiable: in D's weights, which costs as much again.
    returns: (n, C, H, W) float32.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=differentiable, retain_graph=True)
    return gradient.float()


def squared(gradient: Tensor) -> Tensor:
    """(n, C, H, W) slopes -> (n,) ||grad_x D(x)||^2, summed over pixels."""
    return gradient.square().flatten(1).sum(dim=1)


def squared_gradient(pictures: Tensor, logits: Tensor) -> Tensor:
    """||grad_x D(x)||^2 of each picture, as `squared(slope(...))`.   returns: (n,) >= 0, differentiable."""
    return squared(slope(pictures, logits))


def r1_r2(squared: Tensor, r1_gamma: float, r2_gamma: float) -> Tensor:
    """gamma_1/2 * ||grad D||^2 at real pictures plus gamma_2/2 * ||grad D||^2 at generated ones, averaged.

    squared: (2n,) of `squared_gradient`, the first half at real pictures, the second at generated ones.
    Mescheder et al. 2018, eq. 9 (R1) and eq. 10 (R2).
    """
    real, fake = squared.chunk(2)
    return r1_gamma / 2 * real.mean() + r2_gamma / 2 * fake.mean()


def between(real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """Pictures on the straight lines between pairs: share * real + (1 - share) * fake, share uniform in [0, 1].

    real, fake: (n, C, H, W); share: (n,).   Gulrajani et al. 2017, algorithm 1, line 6.
    """
    share = share.view(-1, *[1] * (real.ndim - 1))
    return share * real + (1 - share) * fake


def wgan_gp(discriminator: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """(||grad_x D(x)||_2 - 1)^2, averaged over pictures x between real and generated ones (`between`).

    pictures: (n, C, H, W).   returns: () >= 0.   Gulrajani et al. 2017, eq. 3, without its lambda.
    """
    pictures = pictures.detach().requires_grad_()
    norm = (squared_gradient(pictures, discriminator(pictures)) + 1e-12).sqrt()  # sqrt's slope at 0 is infinite
    return (norm - 1).square().mean()
