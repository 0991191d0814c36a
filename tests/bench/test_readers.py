"""The bench of readers, at tiny size."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sentence_models import make_model

pytest.importorskip("transformers")


def test_both_readers_are_measured(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readers = bench("readers")
    model = make_model(tmp_path / "tiny")
    monkeypatch.setattr(readers, "CHOICES", 5)
    asked = [
        "readers.py",
        "shapes:60",
        "--text-encoder",
        str(model),
        "--size",
        "16",
        "--pictures",
        "40",
        "--steps",
        "3",
    ]
    monkeypatch.setattr(sys, "argv", asked)
    readers.main()
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert lines[0].startswith("the net's own reader: ") and lines[1].startswith("the sentence model: ")
