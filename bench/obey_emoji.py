"""Do works of the source `openmoji` show the colour, and the kind of thing, that their words say?

    python bench/obey_emoji.py RUN [RUN ...] [--each 24] [--guidance 1] [--temperature 1] [--best-of 1]
                               [--out FILE.json]

Colours: "red heart", "blue book" and so on are asked for. The colour of a picture is that which most of its coloured
pixels are nearest to, among the medians of training pictures whose names begin with a colour. Pairs of a colour and a
thing that no training caption has are told apart (`unseen`).
Groups: "food drink, food fruit" and so on are asked for, each group as often as every other. The judge is a linear map
of `effnet` features, which learned the groups from the training pictures.
Beside the works stand real pictures, the ceiling: of groups those that were held out, of colours all.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import ganvas as gv
from ganvas.dataset import Dataset
from ganvas.evaluation.alignment import interval
from ganvas.evaluation.data import own_dataset
from ganvas.features.choose import make_features
from ganvas.features.extractor import Extractor
from ganvas.files import write_file
from ganvas.model import Model
from ganvas.prompts import Prompt
from ganvas.tensors import as_floats
from ganvas.training.events import rounded
from ganvas.words import words_of

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "brown")
"""Black and white are lines and paper of every picture."""
THINGS = ("circle", "square", "heart", "book", "car", "hat", "flower", "bird")
SATURATED = 50
"""Levels between the largest and the smallest channel from which on a pixel has a colour."""
FEWEST, MOST = 40, 150
"""Training pictures of a group that is asked for, and that the judge learns from."""
STEPS, LEARNING_RATE, DECAY = 600, 1e-2, 1e-3
"""Of the judge of groups, all pictures at each step."""


class Colours:
    """Which of `COLOURS` a picture has. medians: (colours, 3), from training pictures."""

    def __init__(self, dataset: Dataset, works: np.ndarray) -> None:
        named = list(names(dataset))
        of_one = {colour: [w for w in works if colour_in(named[w]) == colour] for colour in COLOURS}
        inks = {colour: [ink(dataset.batch([w])[0]) for w in found] for colour, found in of_one.items()}
        self.medians = np.stack([np.median([np.median(i, axis=0) for i in inks[c] if len(i)], axis=0) for c in COLOURS])

    def read(self, picture: np.ndarray) -> str | None:
        """picture: (H, W, C) uint8. None: nothing in it has a colour."""
        pixels = ink(picture)
        if not len(pixels):
            return None
        nearest = ((pixels[:, None] - self.medians) ** 2).sum(axis=2).argmin(axis=1)
        return COLOURS[np.bincount(nearest, minlength=len(COLOURS)).argmax()]


def names(dataset: Dataset) -> list[str]:
    return [captions[0] for captions in dataset.captions()]


def colour_in(name: str) -> str | None:
    """The colour that a name begins with: of "red heart" the whole is red, of "woman: red hair" little."""
    first = words_of(name)[:1]
    return first[0] if first and first[0] in COLOURS else None


def ink(picture: np.ndarray) -> np.ndarray:
    """(H, W, C) uint8 -> (n, 3) floats: those pixels that have a colour."""
    pixels = picture[..., :3].reshape(-1, 3).astype(float)
    return pixels[np.ptp(pixels, axis=1) >= SATURATED]


class Groups:
    """The group of a picture, by what training pictures of each look like to `effnet`."""

    def __init__(self, dataset: Dataset, works: np.ndarray, rng: np.random.Generator) -> None:
        self.features = make_features("effnet", dataset.shape)
        of_one = [works[dataset.labels[works] == number] for number in range(len(dataset.label_names))]
        works = np.concatenate([rng.choice(of, min(len(of), MOST), replace=False) for of in of_one])
        x, labels = seen(self.features, dataset.batch(works)), torch.from_numpy(dataset.labels[works])
        self.mean, self.deviation = x.mean(dim=0), x.std(dim=0) + 1e-6
        counts = torch.bincount(labels, minlength=len(dataset.label_names)).float()
        self.known = [n for n, count in enumerate(counts.tolist()) if count >= FEWEST]
        torch.manual_seed(0)
        self.map = torch.nn.Linear(x.shape[1], len(counts))
        optimizer = torch.optim.AdamW(self.map.parameters(), LEARNING_RATE, weight_decay=DECAY)
        rates = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, STEPS)
        weights, x = 1 / counts.clamp(min=1), (x - self.mean) / self.deviation
        for _ in range(STEPS):
            loss = F.cross_entropy(self.map(x), labels, weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.step()

    @torch.inference_mode()
    def read(self, pictures: np.ndarray) -> np.ndarray:
        """(n, H, W, C) uint8 -> (n,) numbers of labels among those asked for."""
        logits = self.map((seen(self.features, pictures) - self.mean) / self.deviation)
        return np.array(self.known)[logits[:, self.known].argmax(dim=1).numpy()]


@torch.inference_mode()
def seen(features: Extractor, pictures: np.ndarray) -> torch.Tensor:
    return torch.cat([features(as_floats(part)) for part in np.array_split(pictures, -(-len(pictures) // 64))])


def share(hits: list[bool]) -> dict[str, Any]:
    """How many, and how often right, with the 95% interval over them."""
    if not hits:
        return {"of": 0}
    found = interval("", np.array(hits, float), np.random.default_rng(0))
    return {"of": len(hits), "right": found.value, "low": found.low, "high": found.high}


def by_colour(model: Model, colours: Colours, known: set[str], each: int, how: Prompt) -> dict[str, Any]:
    """Every colour with every thing, `each` works of a colour. known: the training captions."""
    hits: dict[str, list[bool]] = {"learned": [], "unseen": []}
    for colour in COLOURS:
        for thing in THINGS:
            count = max(1, each // len(THINGS))
            works = model.sample(count, text=replace(how, texts=(f"{colour} {thing}",)))
            kind = "learned" if any(f"{colour} {thing}" in caption for caption in known) else "unseen"
            hits[kind] += [colours.read(work.pixels) == colour for work in works]
    return {kind: share(of_kind) for kind, of_kind in hits.items()}


def by_group(model: Model, groups: Groups, heads: dict[int, list[str]], each: int, how: Prompt) -> dict[str, Any]:
    """`each` works of a group. heads: of each group what stands before the names of its training pictures."""
    rng = np.random.default_rng(5)
    found, right = {}, []
    for number in groups.known:
        asked = rng.choice(heads[number], each)
        works = [model.sample(1, seed=n, text=replace(how, texts=(str(text),)))[0] for n, text in enumerate(asked)]
        read = groups.read(np.stack([work.pixels for work in works]))
        found[model.labels[number]] = float((read == number).mean())
        right += (read == number).tolist()
    return {"chance": 1 / len(groups.known), **share(right), "each": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="that learned from the same pictures with the same seed")
    parser.add_argument("--each", type=int, default=24, help="works of a colour, and of a group")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--temperature", type=float, default=1.0, help="of the recipe tokens")
    parser.add_argument("--best-of", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a JSON file")
    asked = parser.parse_args()
    models = [gv.open(run) for run in asked.runs]
    first = models[0]
    assert first.folder is not None
    dataset = own_dataset(first.config, first.folder)
    if dataset is None:
        sys.exit(f"{asked.runs[0]}: the pictures that it learned from are no longer where they were.")
    learned, held = dataset.split(first.config.recipe.holdout, first.config.seed)
    named, captions = names(dataset), dataset.captions()
    colours, groups = Colours(dataset, learned), Groups(dataset, learned, np.random.default_rng(0))
    known = {text for work in learned for text in captions[work]}
    heads = {n: [captions[w][-1].split(":")[0] for w in learned if dataset.labels[w] == n] for n in groups.known}
    coloured = [w for w, name in enumerate(named) if colour_in(name)]  # few of them were held out
    kept = [w for n in groups.known for w in held[dataset.labels[held] == n][: asked.each]]
    results: dict[str, Any] = {
        "real": {
            "colours": share([colours.read(dataset.batch([w])[0]) == colour_in(named[w]) for w in coloured]),
            "groups": share((groups.read(dataset.batch(kept)) == dataset.labels[kept]).tolist()),
        }
    }
    how = {"guidance": asked.guidance, "temperature": asked.temperature, "best_of": asked.best_of}
    prompt = Prompt(("words",), guidance=asked.guidance, temperature=asked.temperature, best_of=asked.best_of)
    for run, model in zip(asked.runs, models, strict=True):
        found = {
            "colours": by_colour(model, colours, known, asked.each, prompt),
            "groups": by_group(model, groups, heads, asked.each, prompt),
        }
        results[Path(run).name] = {"kimg": model.kimg, **how, **found}
    print(json.dumps(rounded(results), indent=1))
    if asked.out:
        write_file(asked.out, json.dumps(rounded(results), indent=1) + "\n")


if __name__ == "__main__":
    main()
