"""What bench/steering.py measures, on a tiny run."""

import json

import ganvas as gv
from tests.explore.conftest import quick  # noqa: F401
from tests.training.helpers import tiny


def test_a_run_is_measured_and_shown(bench, quick, tmp_path, monkeypatch):  # noqa: F811
    steering, gallery = bench("steering"), bench("gallery")
    gv.train("digits", tiny("style"), kimg=0.016, out=tmp_path / "run", display="none")
    monkeypatch.setattr(steering, "WORKS", 500)
    monkeypatch.setattr(steering, "STEERS", 3)
    found = steering.measured(tmp_path / "run")
    json.dumps(found)
    assert [point["truncation"] for point in found["truncation"]] == list(steering.TRUNCATIONS)
    assert all(0 <= point["coverage"] <= 1 and "coverage of real" in point for point in found["truncation"])
    assert found["path length"][0] > 0
    assert found["separability"] >= 1
    assert found["inversion"]["of"] == "held-out pictures"
    assert all(seconds > 0 for seconds in found["seconds"].values())
    gallery.show("digits", gv.open(tmp_path / "run"), tmp_path / "images")
    shown = {path.stem.removeprefix("digits-") for path in (tmp_path / "images").iterdir()}
    parts = {"mix-coarse", "mix-fine", "directions", "family", "neighbours", "entered", "tiles", "walk"}
    assert shown == parts
