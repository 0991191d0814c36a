"""Emoji out of the package: drawn, described, split by what they mean."""

import sys
from itertools import islice

import numpy as np
import pytest

from ganvas.errors import UsageError
from ganvas.sources.artwork import Artwork
from ganvas.sources.openmoji import OpenMoji, captions


def test_emoji_are_drawn_with_captions_and_rights() -> None:
    source = OpenMoji()
    first = next(source.artworks())
    assert isinstance(first, Artwork)
    assert first.name == "openmoji/1F600" and first.label == "smileys-emotion"
    assert first.texts == (
        "grinning face",
        "grinning face, cheerful, cheery, face, grin, grinning, happy",
        "smileys emotion, face smiling: grinning face",
    )
    assert first.licence == "CC-BY-SA-4.0" and first.source == "OpenMoji 17.0.0" and first.author
    assert isinstance(first.image, np.ndarray) and first.image.shape == (144, 144, 4)
    corner, centre = first.image[0, 0], first.image[72, 72]
    assert corner[3] == 0 and centre[3] == 255
    assert centre[0] > 200 and centre[1] > 180 and centre[2] < 120  # yellow
    assert any("CC BY-SA 4.0" in note for note in source.notes)


def test_skin_tones_are_one_group_and_take_its_tags() -> None:
    works = [work for work in islice(OpenMoji().artworks(), 330, 350) if isinstance(work, Artwork)]
    hands = [work for work in works if work.group == "1F44E"]
    assert len(hands) == 6 and "thumbs down: dark skin tone" in {work.texts[0] for work in hands}
    assert len({work.texts[1].partition(", ")[2] for work in hands}) == 1
    lines = {line["code"]: line for line in OpenMoji()._lines}
    varied = [line for line in lines.values() if "base" in line]
    assert len(varied) == 2360 and all(lines[line["base"]]["base"] == line["base"] for line in varied)


def test_captions_of_a_drawing_without_tags() -> None:
    line = {"text": "donkey", "group": "animals-nature", "subgroup": "animal-mammal"}
    assert captions(line) == ("donkey", "animals nature, animal mammal: donkey")


def test_without_the_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(UsageError, match=r"ganvas\[openmoji\]"):
        OpenMoji()
