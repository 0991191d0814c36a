"""Whether works suit their captions, by a judge of its own."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganvas.api import make_trainer
from ganvas.cli import main
from ganvas.dataset import Dataset, prepare
from ganvas.drawing import Drawer
from ganvas.errors import UsageError
from ganvas.evaluation import alignment
from ganvas.evaluation.alignment import BY_LABEL, Precision, first, interval, learn, measure, numbers, other_captions
from tests.training.helpers import tiny

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 60), "blue": (30, 60, 220), "black": (10, 10, 10)}
PLACES = {"left": 0, "right": 16}


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Half of a picture in one of four colours, said so; labelled by the place."""
    folder, rng = tmp_path_factory.mktemp("blocks"), np.random.default_rng(0)
    rows = []
    for number in range(400):
        colour, place = list(COLOURS)[number % 4], list(PLACES)[number // 4 % 2]
        pixels = rng.integers(225, 255, (32, 32, 3), dtype=np.uint8)
        pixels[:, PLACES[place] : PLACES[place] + 16] = np.array(COLOURS[colour]) + rng.integers(-9, 9, 3)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append({"file_name": f"{number}.png", "label": place, "text": f"{colour} on the {place}"})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return prepare(folder, 32, out=tmp_path_factory.mktemp("prepared") / "art")


class Obedient(Drawer):
    """Draws training pictures: those that the words ask for, or those that one of the words asks for."""

    def __init__(self, dataset: Dataset, heeds: tuple[str, ...]) -> None:
        self.dataset, self.heeds, self.said = dataset, heeds, dataset.captions()

    def to_order(self, seeds, captions):
        def suits(work: int, caption: str) -> bool:
            return all((word in self.said[work][0]) == (word in caption) for word in self.heeds)

        chosen = [next(w for w in range(s % 50, 400) if suits(w, c)) for s, c in zip(seeds, captions, strict=True)]
        return self.dataset.batch(chosen)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "PICTURES_SEEN", 4000)


@pytest.mark.usefixtures("quick")
def test_works_that_obey_reach_the_ceiling_and_others_do_not(blocks: Dataset) -> None:
    train, held = blocks.split(0.2, 0)
    asked = {
        "all": (*COLOURS, *PLACES),
        "places": tuple(PLACES),
        "nothing": (),
    }
    found = {name: measure(Obedient(blocks, heeds), blocks, train, held) for name, heeds in asked.items()}
    value = {name: {row.what: row.value for row in one.rows} for name, one in found.items()}
    assert value["all"]["works"] > 0.95 and value["all"]["real pictures, the ceiling"] > 0.95
    assert 0.1 < value["places"]["works"] < 0.5  # one of four colours
    assert value["nothing"]["works"] < 0.3
    assert value["all"]["the same works under each other's captions"] < 0.35
    assert value["all"]["the training picture with the nearest caption"] > 0.95
    assert 0.1 < value["all"][BY_LABEL] < 0.5
    above = [found[name].above_label for name in asked]
    assert above[0].low > 0.3 and above[1].low < 0 < above[1].high and above[2].value < above[0].value
    assert "more than pictures of the right label" in found["all"].table()
    assert "not surely other than" in found["places"].table()
    for row in found["all"].rows:
        assert 0 <= row.low <= row.value <= row.high <= 1


def test_a_hit_beats_all_others() -> None:
    read = torch.eye(3)
    pictures = torch.tensor([[1.0, 0, 0], [0.6, 0.8, 0], [0.8, 0, 0.6]])
    assert first(pictures, read, np.array([[1, 2], [0, 2], [0, 1]])).tolist() == [1, 1, 0]
    assert first(pictures[:1].roll(1, 1), read[:1].roll(1, 1), np.array([[0]])).tolist() == [0]  # a tie is no hit


def test_others_say_something_else_each_once() -> None:
    texts = ["red circle", "Red, circle", "blue star", "green star"]
    others = other_captions(texts, np.random.default_rng(0))
    assert [sorted(row) for row in others.tolist()] == [[2, 3], [2, 3], [0, 3], [0, 2]]
    many = other_captions([f"number {number}" for number in range(300)], np.random.default_rng(0))
    assert many.shape == (300, 99) and all(len(set(row)) == 99 for row in many.tolist())
    assert not (many == np.arange(300)[:, None]).any()
    with pytest.raises(UsageError, match="say the same"):
        other_captions(["red", "Red!"], np.random.default_rng(0))


def test_the_interval_is_that_of_a_share() -> None:
    hits = np.repeat([1.0, 0.0], [30, 70])
    found = interval("works", hits, np.random.default_rng(0))
    assert found.value == pytest.approx(0.3)
    assert found.low == pytest.approx(0.3 - 1.96 * 0.0458, abs=0.015)
    assert found.high == pytest.approx(0.3 + 1.96 * 0.0458, abs=0.015)
    assert interval("all", np.ones(5), np.random.default_rng(0)) == Precision("all", 1.0, 1.0, 1.0)


def test_words_and_their_neighbours_are_numbers() -> None:
    one, other = numbers(["red circle blue", "blue circle red"])
    assert (one > 0).sum() == (other > 0).sum() == 5
    assert set(one[:3].tolist()) == set(other[:3].tolist()) and set(one[3:5].tolist()) != set(other[3:5].tolist())


@pytest.mark.usefixtures("quick")
def test_the_judge_is_the_same_each_time(blocks: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "PICTURES_SEEN", 300)
    works, captions = np.arange(100), blocks.captions()
    one, other = (learn(blocks, works, captions).state_dict() for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.usefixtures("quick")
def test_the_verb(blocks: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(alignment, "PICTURES_SEEN", 300)
    list(make_trainer(blocks, tiny(holdout=0.2, text_dim=8), kimg=0.016, out=tmp_path / "run").fit())
    main(["evaluate", str(tmp_path / "run"), "--alignment"])
    assert "the right one of 8:" in capsys.readouterr().out
    found = json.loads((tmp_path / "run" / "alignment.json").read_text())
    assert found["rows"][0]["what"] == "works" and 0 <= found["rows"][0]["value"] <= 1
    list(make_trainer(blocks, tiny(holdout=0.2), kimg=0.016, out=tmp_path / "plain", captions="off").fit())
    for asked, message in (([], "without captions"), (["--features", "random"], "leave out --features")):
        with pytest.raises(SystemExit):
            main(["evaluate", str(tmp_path / "plain"), "--alignment", *asked])
        assert message in capsys.readouterr().err


def test_too_few_captions_say_so(blocks: Dataset) -> None:
    with pytest.raises(UsageError, match="at least 50"):
        measure(Obedient(blocks, ()), blocks, np.arange(100), np.arange(100, 120))
