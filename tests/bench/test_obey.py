"""What bench/obey.py reads off works."""

import json
from dataclasses import replace

import numpy as np
import pytest

import ganvas as gv
from ganvas.sources.scenes import PLACES, Scene, Thing
from tests.training.helpers import tiny


def thing(**changes: str) -> Thing:
    return replace(Thing("red", "star", "large", "plain", "top left"), **changes)


def test_a_window_keeps_one_thing_and_leaves_the_other(bench):
    obey = bench("obey")
    one, other = thing(), thing(colour="blue", place="bottom")
    rng = np.random.default_rng(0)
    both = obey.painted(Scene((one, other)), 32, rng)
    assert both.shape == (32, 32, 3)
    for kept, gone in ((one, other), (other, one)):
        alone = obey.windowed(both, kept.place).astype(int)
        x, y = (round(32 * share) for share in PLACES[kept.place])
        assert (alone[y, x] == both[y, x]).all() and (alone[y, x] < 250).any()
        x, y = (round(32 * share) for share in PLACES[gone.place])
        assert (alone[y, x] == 255).all()


def test_shares_tell_learned_pairs_from_unseen_ones(bench):
    obey = bench("obey")
    things = [thing(), thing(shape="circle"), thing(colour="orange")]
    assert [one.is_unseen for one in things] == [False, True, False]
    read = {name: numbers.copy() for name, numbers in obey.numbers_of(things).items()}
    read["colour"][0] += 1
    read["place"][1] += 1
    found = obey.shares(read, things, list(obey.ATTRIBUTES))
    assert found["learned"] == {"things": 2, "colour": 0.5, "shape": 1, "size": 1, "texture": 1, "place": 1}
    assert found["unseen"] == {"things": 1, "colour": 1, "shape": 1, "size": 1, "texture": 1, "place": 0}


def test_the_judge_learns_to_read_and_a_run_is_measured(bench, tmp_path, monkeypatch, capsys):
    obey = bench("obey")
    monkeypatch.setattr(obey, "LEARNED", 1600)
    monkeypatch.setattr(obey, "ROUNDS", 3)
    monkeypatch.setattr(obey, "ASKED", 200)
    data = gv.prepare("shapes:80", 16, out=tmp_path / "art")
    gv.train(data, tiny("canvas", text_dim=8), kimg=0.016, out=tmp_path / "run", display="none")
    out, page = tmp_path / "found.json", tmp_path / "page.png"
    arguments = [str(tmp_path / "run"), "--count", "6", "--out", str(out), "--page", str(page)]
    monkeypatch.setattr("sys.argv", ["obey.py", *arguments])
    obey.main()
    found = json.loads(out.read_text())
    assert found == json.loads(capsys.readouterr().out)
    assert found["ceiling"]["place"] > 0.9  # of nine
    assert found["ceiling"]["size"] > 0.8  # of two
    assert found["run"]["one thing"]["learned"]["things"] + found["run"]["one thing"].get("unseen", {"things": 0})["things"] == 6
    assert "place" not in found["run"]["two things"]["learned"]
    assert sum(kind["things"] for kind in found["run"]["two things"].values()) == 12
    assert page.is_file()


def test_scenes_asked_for_are_of_the_kind(bench):
    obey = bench("obey")
    rng = np.random.default_rng(0)
    for _ in range(20):
        (one,) = obey.single(rng).things
        assert one.count == 1
        assert len(obey.double(rng).things) == 2
    pictures, numbers = obey.examples(5, 16, 3)
    assert pictures.shape == (5, 16, 16, 3) and set(numbers) == set(obey.ATTRIBUTES)
    with pytest.raises(ValueError, match="not in list"):
        obey.numbers_of([thing(colour="pink")])
