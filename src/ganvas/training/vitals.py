"""What the doctor measures: a few dozen works of the average and of G beside a few hundred pictures.

Nothing here changes the run: the nets are only looked at, and all that is random follows from the run's seed.
Pictures are compared by their pixels, shrunk to `SIDE_PX`: coarse, but cheap, and enough to tell a collapse.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite, nan

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..dataset import Dataset
from ..losses.games import Game
from ..run_config import RunConfig
from ..tensors import as_floats, seeded
from . import ema
from .players import Players

WORKS = 64
"""Works of the average, and as many of G."""
PICTURES = 256
"""Training pictures that works are compared with, and the most held-out ones that D is asked about."""
SIDE_PX = 16
"""Pictures are shrunk by a whole factor until no side is longer."""
NEIGHBOURS = 5
"""A picture is covered when a work is nearer to it than its NEIGHBOURS-th nearest other picture."""
NEAR = 0.25
"""Works are duplicates when they are nearer than this share of a picture's typical distance to its nearest other."""
TOLERATED = 1.1
"""Pixels beyond +-1.1 are out of range: the ends of the range are +-1."""
FEWEST_PAIRS = 30
"""Pairs of works with the same label, below which the diversity within labels is not told."""
HALFWAY = 0.5
"""A near-copy's distance from a training picture, at most, over the median of new pictures."""
KNOWN = 512
"""Training pictures among which a work's nearest is looked for."""
FEWEST_KNOWN, FEWEST_NEW = 3, 30
"""Training pictures, below which nothing is told of copies; and held-out ones that tell how far new pictures are. With
fewer of these each training picture is a new one to the others."""
FEWEST_HELD_OUT = 3
FEWEST_OF_LABEL = 5


@dataclass(frozen=True)
class Vitals:
    """What one check has found; docs/doctor.md says more. NaN is what cannot be told, infinity too."""

    images: int
    """Pictures that the run has seen."""
    progress: float
    """Share of the run's length, in [0, 1]."""
    coverage: float
    """Share of the pictures with a work in their neighbourhood, in [0, 1]. Naeem et al. 2020, eq. 9."""
    diversity: float
    """Mean distance of two works over that of two pictures."""
    diversity_within: float
    """The same, of works and pictures of one label; NaN without labels."""
    labels: float
    """How much of the pictures' label histogram the works fill, in [0, 1]; a work's label is its nearest picture's."""
    duplicates: float
    """Share of the works that are almost another work. After the birthday test of Arora & Zhang 2017.

    NaN for fewer than PICTURES training pictures, as of few pictures some works must be alike.
    """
    copying: float
    """How far a work is from its nearest training picture, over how far a new picture is; medians. 0: copies."""
    near_copies: float
    """Share of the works that are near-copies of a training picture, beyond the share of new pictures that are.

    Near is less than HALFWAY as far as new pictures usually are. 0: no more than of new pictures, 1: all.
    """
    outside: float
    """Share of the works' pixels out of range."""
    distance: float
    """Energy distance of works and pictures over the pictures' mean distance; Szekely & Rizzo 2013, eq. 6."""
    overfitting: float
    """r_v = (E D(train) - E D(held out)) / (E D(train) - E D(G(z))), with G's works. Karras et al. 2020, eq. 1."""
    overfitting_error: float
    """Standard error of r_v's numerator over its denominator."""
    sign: float
    """Share of pairs, a picture and G's work of the same label, of which D takes the picture for more real."""
    margin: float
    """E D(x) - D(G(z)), in logits."""
    pull: float
    """How much D still learns from such pairs: its loss's gradient over that when it cannot tell; 0: nothing."""
    gradient_real: float
    """Mean length of D's gradient with regard to a picture."""
    gradient_fake: float
    """The same, with regard to a work of G."""


class Probe:
    """Takes the vitals. Always the same latents, labels and pictures, so that checks can be compared.

    train, held_out: indices of works of `dataset`.
    """

    def __init__(
        self, config: RunConfig, dataset: Dataset, train: np.ndarray, held_out: np.ndarray, device: torch.device
    ) -> None:
        rng = seeded(config.seed, "doctor")
        self.device, self.names, self.tones = device, len(config.label_names), config.recipe.tones
        self.kinds = len(dataset.label_names)
        order = train[torch.randperm(len(train), generator=rng).numpy()]
        chosen = order[:PICTURES]
        kept = held_out[torch.randperm(len(held_out), generator=rng)[:PICTURES].numpy()]
        self.z = torch.randn(WORKS, config.recipe.latent_dim, generator=rng).to(device)
        self.pictures, self.label = self._of(dataset, chosen)
        self.held_out, self.held_out_label = self._of(dataset, kept)
        self.pairs = torch.arange(WORKS) % len(chosen)
        """The picture that each work is paired with; its label is the work's."""
        self.kind = torch.from_numpy(dataset.labels[chosen]).clamp(min=-1).to(device)
        """Also of a run that ignores the labels; -1: none."""
        self.many = len(train) >= PICTURES
        self.seen = shrunk(self.pictures)
        self.apart = distances(self.seen, self.seen)
        nearest = self.apart.masked_fill(torch.eye(len(chosen), dtype=torch.bool, device=device), inf).sort(dim=1)[0]
        self.reach = nearest[:, min(NEIGHBOURS, max(len(chosen) - 1, 1)) - 1]
        self.typical = nearest[:, 0].median()
        self.known = torch.cat([self.seen, *self._shrunk_of(dataset, order[PICTURES:KNOWN])])
        self.new = self._distances_of_new()
        """(n,) How far pictures that no net has learned from are from the nearest training picture."""

    def take(self, players: Players, average: nn.Module, images: int, progress: float) -> Vitals:
        """Looks at the nets as they are now; their weights, statistics and gradients stay as they were."""
        label = self.label[self.pairs]
        with torch.no_grad():
            works = average(self.z, label)
            G = ema.frozen_copy(players.bare_G).train(players.bare_G.training)  # a batch's statistics move on a copy
            fake = G(self.z, label).float()
        found = {**self._of_works(works, label), **self._of_players(players, fake, label)}
        return Vitals(images, progress, **{name: value if isfinite(value) else nan for name, value in found.items()})

    def floor(self) -> float:
        """The energy distance that as many held-out pictures would have; NaN where there are too few."""
        if len(self.held_out) < WORKS:
            return nan
        return energy_distance(shrunk(self.held_out[:WORKS]), self.seen, self.apart)

    def _of(self, dataset: Dataset, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
        label = torch.from_numpy(dataset.labels[chosen]) if self.names else torch.zeros(len(chosen), dtype=torch.long)
        label = torch.where(label < 0, self.names, label)
        return as_floats(dataset.batch(chosen), self.device, self.tones), label.to(self.device)

    def _shrunk_of(self, dataset: Dataset, chosen: np.ndarray) -> Iterator[Tensor]:
        """A few at a time, as they are large before they are shrunk."""
        for start in range(0, len(chosen), WORKS):
            yield shrunk(self._of(dataset, chosen[start : start + WORKS])[0])

    def _of_works(self, works: Tensor, label: Tensor) -> dict[str, float]:
        seen = shrunk(works)
        apart, to_pictures = distances(seen, seen), distances(seen, self.seen)
        others = apart.masked_fill(torch.eye(len(apart), dtype=torch.bool, device=self.device), inf)
        within = [of_one_label(matrix, of) for matrix, of in ((apart, label), (self.apart, self.label))]
        return {
            "coverage": (to_pictures < self.reach).any(dim=0).float().mean().item(),
            "diversity": ratio(mean_of_pairs(apart), mean_of_pairs(self.apart)),
            "diversity_within": ratio(*within) if self.names > 1 else nan,
            "labels": self._label_overlap(to_pictures),
            "duplicates": (others.min(dim=1)[0] < NEAR * self.typical).float().mean().item() if self.many else nan,
            **self._copies(seen),
            "outside": (works.abs() > TOLERATED).float().mean().item(),
            "distance": energy_distance(seen, self.seen, self.apart),
        }

    def _distances_of_new(self) -> Tensor:
        if len(self.held_out) >= FEWEST_NEW:
            return distances(shrunk(self.held_out), self.known).min(dim=1)[0]
        others = distances(self.seen, self.known)
        others.fill_diagonal_(inf)
        return others.min(dim=1)[0]

    def _copies(self, seen: Tensor) -> dict[str, float]:
        usual = self.new.median().item()
        if len(self.known) < FEWEST_KNOWN or usual == 0:
            return {"copying": nan, "near_copies": nan}
        works = distances(seen, self.known).min(dim=1)[0]
        near, of_new = ((one < HALFWAY * usual).float().mean().item() for one in (works, self.new))
        # Of a collection that has pictures in pairs or series, some new ones are near, too.
        return {"copying": works.median().item() / usual, "near_copies": max(0.0, (near - of_new) / (1 - of_new))}

    def _label_overlap(self, to_pictures: Tensor) -> float:
        if self.kinds < 2:
            return nan
        read = self.kind[to_pictures.min(dim=1)[1]]
        shares = [torch.bincount(part + 1, minlength=self.kinds + 1) / len(part) for part in (read, self.kind)]
        return torch.minimum(*shares).sum().item()

    def _of_players(self, players: Players, fake: Tensor, label: Tensor) -> dict[str, float]:
        D = players.bare_D
        asked = torch.cat([self.pictures[self.pairs], fake]).requires_grad_()
        with torch.enable_grad():
            logits = D(asked, torch.cat([label, label])).float()
            (gradient,) = torch.autograd.grad(logits.sum(), asked)
        lengths = gradient.float().flatten(1).norm(dim=1)
        real, made = logits.detach().chunk(2)
        with torch.no_grad():
            train = D(self.pictures, self.label).float()
            kept = D(self.held_out, self.held_out_label).float() if len(self.held_out) else train[:0]
        asked_of = ((train, self.label), (kept, self.held_out_label), (made, label))
        r_v, error = overfitting(*(levelled(*one, train, self.label) for one in asked_of))
        return {
            "overfitting": r_v,
            "overfitting_error": error,
            "sign": (real > made).float().mean().item(),
            "margin": (real - made).mean().item(),
            "pull": pull(players.game, real, made),
            "gradient_real": lengths[:WORKS].mean().item(),
            "gradient_fake": lengths[WORKS:].mean().item(),
        }


def shrunk(pictures: Tensor) -> Tensor:
    """(n, C, H, W) -> (n, pixels), as people see them: in [-1, 1], and small."""
    factor = -(-max(pictures.shape[2:]) // SIDE_PX)
    return F.avg_pool2d(pictures.float().clamp(-1, 1), factor, ceil_mode=True, count_include_pad=False).flatten(1)


def distances(a: Tensor, b: Tensor) -> Tensor:
    """(n, d), (m, d) -> (n, m) Euclidean; exact also for what is almost the same."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def ratio(works: float, pictures: float) -> float:
    """NaN where pictures do not differ."""
    return works / pictures if pictures else nan


def mean_of_pairs(apart: Tensor) -> float:
    """The mean off the diagonal of (n, n) distances; NaN for n < 2."""
    n = len(apart)
    return (apart.sum() / (n * (n - 1))).item() if n > 1 else nan


def of_one_label(apart: Tensor, label: Tensor) -> float:
    """The mean distance of pairs with the same label; NaN when there are too few."""
    same = label[:, None] == label[None]
    same.fill_diagonal_(False)
    return apart[same].mean().item() if int(same.sum()) >= 2 * FEWEST_PAIRS else nan


def energy_distance(works: Tensor, pictures: Tensor, apart: Tensor) -> float:
    """(2 E|x - y| - E|x - x'| - E|y - y'|) / E|y - y'|, without bias, so that it may be a little below 0.

    works: (n, d) x;   pictures: (m, d) y;   apart: (m, m) distances of the pictures.
    """
    spread = mean_of_pairs(apart)
    across = distances(works, pictures).mean().item()
    return (2 * across - mean_of_pairs(distances(works, works)) - spread) / spread if spread else nan


def overfitting(train: Tensor, held_out: Tensor, fake: Tensor) -> tuple[float, float]:
    """D's logits on each -> r_v and the standard error of its numerator over its denominator; NaN where it has none."""
    gap = (train.mean() - fake.mean()).item()
    if len(held_out) < FEWEST_HELD_OUT or len(train) < 2 or not gap > 0:
        return nan, nan
    error = (train.var() / len(train) + held_out.var() / len(held_out)).sqrt().item()
    return (train.mean() - held_out.mean()).item() / gap, error / gap


def levelled(logits: Tensor, label: Tensor, known: Tensor, known_label: Tensor) -> Tensor:
    """Logits less the mean logit of training pictures of the same label: a label may have a level of its own in D.

    The relativistic game, whose pairs have the same label, leaves these levels free; other games do not use them alike.

    logits, label: (n,);   known, known_label: (m,) of training pictures. Labels with too few of them share a level.
    """
    names = int(torch.cat([label, known_label]).max()) + 1
    counts = torch.bincount(known_label, minlength=names)
    sums = torch.zeros(names, device=known.device).index_add(0, known_label, known)
    rare = counts < FEWEST_OF_LABEL
    rest = rare[known_label]
    shared = known[rest].mean() if bool(rest.any()) else known.mean()
    return logits - torch.where(rare, shared, sums / counts.clamp(min=1))[label]


def pull(game: Game, real: Tensor, fake: Tensor) -> float:
    """The size of the gradient of D's loss in its logits, over that at logits of 0, where it cannot tell.

    Logistic games: about 2 sigmoid(f - r), which fades as D wins. Hinge: the share of logits within the margin.
    Wasserstein: 1 always, as that D never stops to learn.
    """

    def size(*logits: Tensor) -> float:
        asked = [logit.detach().requires_grad_() for logit in logits]
        with torch.enable_grad():
            gradients = torch.autograd.grad(game.discriminator(*asked), asked)
        return sum(gradient.abs().sum().item() for gradient in gradients)

    return size(real, fake) / size(torch.zeros_like(real), torch.zeros_like(fake))
