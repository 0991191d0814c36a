"""Reading a prepared folder. It may come from a stranger, so every type, bound and reference is checked."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from .arrayfile import open_array
from .errors import DataError
from .sources.artwork import printable

FORMAT = 1
KIND = "ganvas dataset"
TEXTS = ("author", "licence", "source", "consent", "group")
HEX = re.compile("[0-9a-f]{64}")
LARGEST_SHAPE = (1 << 40, 1 << 14, 1 << 14, 4)
LARGEST_SIDE = 1 << 24  # px, of an original
SHORTEST_LINE = 100  # bytes of works.jsonl: a sha256 and the keys
LARGEST_JSON = 1 << 28  # bytes


def read_description(folder: Path) -> dict[str, Any]:
    """The checked content of a prepared folder's dataset.json. Raises DataError."""
    path = folder / "dataset.json"
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise DataError(f"{path}: expected at most {LARGEST_JSON:,} bytes. It is not a description of pictures.")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"{folder}: not a prepared folder, its dataset.json cannot be read: {error.strerror}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged, not JSON ({error}). Prepare the pictures again.") from error
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise DataError(f"{path}: not made by ganvas prepare. Give a folder of pictures or a prepared one.")
    if found.get("format") != FORMAT:
        raise DataError(f"{path}: expected format {FORMAT}, found {found.get('format')!r}. Prepare the pictures again.")
    _check_description(found, path)
    return found


def _expect(good: bool, path: Path, what: str) -> None:
    if not good:
        raise DataError(f"{path}: damaged: expected {what}. Prepare the pictures again.")


def _is_count(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _check_description(found: dict[str, Any], path: Path) -> None:
    for key in ("digest", "works_sha256", "fingerprint"):
        _expect(
            isinstance(found.get(key), str) and HEX.fullmatch(found[key]) is not None, path, f"64 hex digits as {key}"
        )
    shape: Any = found.get("shape")
    settings: Any = found.get("settings")
    names: Any = found.get("label_names")
    _expect(isinstance(shape, list) and len(shape) == 4, path, "four numbers as shape")
    sides = zip(shape, LARGEST_SHAPE, strict=True)
    _expect(all(_is_count(n, 1, limit) for n, limit in sides), path, f"a shape of at most {LARGEST_SHAPE}")
    _expect(isinstance(settings, dict), path, "an object as settings")
    for key, stored in (("height", shape[1]), ("width", shape[2])):
        _expect(_is_count(settings.get(key), 1, stored), path, f"a {key} of at most {stored} in settings")
    _expect(_are_texts(names) and len(set(names)) == len(names), path, "different texts as label_names")
    for key in ("warnings", "notes"):
        _expect(_are_texts(found.get(key)), path, f"texts as {key}")
    _expect(isinstance(found.get("source"), str), path, "a text as source")
    _expect(isinstance(found.get("skipped"), list), path, "a list as skipped")
    for entry in found["skipped"]:
        good = isinstance(entry, dict) and _are_texts([entry.get("name"), entry.get("reason")])
        _expect(good, path, "a name and a reason for each file in skipped")


def array_name(digest: str) -> str:
    return f"pictures-{digest[:12]}.npy"


def open_pictures(folder: Path, digest: str, shape: list[int]) -> np.ndarray:
    """uint8 (N, H, W, C), memory-mapped. Raises DataError."""
    path = folder / array_name(digest)
    try:
        return open_array(path, tuple(shape))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the array of pictures cannot be used ({error}). Prepare them again.") from error


def captions_of(work: dict[str, Any]) -> list[Any]:
    """The captions in a line of works.jsonl."""
    found = work.get("text", [])
    return found if isinstance(found, list) else [found]


def read_works(
    path: Path, count: int, names: tuple[str, ...], sha256: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """labels int64 (N,), is_test bool (N,), content uint64 (N,), kin uint64 (N,)."""
    try:
        _expect(path.stat().st_size >= count * SHORTEST_LINE, path, f"{count} lines")  # before room is made for them
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}. Prepare the pictures again.") from error
    index = {name: number for number, name in enumerate(names)}
    labels, is_test, content = np.full(count, -1, np.int64), np.zeros(count, bool), np.zeros(count, np.uint64)
    kin = np.zeros(count, np.uint64)
    summary, number = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number > count:
                    raise DataError(f"{path}: expected {count} lines, found more. Prepare the pictures again.")
                summary.update(line)
                work = json.loads(line)
                if (problem := _problem(work, index)) is not None:
                    raise DataError(f"{path}, line {number}: expected {problem}. Prepare the pictures again.")
                labels[number - 1] = index.get(work.get("label"), -1)
                is_test[number - 1] = work["split"] == "test"
                content[number - 1] = int(work["sha256"][:16], 16)
                kin[number - 1] = int(_kin(work)[:16], 16)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged after line {number} ({error}). Prepare the pictures again.") from error
    _expect(number == count, path, f"{count} lines, not {number}")
    _expect(summary.hexdigest() == sha256, path, "the content that dataset.json was written for")
    return labels, is_test, content, kin


def _kin(work: dict[str, Any]) -> str:
    """64 hex digits, the same for pictures of one group; of none, those of its content."""
    group = work.get("group")
    return work["sha256"] if group is None else hashlib.sha256(group.encode(errors="replace")).hexdigest()


def _problem(work: Any, index: dict[str, int]) -> str | None:
    """What was expected of this line and is not so."""
    if not isinstance(work, dict):
        return "an object"
    name, sha256, label = work.get("name"), work.get("sha256"), work.get("label")
    if not isinstance(name, str) or not name or printable(name) != name:
        return "a printable name"
    if not isinstance(sha256, str) or not HEX.fullmatch(sha256):
        return "64 hex digits as sha256"
    if label is not None and (not isinstance(label, str) or label not in index):
        return "a label that dataset.json names"
    if work.get("split") not in ("train", "test"):
        return "train or test as split"
    if not all(isinstance(work.get(key, ""), str) for key in TEXTS):
        return f"texts as {', '.join(TEXTS)}"
    if not _are_texts(captions_of(work)):
        return "a text, or a list of texts, as text"
    if not all(_is_count(work.get(key), 1, LARGEST_SIDE) for key in ("width", "height")):
        return "a width and a height"
    return None
