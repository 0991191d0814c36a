"""Modes that works cover, and how evenly, where the modes are known: used by bench/stacked_mnist.py."""

import numpy as np


def modes_and_kl(counts: np.ndarray, real: np.ndarray | None = None) -> tuple[int, float]:
    """Modes with at least one work, and KL(works || real) = sum over modes of p log(p / q), in nats.

    counts: (modes,) works of each mode, p is their shares.   real: (modes,) q or numbers in proportion to it; uniform
    without.   Reverse KL, as in Metz et al. 2017 ("Unrolled GANs", sect. 3.3) and Lin et al. 2018 ("PacGAN",
    sect. 4): a mode left out costs little, one that does not exist costs infinitely much.
    """
    if real is None:
        real = np.ones(len(counts))
    hit = counts > 0
    p, q = counts[hit] / counts.sum(), real[hit] / real.sum()
    with np.errstate(divide="ignore"):
        return int(hit.sum()), float(np.sum(p * np.log(p / q)))


def expected_kl(modes: int, works: int) -> float:
    """KL of as many perfect works, which fall on the modes evenly but by chance: (modes - 1) / (2 works), nearly.

    Twice the number of works times their KL is a log-likelihood ratio, with modes - 1 degrees of freedom (Wilks 1938).
    """
    return (modes - 1) / (2 * works)


def resampled(counts: np.ndarray, replicates: int, real: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Modes and KL, each (replicates,), of bootstrap samples of the works; the same numbers each time."""
    rng = np.random.default_rng(0)
    total = int(counts.sum())
    samples = [modes_and_kl(rng.multinomial(total, counts / total), real) for _ in range(replicates)]
    modes, kl = zip(*samples, strict=True)
    return np.array(modes), np.array(kl)


def mode_numbers(digits: np.ndarray) -> np.ndarray:
    """(n, k) digits of 0 to 9 -> (n,) the number that they write, the first digit foremost: modes 0 to 10**k - 1."""
    return digits @ 10 ** np.arange(digits.shape[1])[::-1]
