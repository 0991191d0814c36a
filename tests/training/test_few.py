"""Few works, and many that are the same: what is said, what is refused, and that it can be tried all the same."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganvas as gv
from ganvas.api import make_trainer
from ganvas.dataset import prepare
from ganvas.errors import DataError, UsageError
from ganvas.training import ward
from ganvas.training.events import Finished, Warned
from ganvas.training.few import FEW, TOO_FEW, few_warnings

from .helpers import final_arrays, tiny


def art(folder: Path, different: int, copies: int = 1):
    """So many pictures of noise, each in so many files."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(different):
        picture = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
        for copy in range(copies):
            picture.save(folder / f"{number:03}-{copy}.png")
    return prepare(folder, 16)


def warned(trainer) -> str:
    return " ".join(event.message for event in trainer.fit() if isinstance(event, Warned))


@pytest.mark.parametrize("different", [1, 2, TOO_FEW])
def test_a_handful_is_refused_and_tried_when_asked_for(tmp_path, different, monkeypatch):
    """Five steps with a batch that is larger than the collection; with checks, previews and all."""
    monkeypatch.setattr(ward, "FEWEST_STEPS", 1)
    monkeypatch.setattr(ward, "PICTURES_PER_WORK", 0)
    data = art(tmp_path / "in", different)
    arguments = {"kimg": 5 * 12 / 1000, "out": tmp_path / "run"}
    recipe = tiny(batch_size=12, augment=("shift",))
    with pytest.raises(UsageError, match="expect copies and blends of these very pictures") as refused:
        make_trainer(data, recipe, **arguments)
    assert "--few (in Python few=True)" in str(refused.value)
    assert not (tmp_path / "run").exists()
    events = list(gv.fit(data, recipe, few=True, doctor="auto", **arguments))
    assert isinstance(events[-1], Finished) and events[-1].done
    assert next(event.message for event in events if isinstance(event, Warned)).startswith(
        "There is 1 work" if different == 1 else f"There are {different} different works"
    )
    trainer = make_trainer(data, recipe, **arguments)  # a run that has begun goes on without being asked
    assert len(trainer.held_out) == 0
    assert all(np.isfinite(value).all() for value in final_arrays(trainer.run).values())
    with pytest.raises(DataError, match="too few real pictures to compare with"):
        gv.open(trainer.run.folder).evaluate()


def test_few_are_warned_of_before_the_first_step_and_enough_are_not(tmp_path):
    few, enough = art(tmp_path / "few", FEW), art(tmp_path / "enough", 2 * FEW)
    said = warned(make_trainer(few, tiny(), kimg=0.008, out=tmp_path / "a"))
    assert "Expect variations of these very works; with so few, copying cannot be told from learning." in said
    assert "--from RUN" in said and "--augment" in said
    assert warned(make_trainer(enough, tiny(), kimg=0.008, out=tmp_path / "b")) == ""
    assert few_warnings(enough) == []
    assert few_warnings(few)[0].startswith(f"There are {FEW} different works to learn from.")
    (event, *_) = (event for event in gv.fit(few, tiny(), kimg=0.008, out=tmp_path / "c") if isinstance(event, Warned))
    assert event.kimg == 0


def test_what_is_the_same_counts_once(tmp_path):
    with pytest.raises(UsageError, match="All 50 works to learn from are the same picture: they count as 1"):
        make_trainer(art(tmp_path / "same", 1, 50), tiny(), out=tmp_path / "run")
    mostly = art(tmp_path / "mostly", 40, 2)
    trainer = make_trainer(mostly, tiny(holdout=0.0), kimg=0.008, out=tmp_path / "run")
    assert warned(trainer) == "Of 80 works to learn from, only 40 are different pictures."


def test_flat_pictures_of_many_sizes_are_one_picture(tmp_path):
    """Other files, and the same once prepared. Of 50 files some are held out, as their content differs."""
    (tmp_path / "in").mkdir()
    for size in range(20, 70):
        Image.new("RGB", (size, size), (200, 90, 9)).save(tmp_path / "in" / f"{size}.png")
    data = prepare(tmp_path / "in", 16)
    with pytest.raises(UsageError, match=r"All \d\d works to learn from are the same picture"):
        make_trainer(data, tiny(), out=tmp_path / "run")
    trainer = make_trainer(data, tiny(), kimg=0.04, out=tmp_path / "run", few=True, doctor="auto")
    assert list(trainer.fit())[-1].done
