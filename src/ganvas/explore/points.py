"""What a user names a work by: its seed, or its file."""

from collections.abc import Sequence
from pathlib import Path

from ..config import check
from ..drawing import Drawer
from ..errors import DataError, UsageError
from ..pictures import read_text
from .latent import Latent, from_text, of_seeds


def latents_of(
    words: Sequence[str], drawer: Drawer, label: str | int | None = None, truncation: float = 1.0
) -> list[Latent]:
    """A latent for each word: a whole number is a seed, anything else the PNG file of a work of this model.

    label, truncation: of the seeds, as in `ganvas.Model.sample`. Raises UnknownName, UsageError, DataError.
    """
    found = []
    for word in words:
        if word.lstrip("-").isdecimal() and len(word) < 20:
            found += of_seeds(drawer, [int(word)], label, truncation)
        elif Path(word).suffix.lower() == ".png" or Path(word).is_file():
            found.append(from_text(read_text(Path(word)), drawer, word))
        else:
            raise UsageError(f"{word!r} is neither a seed (a whole number) nor the PNG file of a work.")
    return found


def works_in(folder: Path) -> list[str]:
    """The PNG files of a folder, sorted. Raises DataError when there are none."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder.")
    found = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() == ".png")
    if not found:
        raise DataError(
            f"{folder} holds no works (PNG files). Draw some, and put there what you like: ganvas sample RUN"
        )
    return found


MOST = 10_000
"""Works that a range may stand for."""


def spelled_out(words: Sequence[str]) -> list[str]:
    """["seeds", "3", "7-9"] -> ["3", "7", "8", "9"]. Raises UsageError for a range without end, or for nothing."""
    found: list[str] = []
    for word in seeds_word(words):
        first, dash, last = word.partition("-")
        if dash and first.isdecimal() and last.isdecimal() and len(word) < 30:
            count = int(last) - int(first) + 1
            check(1 <= count <= MOST, "a range of seeds", word, f"from the lower to the higher, {MOST:,} at most")
            found += [str(seed) for seed in range(int(first), int(last) + 1)]
        else:
            found.append(word)
    check(bool(found), "works", "none", "named by seeds, such as 1 2 3 or 1-24, or by files")
    return found


def seeds_word(words: Sequence[str]) -> Sequence[str]:
    """Without the word "seeds" in front, which may be there to be read."""
    return words[1:] if words and words[0] in ("seeds", "works") else words


def rows_and_columns(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """["rows", "1", "2", "cols", "4", "5"] -> (["1", "2"], ["4", "5"]). Raises UsageError, UnknownName."""
    parts: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in words:
        if word in ("rows", "cols", "columns"):
            current = parts.setdefault("rows" if word == "rows" else "cols", [])
        elif current is None:
            raise UsageError("Say which works are rows and which are columns: --mix rows 1 2 3 cols 4 5 6")
        else:
            current.append(word)
    if not parts.get("rows") or not parts.get("cols"):
        raise UsageError("A matrix needs works in rows and in columns: --mix rows 1 2 3 cols 4 5 6")
    return parts["rows"], parts["cols"]


def same_model(words: Sequence[str], fingerprint: str) -> list[str]:
    """A sentence for each file among the words that another generator drew, so that it will not look the same."""
    found = []
    for word in words:
        if Path(word).suffix.lower() != ".png":
            continue
        text = read_text(Path(word))
        if text.get("generator", fingerprint) != fingerprint:
            whose = f"{text.get('run', 'another run')} at {text.get('kimg', '?')} kimg"
            found.append(f"{word} was drawn by {whose}, not by this generator, so it will not look the same.")
    return found
