"""Which score sees which fault: real pictures spoilt in known ways, put in the place of works.

    python bench/corruptions.py                          5,000 digits that come with ganvas; about five minutes
    python bench/corruptions.py --data PATH --count 5000 --write
                                                         as in docs/evaluation.md, which --write updates

Three parts of `count` pictures are not learned from: one is spoilt, one compared with, one for the floor. A bold figure
is worse than real pictures are: the two 95% intervals do not overlap.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter

from ganvas.dataset import Dataset, prepare
from ganvas.errors import GanvasError
from ganvas.evaluation.choice import Choice, Part, shuffled
from ganvas.evaluation.collect import Collector
from ganvas.evaluation.evaluate import all_scores, extractor_for, score_all
from ganvas.evaluation.report import Line
from ganvas.evaluation.team import Team
from ganvas.evaluation.wording import number, standing
from ganvas.metrics.score import Pair

RESULTS = Path(__file__).parent / "results" / "corruptions.json"
PAGE = Path(__file__).parents[1] / "docs" / "evaluation.md"
BEGIN, END = "<!-- corruptions: begin -->\n", "<!-- corruptions: end -->\n"

Spoilt = tuple[np.ndarray, np.ndarray]
"""Pictures (n, H, W, C) uint8, and the labels that they are said to have (n,)."""


class Faults:
    """Real pictures that nobody learned from, and what can go wrong with them. Everything is drawn from seed 0."""

    def __init__(self, fresh: Part, training: Part, names: tuple[str, ...]) -> None:
        self.pictures, self.labels = fresh.pictures(np.arange(len(fresh))), fresh.labels(names)
        self.fresh, self.training, self.names = fresh, training, names
        self.rng = np.random.default_rng(0)

    def all(self) -> dict[str, Callable[[], Spoilt]]:
        faults = {
            "none: real pictures": lambda: (self.pictures, self.labels),
            "noise": self.noise,
            "blur": self.blur,
            "one work, repeated": self.repeated,
            "copies of the training set": self.copies,
        }
        labelled = {"one class missing": self.missing, "labels not obeyed": self.disobedient}
        return faults | (labelled if len(self.names) > 1 else {})

    def noise(self) -> Spoilt:
        """Of a deviation of 25 levels of 255."""
        noisy = self.pictures + self.rng.normal(0, 25, self.pictures.shape)
        return noisy.round().clip(0, 255).astype(np.uint8), self.labels

    def blur(self) -> Spoilt:
        """By a normal of 1 px."""
        blurred = [
            np.asarray(Image.fromarray(picture.squeeze()).filter(ImageFilter.GaussianBlur(1))).reshape(picture.shape)
            for picture in self.pictures
        ]
        return np.stack(blurred), self.labels

    def repeated(self) -> Spoilt:
        """A picture of each label again and again; the same one for all without labels."""
        first = {label: int(np.flatnonzero(self.labels == label)[0]) for label in np.unique(self.labels)}
        return self.pictures[[first[label] for label in self.labels]], self.labels

    def copies(self) -> Spoilt:
        chosen = np.arange(len(self.fresh))
        return self.training.pictures(chosen), self.training.labels(self.names)[chosen]

    def missing(self) -> Spoilt:
        """Asked for the last label, pictures of others come."""
        others = np.flatnonzero(self.labels != len(self.names) - 1)
        chosen = np.arange(len(self.labels))
        lost = np.setdiff1d(chosen, others)
        chosen[lost] = self.rng.choice(others, len(lost), replace=False)
        return self.pictures[chosen], self.labels

    def disobedient(self) -> Spoilt:
        """A tenth of the works shows another label than it was asked for."""
        wrong = self.rng.random(len(self.labels)) < 0.1
        return self.pictures, np.where(wrong, (self.labels + 1) % len(self.names), self.labels)


def parts(dataset: Dataset, count: int) -> tuple[Choice, Part]:
    """Real pictures for the scores, and fresh ones to spoil; no picture is in two of them."""
    order = shuffled(np.arange(len(dataset)))
    held_out = 3 * count
    if held_out + count > len(order):
        raise SystemExit(f"{count} works need at least {4 * count} pictures; there are {len(order)}.")
    fresh, reference, stand_ins = (Part(dataset, order[i * count : (i + 1) * count]) for i in range(3))
    training = Part(dataset, order[held_out:])
    choice = Choice(reference, stand_ins, training, replace(stand_ins), f"{count:,} held-out pictures", ())
    return choice, fresh


def measure(dataset: Dataset, count: int) -> tuple[dict[str, dict[str, Line]], list[str]]:
    """Lines by fault and score, and notes on what was left out."""
    choice, fresh = parts(dataset, count)
    extractor, _ = extractor_for(choice, None, None)
    names, device, notes = dataset.label_names, torch.device("cpu"), []
    table: dict[str, dict[str, Line]] = {}
    shared: dict[Hashable, Any] = {}  # what is known of real pictures is computed once
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(extractor, device, Path(folder), Team(None))
        reference = collector.real(choice.reference, "reference", names)
        stand_ins = collector.real(choice.stand_ins, "stand-ins", names)
        assert choice.training is not None
        training = collector.real(choice.training, "training", names).features
        for fault, spoil in Faults(fresh, choice.training, names).all().items():
            pictures, labels = spoil()
            works = collector.made(lambda start, stop, p=pictures: p[start:stop], labels, dataset.shape)
            pair = Pair(works, reference, dataset.shape, names, device, stand_ins=stand_ins)
            pair = replace(pair, training=training, held_out=stand_ins.features, memo=shared)
            found = score_all(pair, all_scores(), (extractor.name, collector.sha256))
            table[fault] = {line.score: line for line in found.lines}
            notes += [f"{one.title}: {one.reason}" for one in found.left_out]
            print(f"{fault}: {', '.join(f'{line.score} {line.works.value:.4g}' for line in found.lines)}", flush=True)
    notes.append(f"features {extractor.name} {extractor.sha256()[:12]}; data {dataset.source} {dataset.digest[:12]}")
    return table, list(dict.fromkeys(notes))


def markdown(table: dict[str, dict[str, Line]], notes: list[str], count: int) -> str:
    columns = list(next(iter(table.values())))
    shown = [f"| N = {count:,} | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for fault, lines in table.items():
        cells = []
        for name in columns:
            line = lines.get(name)
            text = "–" if line is None else number(line, line.works.value)
            cells.append(f"**{text}**" if line is not None and standing(line) == "apart" else text)
        shown.append(f"| {fault} | " + " | ".join(cells) + " |")
    floor = [number(line, line.real.value, line.real) for line in table["none: real pictures"].values()]
    shown.append("| *floor* | " + " | ".join(floor) + " |")
    return "\n".join([*shown, "", *(f"{note}  " for note in notes), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--write", action="store_true", help="into bench/results and docs/evaluation.md")
    asked = parser.parse_args()
    try:
        table, notes = measure(prepare(asked.data), asked.count)
    except GanvasError as error:
        raise SystemExit(str(error)) from None
    text = markdown(table, notes, asked.count)
    print(text)
    if asked.write:
        values = {
            fault: {name: [line.works.value, line.works.low, line.works.high] for name, line in lines.items()}
            for fault, lines in table.items()
        }
        RESULTS.write_text(json.dumps({"count": asked.count, "notes": notes, "faults": values}, indent=1) + "\n")
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(before + BEGIN + text + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
