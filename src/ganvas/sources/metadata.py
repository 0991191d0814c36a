"""`metadata.jsonl` and `metadata.csv` in the layout of Hugging Face's image folders: one row a picture."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..words import tidy

NAMES = ("metadata.jsonl", "metadata.csv")
FIELDS = ("label", "author", "licence", "source", "consent", "group")
KNOWN = {*FIELDS, "text", "license", "file_name"}
LONGEST_LINE = 1_000_000  # bytes
MOST_UNKNOWN = 50  # columns to remember for the warning


def read(path: Path, unknown: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row's `file_name`, those of FIELDS that it fills, as text, and the captions `texts`, if any.

    `text` is a caption or, in JSON, a list of them. Names of other columns go into `unknown`.

    Raises DataError with the file and the line for a row that is not what the format says.
    """
    rows = _read_csv(path) if path.suffix == ".csv" else _read_jsonl(path)
    try:
        for number, row in rows:
            where = f"{path}, line {number}"
            name = row.get("file_name")
            if not isinstance(name, str) or not name.strip():
                raise DataError(f"{where}: expected a file_name, found {_brief(name)}. Each row names one picture.")
            if len(unknown) < MOST_UNKNOWN:
                unknown.update(key for key in row if key not in KNOWN)
            fields: dict[str, Any] = {key: _text(row.get(key), key, where) for key in FIELDS}
            fields["licence"] = fields["licence"] or _text(row.get("license"), "license", where)
            texts = row["text"] if isinstance(row.get("text"), list) else [row.get("text")]
            fields["texts"] = tidy(_text(text, "text", where) for text in texts)
            yield name, {key: text for key, text in fields.items() if text}
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def _text(value: object, key: str, where: str) -> str:
    """The value as text, "" for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int) or (isinstance(value, float) and key != "label"):
        return str(value).strip()
    raise DataError(f"{where}: expected text or a whole number as {key}, found {_brief(value)}.")


def _brief(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise DataError(f"{path}, line {number}: expected at most {LONGEST_LINE:,} bytes a line, found more.")
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, line {number}: expected one JSON object a line ({error}).") from error
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: expected one JSON object a line, found {_brief(row)}.")
            yield number, row


def _read_csv(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            if "file_name" not in header or len(set(header)) < len(header):
                raise DataError(
                    f"{path}, line 1: expected column names, each once, file_name among them; found {_brief(header)}."
                )
            for cells in reader:
                if cells and len(cells) != len(header):
                    number = reader.line_num
                    raise DataError(f"{path}, line {number}: expected {len(header)} cells, found {len(cells)}.")
                if cells:
                    yield reader.line_num, dict(zip(header, cells, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path}, line {reader.line_num + 1}: not a CSV file in UTF-8 ({error}).") from error
