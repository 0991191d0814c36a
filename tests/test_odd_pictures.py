"""Every kind of odd and bad picture at once, prepared as a user without special rights."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ganvas.dataset import Dataset, prepare
from ganvas.sources.artwork import printable

from . import odd_pictures

NOBODY = 65534


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Root may read everything, so it becomes somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture(scope="module")
def prepared() -> Iterator[tuple[list[odd_pictures.Odd], Dataset]]:
    """The folder lies where other users may go, which pytest's own does not. First as oneself, for the imports."""
    folder = Path(tempfile.mkdtemp(prefix="ganvas-odd-"))
    try:
        folder.chmod(0o777)
        odd = odd_pictures.write_odd_pictures(folder / "pictures")
        prepare(folder / "pictures", 48, out=folder / "first")
        with without_rights():
            dataset = prepare(folder / "pictures", 48, out=folder / "art", channels=3)
        yield odd, dataset
    finally:
        shutil.rmtree(folder)


def test_there_are_many_kinds(prepared: tuple[list[odd_pictures.Odd], Dataset]) -> None:
    odd, _ = prepared
    assert len({kind.name for kind in odd}) == len(odd) >= 80
    assert sum(bool(kind.reason) for kind in odd) >= 30


def test_each_bad_one_is_skipped_with_its_reason(prepared: tuple[list[odd_pictures.Odd], Dataset]) -> None:
    odd, dataset = prepared
    expected = {kind.name: kind.reason for kind in odd if kind.reason}
    found = {skipped.name: skipped.reason for skipped in dataset.skipped}
    assert found.keys() == expected.keys()
    wrong = {name: (found[name], reason) for name, reason in expected.items() if not re.search(reason, found[name])}
    assert not wrong
    assert all("0x" not in reason and len(reason) < 120 for reason in found.values())


def test_each_other_one_is_kept_and_shows_the_scene(prepared: tuple[list[odd_pictures.Odd], Dataset]) -> None:
    odd, dataset = prepared
    kept = {printable(kind.name): kind for kind in odd if kind.reason == ""}
    works = {work["name"]: number for number, work in enumerate(dataset.works())}
    assert works.keys() == kept.keys()
    wrong = {}
    for name, number in works.items():
        shows = kept[name].shows
        quarters = dataset.pictures[number][12::24, 12::24].astype(int)
        expected = {"colour": odd_pictures.COLOURS, "grey": odd_pictures.GREYS[..., None].repeat(3, axis=2)}.get(shows)
        if expected is not None and np.abs(quarters - expected).max() > 12:
            wrong[name] = quarters.tolist()
    assert not wrong


def test_what_was_decided_is_noted(prepared: tuple[list[odd_pictures.Odd], Dataset]) -> None:
    odd, dataset = prepared
    for kind in odd:
        if kind.note:
            assert any(kind.note in note for note in dataset.notes), kind.name
