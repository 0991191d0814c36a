"""Whether works show what their captions say, measured by a judge that learned from real pictures alone.

The judge is no part of any model: of another architecture and seed, it learns from the training pictures which caption
belongs to which, and is asked about captions of held-out pictures. R-precision: how often, of a hundred captions, the
one that a work was drawn by is the one that suits it best (Xu et al. 2018, sect. 4.1). What real pictures reach is the
ceiling, and what nobody needs a generator for stands beside it.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..dataset import Dataset
from ..drawing import BATCH, Drawer
from ..errors import UsageError
from ..tensors import CPU, as_floats, seeded
from ..words import READ, hashed, words_of

CHOICES = 100
"""Captions that the right one is among, all different; fewer where fewer are."""
MOST = 500
"""Held-out captions asked about."""
FEWEST = 50
PICTURES_SEEN = 60_000
LEARNED_AT_ONCE, LEARNING_RATE = 100, 2e-3
SIDE_PX, DIM, BUCKETS = 32, 96, 8192
REPLICATES = 2000
BY_LABEL = "a training picture of the same label"
LEVEL = 0.95


@dataclass(frozen=True)
class Precision:
    """R-precision of one kind of pictures, in [0, 1], with its 95% interval over captions."""

    what: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Alignment:
    """What was found: the works first, then what they are to be compared with."""

    rows: tuple[Precision, ...]
    above_label: Precision | None
    """How much more the works reach than pictures of the right label; None without labels."""
    captions: int
    choices: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def table(self) -> str:
        lines = [f"R-precision, {self.captions} held-out captions, the right one of {self.choices}:"]
        lines += [f"  {row.what:<46}{row.value:6.1%}  ({row.low:.1%} to {row.high:.1%})" for row in self.rows]
        if self.above_label is not None:
            gain = self.above_label
            told = "more than" if gain.low > 0 else "less than" if gain.high < 0 else "not surely other than"
            by = f"{gain.value:+.1%} ({gain.low:+.1%} to {gain.high:+.1%})"
            lines.append(f"Works are {told} pictures of the right label: {by}")
        return "\n".join(lines)


class Judge(nn.Module):
    """Pictures and captions as vectors of length 1; those that belong together point the same way.

    Radford et al. 2021, fig. 3, of a few layers: convolutions, and a bag of words and of pairs of neighbouring words.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, 32, 64, 96)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in itertools.pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.gather = nn.Linear(96 * 16, 256)
        self.seen = nn.Linear(256, DIM)
        self.bag = nn.EmbeddingBag(BUCKETS, 128, mode="mean", padding_idx=0)
        self.think = nn.Linear(128, 256)
        self.read_out = nn.Linear(256, DIM)
        self.sharpness = nn.Parameter(torch.tensor(math.log(10.0)))

    def see(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) in [-1, 1] -> (n, DIM)."""
        x = F.interpolate(pictures, (SIDE_PX, SIDE_PX), mode="bilinear", antialias=True, align_corners=False)
        for convolve, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.max_pool2d(F.relu(norm(convolve(x))), 2)
        return F.normalize(self.seen(F.relu(self.gather(x.flatten(1)))), dim=1)

    def read(self, captions: Tensor) -> Tensor:
        """(n, 2 READ) of `numbers` -> (n, DIM)."""
        return F.normalize(self.read_out(F.relu(self.think(self.bag(captions)))), dim=1)


def numbers(captions: Sequence[str]) -> Tensor:
    """(n, 2 READ) int64: words, then pairs of neighbours; 0 for nothing."""
    found = torch.zeros(len(captions), 2 * READ, dtype=torch.long)
    for row, caption in enumerate(captions):
        words = words_of(caption)[:READ]
        pairs = [f"{one} {other}" for one, other in itertools.pairwise(words)]
        ids = [hashed(text, BUCKETS) for text in (*words, *pairs)]
        found[row, : len(ids)] = torch.tensor(ids)
    return found


def learn(dataset: Dataset, works: np.ndarray, captions: Sequence[Sequence[str]], seed: int = 1) -> Judge:
    """A judge of these pictures. Contrastive: van den Oord et al. 2018, eq. 4, both ways. The same each time on a CPU.

    works: indices of pictures, each with captions.
    """
    rng = seeded(seed, "alignment")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(rng.initial_seed())
        judge = Judge(dataset.shape[0])
    flat = [text for work in works for text in captions[work]]
    starts = np.cumsum([0, *(len(captions[work]) for work in works)])
    ids = numbers(flat)
    steps = max(1, PICTURES_SEEN // LEARNED_AT_ONCE)
    optimizer = torch.optim.Adam(judge.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps + 1, pct_start=0.1)
    for _ in range(steps):
        chosen = torch.randperm(len(works), generator=rng)[:LEARNED_AT_ONCE].numpy()
        which = torch.rand(len(chosen), generator=rng).numpy()
        texts = ids[starts[chosen] + (which * (starts[chosen + 1] - starts[chosen])).astype(np.int64)]
        match = judge.see(as_floats(dataset.batch(works[chosen]))) @ judge.read(texts).T * judge.sharpness.exp()
        # Captions that say the same are no mistakes for one another.
        same = (texts[:, None] == texts[None]).all(dim=2) & ~torch.eye(len(chosen), dtype=torch.bool)
        match = match.masked_fill(same, -1e4)
        target = torch.arange(len(chosen))
        loss = F.cross_entropy(match, target) + F.cross_entropy(match.T, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return judge.eval().requires_grad_(False)


def measure(drawer: Drawer, dataset: Dataset, train: np.ndarray, held: np.ndarray, seed: int = 0) -> Alignment:
    """How well the drawer's works suit their captions, beside real pictures and what needs no generator.

    seed: of the first work, the next ones count up; and of which captions are asked about.
    train, held: indices of pictures learned from, and kept. Raises UsageError for too few of either with captions.
    """
    captions = dataset.captions()
    train, held = (np.array([work for work in works if captions[work]], np.int64) for works in (train, held))
    if min(len(train), len(held)) < FEWEST:
        raise UsageError(
            f"Alignment needs at least {FEWEST} captioned pictures of either kind; there are {len(train)} that were "
            f"learned from and {len(held)} that were kept. Train with a larger --holdout."
        )
    judge, rng = learn(dataset, train, captions), np.random.default_rng(seed)
    asked = rng.permutation(held)[:MOST]
    texts = [captions[work][rng.integers(len(captions[work]))] for work in asked]
    read = judge.read(numbers(texts))
    others = other_captions(texts, rng)
    told = [(work, text) for work in train for text in captions[work]]
    nearest = (read @ judge.read(numbers([text for _, text in told])).T).argmax(dim=1).tolist()
    works = np.concatenate(
        [
            drawer.to_order(range(seed + k, seed + min(k + BATCH, len(texts))), texts[k : k + BATCH])
            for k in range(0, len(texts), BATCH)
        ]
    )
    kinds = {
        "works": works,
        "real pictures, the ceiling": dataset.batch(asked),
        "the same works under each other's captions": np.roll(works, 1, axis=0),
        "the training picture with the nearest caption": dataset.batch([told[one][0] for one in nearest]),
    }
    if (alike := of_same_label(dataset, train, asked, rng)) is not None:
        kinds[BY_LABEL] = dataset.batch(alike)
    hits = {what: first(seen(judge, pictures), read, others) for what, pictures in kinds.items()}
    by_label = hits.get(BY_LABEL)
    return Alignment(
        tuple(interval(what, hit, rng) for what, hit in hits.items()),
        None if by_label is None else interval("works above the label", hits["works"] - by_label, rng),
        len(texts),
        1 + others.shape[1],
    )


def of_same_label(
    dataset: Dataset, train: np.ndarray, asked: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """For each picture asked about one of its label that was learned from, by chance; None where that says nothing."""
    labels, known = dataset.labels[asked], dataset.labels[train]
    if not np.isin(labels, known).all() or (labels < 0).any() or len(np.unique(known)) < 2:
        return None
    return np.array([rng.choice(train[known == label]) for label in labels])


def other_captions(texts: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """(n, up to CHOICES - 1) for each text places of others, no two of which say the same. Raises UsageError."""
    _, places, kinds = np.unique([" ".join(words_of(text)) for text in texts], return_index=True, return_inverse=True)
    if len(places) < 2:
        raise UsageError("All held-out captions say the same, so none can be told from the others.")
    many = min(CHOICES, len(places)) - 1
    return np.stack([rng.choice(np.delete(places, kind), many, replace=False) for kind in kinds])


def seen(judge: Judge, pictures: np.ndarray) -> Tensor:
    """(n, DIM) of (n, H, W, C) uint8."""
    parts = [judge.see(as_floats(pictures[k : k + BATCH], CPU)) for k in range(0, len(pictures), BATCH)]
    return torch.cat(parts)


def first(pictures: Tensor, read: Tensor, others: np.ndarray) -> np.ndarray:
    """(n,) 1 where a picture suits its own caption better than each of the others, else 0."""
    own = (pictures * read).sum(dim=1)
    best = torch.einsum("nd,nkd->nk", pictures, read[torch.from_numpy(others)]).amax(dim=1)
    return (own > best).double().numpy()


def interval(what: str, hits: np.ndarray, rng: np.random.Generator) -> Precision:
    """The mean with its bootstrap interval over captions (Efron 1979)."""
    means = hits[rng.integers(len(hits), size=(REPLICATES, len(hits)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Precision(what, float(hits.mean()), float(low), float(high))
