"""The code of docs/explore.md as it stands, on a tiny run."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

import ganvas as gv
from tests.training.helpers import tiny

PAGE = Path(__file__).parents[2] / "docs" / "explore.md"


def test_it_runs(tmp_path, monkeypatch, quick):
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    gv.train("digits", tiny("style"), kimg=0.016, out="runs/digits", display="none")
    Image.new("L", (50, 40), 90).save("mine.png")
    names: dict[str, object] = {}
    exec(compile(code, "explore.md", "exec"), names)
    again, new = names["again"], names["new"]
    assert np.array_equal(again.pixels, new.pixels)
    assert names["entered"].error >= 0
