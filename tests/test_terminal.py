import dataclasses
import json
import math
from pathlib import Path

import pytest

from ganvas import terminal
from ganvas.errors import UsageError
from ganvas.terminal import clock, figures, sentence, show, show_reading
from ganvas.training.events import Diagnosed, Evaluated, Finished, Preview, Saved, Scored, Started, Step, Warned

STEP = Step(12.5, 61.0, 0.5, 61.4, 250.0, 0.4, 1.2, 0.1, 0.75, 0.6, 0.0)
SCORED = Scored(
    40.0,
    62.0,
    {"kernel": 0.01234, "coverage": 0.7123, "homemade": 1234.5, "swd": math.nan},
    {"kernel": (0.011, 0.0137), "coverage": (0.681, 0.742), "swd": (math.nan, math.nan)},
    True,
    3.0,
)
STORY = [
    Started(0, 0.0, False, "cpu", 2, 5000, 1000, 900),
    Preview(0, 0.0, Path("p.png")),
    STEP,
    Evaluated(13, 62.0, 3, 0.5, 0.7, 0.8),
    SCORED,
    Warned(13, 62.0, "mind the gap"),
    Diagnosed(13, 62.0, "too-strong", "D wins.", "A larger gamma.", {"sign": 1.0}, 13, None),
    Diagnosed(
        9, 63.0, "collapse", "All alike.", "A larger gamma.", {"duplicates": math.nan}, 13, "went back to 9 kimg"
    ),
    Saved(13, 62.0, Path("runs/x/checkpoints/kimg-13")),
    Finished(13, 62.0, False, Path("runs/x")),
]


def test_a_steps_figures_fit_on_a_line():
    assert figures(STEP) == ("1:01 left · 12.5 kimg · 250 img/s · loss D 0.40 G 1.20 · D right on real 75% fake 60%")
    assert [clock(seconds) for seconds in (5, 65, 3723)] == ["0:05", "1:05", "1:02:03"]


@pytest.mark.parametrize("display", ["plain", "rich", "auto"])
def test_people_are_told_in_words(capsys, display):
    assert show(STORY, display) == STORY[-1]
    out = capsys.readouterr().out
    for words in (
        "Learning from 5,000 pictures on cpu with 2 processes",
        "Epoch 3: on held-out pictures loss D 0.50",
        "Warning: mind the gap",
        "The doctor, at 13.0 kimg: D wins. What helps: A larger gamma.",
        "The doctor, at 13.0 kimg: All alike. It went back to 9 kimg.",
        "Scores at 40.0 kimg: kernel 0.0123 (0.0110 to 0.0137), coverage 71% (68 to 74%)",
        "Best so far.",
        "Stopped and saved at 13.0 kimg. The same command goes on",
        "12.5 kimg",
    ):
        assert words in " ".join(out.split()), words


def test_plain_lines_are_not_too_many(capsys):
    steps = [Step(k, float(k), k / 100, 9.0, 1.0, 1.0, 1.0, 0.0, 0.5, 0.5, 0.0) for k in range(100)]
    show([*steps, STORY[-1]], "plain")
    assert 8 <= capsys.readouterr().out.count("kimg ·") <= 12


def test_machines_get_json(capsys):
    show(STORY, "json")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == [type(event).__name__.lower() for event in STORY]
    assert events[2]["accuracy_real"] == 0.75


def test_scores_are_told_with_as_many_digits_as_they_deserve():
    told = "Scores at 40.0 kimg: kernel 0.0123 (0.0110 to 0.0137), coverage 71% (68 to 74%), homemade 1,234"
    assert sentence(SCORED) == f"{told}, swd not known. Best so far."
    assert sentence(dataclasses.replace(SCORED, best=False)) == f"{told}, swd not known."
    tiny = dataclasses.replace(SCORED, scores={"kernel": -2.5e-12}, intervals={"kernel": (-3e-12, 2e-12)}, best=False)
    assert sentence(tiny) == "Scores at 40.0 kimg: kernel -2.5e-12 (-3e-12 to 2e-12)."
    zero = dataclasses.replace(SCORED, scores={"coverage": 0.0, "kernel": 0.0}, intervals={}, best=False)
    assert sentence(zero) == "Scores at 40.0 kimg: coverage 0%, kernel 0."
    assert sentence(dataclasses.replace(SCORED, scores={}, best=False)) == "Scores at 40.0 kimg: none."


def test_machines_get_null_for_what_is_no_number(capsys):
    show([SCORED, STORY[-1]], "json")
    out = capsys.readouterr().out
    event = json.loads(out.splitlines()[0])
    assert "NaN" not in out
    assert (event["event"], event["best"], event["took_seconds"]) == ("scored", True, 3.0)
    assert event["scores"] == {"kernel": 0.01234, "coverage": 0.7123, "homemade": 1234.5, "swd": None}
    assert event["intervals"] == {"kernel": [0.011, 0.0137], "coverage": [0.681, 0.742], "swd": [None, None]}


def test_silence_and_nonsense(capsys):
    assert show(STORY, "none") == STORY[-1]
    assert capsys.readouterr().out == ""
    assert sentence(STORY[1]) == ""
    with pytest.raises(UsageError, match="display must be auto, rich, plain, json or none, got 'loud'"):
        show(STORY, "loud")


def test_reading_captions_is_told_every_ten_seconds(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    for display in ("plain", "json"):
        progress = show_reading(display)
        for second in range(0, 25, 4):
            now = float(second)
            progress(100 * second, 9999)
    assert capsys.readouterr().out.splitlines() == [
        "The sentence model has read 1,200 of 9,999 captions.",
        "The sentence model has read 2,400 of 9,999 captions.",
    ]
