"""How far a run is, and what follows from it: everything anneals to the length that the user gave."""

import math
from dataclasses import dataclass

from ..config import Budget


@dataclass(frozen=True)
class Schedule:
    """Progress through a run that is given by time or by pictures."""

    budget: Budget
    images_per_epoch: int

    def progress(self, images: int, seconds: float) -> float:
        """Share of the run behind us, in [0, 1], after `images` pictures and `seconds` of training in all sittings."""
        total = self.budget.total_images(self.images_per_epoch)
        behind = seconds / (60 * self.budget.amount) if total is None else images / total
        return min(1.0, behind)

    def seconds_left(self, images: int, seconds: float, rate: float) -> float:
        """Estimate, from `rate` pictures a second; exact for a length in minutes."""
        total = self.budget.total_images(self.images_per_epoch)
        left = 60 * self.budget.amount - seconds if total is None else (total - images) / max(rate, 1e-9)
        return max(0.0, left)


def cosine(progress: float, final_share: float) -> float:
    """1 at the start, `final_share` at the end, along half a cosine. Loshchilov & Hutter 2017, eq. 5."""
    return final_share + (1 - final_share) * (1 + math.cos(math.pi * progress)) / 2


def warm_up(images: int, warm_up_kimg: float) -> float:
    """Share of the learning rate after `images` pictures: rises from 0 to 1 over the first thousands.

    Adam's second moments are guesses at first, and nets that start in step with each other can run away together.
    """
    return min(1.0, (images + 1) / (1000 * warm_up_kimg)) if warm_up_kimg > 0 else 1.0


SEEN_PER_PICTURE = 1000
"""Pictures seen before a batch holds one more."""


def batch_size(progress: float, images: int, start: int, growth: int) -> int:
    """Pictures a step after `images` of them: whole multiples of `start`, growing at an even rate to `growth` times it.

    A larger batch's slope is less noisy, which at the end of a run does what a lower learning rate does, and the
    machine takes more pictures a second. Smith et al. 2018, "Don't decay the learning rate, increase the batch size".
    Never above a thousandth of what was seen: in the first minute, and in runs that are no longer, steps count.
    """
    most = images // (SEEN_PER_PICTURE * start)
    return start * max(1, min(round(growth**progress), most))


def ema_decay(images: int, batch_size: int, half_life_kimg: float, share: float) -> float:
    """What the averaged generator keeps of itself at a step, after `images` pictures.

    A half-life of `half_life_kimg`, but never above `share` of the pictures seen, so that even a run of a few
    thousand pictures has forgotten its untrained start. 0 at the first step.
    """
    half_life = min(1000 * half_life_kimg, share * images)
    return 0.5 ** (batch_size / half_life) if half_life > 0 else 0.0
