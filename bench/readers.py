"""Does a sentence model tell captions apart better than a net's own reader? Two towers learn which belong together.

    python bench/readers.py shapes:1200 --text-encoder minilm [--size 32] [--pictures 1200] [--steps 800]

The towers of `ganvas.nets.dual` learn from real pictures alone, once with each reader; then, of held-out pictures, how
often does the right caption of a hundred suit best (R-precision)? No generator has a part in it, so it takes minutes.
"""

import argparse
from typing import Any

import numpy as np
import torch

from ganvas.config import Conditions, TextEncoder
from ganvas.dataset import Dataset, prepare
from ganvas.nets.dual import Dual
from ganvas.nets.sentence import set_out_from
from ganvas.nets.text import parted
from ganvas.prompts import rows
from ganvas.sentences import described, numbers_of
from ganvas.tensors import as_floats, seeded
from ganvas.terminal import show_reading
from ganvas.training.captions import Captions
from ganvas.training.reading import read_ahead

BATCH, TEXT_DIM, LEARNING_RATE = 32, 64, 1e-3
CHOICES = 100


class Few:
    """Some of a dataset's pictures with their captions; the others have none, so that nobody reads these."""

    def __init__(self, dataset: Dataset, works: np.ndarray) -> None:
        captions, kept = dataset.captions(), set(works.tolist())
        self.told = [texts if work in kept else () for work, texts in enumerate(captions)]
        self.labels, self.batch = dataset.labels, dataset.batch

    def captions(self) -> list[tuple[str, ...]]:
        return self.told


def learned(data: Any, train: np.ndarray, encoder: TextEncoder | None, steps: int) -> Dual:
    torch.manual_seed(0)
    dual = Dual(data.batch(train[:1]).shape[3], Conditions(0, TEXT_DIM, encoder))
    captions = Captions(data, train, encoder)
    if encoder is not None:
        told = [data.told[work][place % len(data.told[work])] for place, work in enumerate(captions.said[:256])]
        set_out_from((dual,), numbers_of(told, encoder))
    optimizer = torch.optim.Adam(dual.parameters(), LEARNING_RATE, betas=(0.0, 0.99))
    rng = seeded(0, "readers")
    for _ in range(steps):
        works = train[torch.randint(len(train), (BATCH,), generator=rng).numpy()]
        said = captions.said_of(works, torch.zeros(BATCH).long(), 0.1, rng)
        loss = dual.apart(as_floats(data.batch(works)), parted(said.own)[1], parted(said.other)[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return dual.eval().requires_grad_(False)


def precision(dual: Dual, data: Any, held: np.ndarray, encoder: TextEncoder | None) -> float:
    """Of held-out pictures by their first captions, in [0, 1]."""
    held = np.array([work for work in held if data.told[work]])
    texts, rng = [data.told[work][0] for work in held], np.random.default_rng(0)
    said = dual.read(parted(rows(torch.zeros(len(held)).long(), texts, encoder))[1])
    match = (dual.see(as_floats(data.batch(held))) @ said.T).numpy()
    hits = []
    for place, text in enumerate(texts):
        others = [other for other, caption in enumerate(texts) if caption != text]
        chosen = rng.choice(others, CHOICES - 1, replace=False)
        hits.append((match[place, chosen] < match[place, place]).all())
    return float(np.mean(hits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("source")
    parser.add_argument("--text-encoder", required=True)
    parser.add_argument("--size", default=32)
    parser.add_argument("--pictures", type=int, default=1200)
    parser.add_argument("--steps", type=int, default=800)
    asked = parser.parse_args()
    whole = prepare(asked.source, asked.size)
    rng = np.random.default_rng(0)
    train, held = (rng.permutation(works) for works in whole.split(0.25, 0))
    train, held = train[: asked.pictures], held[: asked.pictures // 4]
    data: Any = Few(whole, np.concatenate([train, held]))
    encoder = described(asked.text_encoder)
    read_ahead(data, encoder, show_reading("plain"))
    for name, reader in (("the net's own reader", None), ("the sentence model", encoder)):
        found = precision(learned(data, train, reader, asked.steps), data, held, reader)
        print(f"{name}: {found:.1%} of {len(held)}", flush=True)


if __name__ == "__main__":
    main()
