"""The run folder, format 1: settings, statistics, checkpoints, previews. Files only; no torch.

run.json                       resolved recipe, seed, length, versions, dataset digest, parent run
dataset.json, works.jsonl      what it was trained on, work by work, and what was skipped and why
data.json                      where the prepared pictures lie on this machine
stats.jsonl, metrics.jsonl     one object a line
checkpoints/kimg-000400.128/   ema.safetensors, state.safetensors, state.json, DONE (written last)
best/                          ema.safetensors, score.json: the best generator that was judged while it learned
previews/                      the same latents over time
"""

import contextlib
import dataclasses
import json
import math
import re
import shutil
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from .config import flatten, from_json, to_json
from .errors import CheckpointError, RunBusy, RunMismatch, RunNotFound, UsageError
from .files import make_folder, new_folder, storage_errors, try_lock, write_file
from .run_config import FORMAT, RunConfig
from .sources.artwork import printable

Arrays = dict[str, np.ndarray]

KEPT = 2
"""Checkpoints kept: the newest, and the one before it in case the newest is found damaged."""

LARGEST = 1e300
"""JSON may hold NaN, infinity, and whole numbers of any length, which no float holds."""

UNREADABLE = (
    OSError,
    ArithmeticError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    struct.error,
    RecursionError,
)
"""What reading a stranger's header can raise."""


def shortened(value: Any, most: int = 60) -> str:
    """As Python writes it, cut where a list is long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 4]} ..."


@dataclass(frozen=True)
class Checkpoint:
    """A finished checkpoint's folder. All that is read from it may raise CheckpointError."""

    folder: Path

    def scalars(self) -> dict[str, Any]:
        """state.json: at least `images`, `seconds` and `done`."""
        return read_scalars(self.folder / "state.json")

    def tensors(self) -> dict[str, np.ndarray]:
        """state.safetensors."""
        return read_tensors(self.folder / "state.safetensors")

    def ema(self) -> dict[str, np.ndarray]:
        """ema.safetensors."""
        return read_tensors(self.folder / "ema.safetensors")

    @property
    def kimg(self) -> float:
        """Thousands of pictures seen, from the folder's name."""
        return kimg_of(self.folder)

    def set_aside(self) -> None:
        """Renames the folder, so that it counts as a checkpoint no more and yet nothing is lost."""
        with storage_errors(self.folder):
            self.folder.rename(self.folder.with_name(f"damaged-{self.folder.name}"))


@dataclass(frozen=True)
class Best:
    """The best generator that was judged: the folder `best`. All that is read from it may raise CheckpointError."""

    folder: Path

    def record(self) -> dict[str, Any]:
        """score.json: at least `score`, its name, `value` and `kimg`, two finite numbers."""
        path = self.folder / "score.json"
        record = read_json(path)
        good = isinstance(record, dict) and isinstance(record.get("score"), str)
        if not good or not all(is_number(record.get(key)) for key in ("value", "kimg")) or record["kimg"] < 0:
            raise CheckpointError(f"{path} lacks 'score', 'value' or 'kimg'. Delete the folder {self.folder}.")
        return record

    def ema(self) -> dict[str, np.ndarray]:
        """ema.safetensors."""
        return read_tensors(self.folder / "ema.safetensors", "the newest checkpoint can still be opened")

    @property
    def kimg(self) -> float:
        """Thousands of pictures seen when it was judged."""
        return self.record()["kimg"]


@dataclass(frozen=True)
class Run:
    """A run folder. Make one with `create`, find one with `find`."""

    folder: Path
    config: RunConfig

    @classmethod
    def create(cls, folder: Path, config: RunConfig) -> "Run":
        """A new run, or the same run again: the stored settings must then agree, but for the length.

        Another length, or place of a sentence model, is stored by the trainer, when it has the lock.

        Raises RunMismatch naming the settings that differ, UsageError when the folder holds something else.
        """
        if (folder / "run.json").exists():
            run = cls.find(folder)
            run.check_same(config)
            return cls(folder, dataclasses.replace(run.config, budget=config.budget, text_encoder=config.text_encoder))
        if folder.exists() and (not folder.is_dir() or any(not item.name.startswith(".") for item in folder.iterdir())):
            raise UsageError(f"{folder} exists and is not a run. Choose a new or empty folder with --out.")
        make_folder(folder)
        for part in ("checkpoints", "previews", "works"):
            make_folder(folder / part)
        run = cls(folder, config)
        run.store()
        return run

    @classmethod
    def find(cls, folder: Path | str) -> "Run":
        """The run in `folder`. Raises RunNotFound, CheckpointError for a run.json that is damaged."""
        folder = Path(folder)
        path = folder / "run.json"
        if not path.is_file():
            raise RunNotFound(f"{folder} is not a run: it has no run.json. List yours with: ganvas runs")
        config = from_json(RunConfig, read_json(path), str(path))
        if config.format != FORMAT:
            raise CheckpointError(f"{path} has format {config.format}; this ganvas reads format {FORMAT}. Update it.")
        return cls(folder, config)

    def store(self) -> None:
        write_file(self.folder / "run.json", json.dumps(to_json(self.config), indent=2, ensure_ascii=False) + "\n")

    def check_same(self, wanted: RunConfig) -> None:
        stored, new = flatten(to_json(self.config)), flatten(to_json(wanted))
        ignored = ("budget", "versions", "data", "parent")
        stored.pop("text_encoder.path", None), new.pop("text_encoder.path", None)  # the same model may have moved
        differing = [
            f"{key} ({shortened(stored.get(key))}, now {shortened(new.get(key))})"
            for key in sorted(stored.keys() | new.keys())
            if stored.get(key) != new.get(key) and key.split(".")[0] not in ignored
        ]
        if differing:
            raise RunMismatch(
                f"{self.folder} holds a run with other settings: {', '.join(differing[:5])}. "
                "Use the same settings to go on with it, or another folder with --out for a new run."
            )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps a second process from training into the folder. Raises RunBusy. Freed when the process dies."""
        with storage_errors(self.folder):
            file = (self.folder / ".lock").open("a")
        with file:
            if not try_lock(file):
                raise RunBusy(f"Another process is training into {self.folder}. Wait for it, or choose another --out.")
            yield

    def state(self) -> str:
        """ "done", "training", "stopped" (the same command goes on), "new" (no checkpoint yet) or "damaged"."""
        with contextlib.suppress(OSError), (self.folder / ".lock").open() as file:
            if not try_lock(file, shared=True):
                return "training"
        checkpoint = self.latest()
        try:
            scalars = {} if checkpoint is None else checkpoint.scalars()
        except CheckpointError:
            return "damaged"
        if checkpoint is None:
            return "new"
        # A finished run that was then made longer, and stopped before its next checkpoint, is not done.
        return "done" if scalars["done"] and scalars.get("length", "") == str(self.config.budget) else "stopped"

    def checkpoints(self) -> list[Checkpoint]:
        """All finished checkpoints, oldest first. A folder without DONE is none."""
        folders = sorted(named_by_kimg(self.folder / "checkpoints", ""), key=lambda path: path.name)
        return [Checkpoint(path) for path in folders if (path / "DONE").is_file()]

    def latest(self) -> Checkpoint | None:
        """The newest finished checkpoint."""
        checkpoints = self.checkpoints()
        return checkpoints[-1] if checkpoints else None

    def save(self, ema: Arrays, state: Arrays, scalars: dict[str, Any], spared: Collection[Path] = ()) -> Checkpoint:
        """A checkpoint, complete or not there at all; then the oldest beyond `KEPT` go, but for the folders `spared`.

        ema: tensors of the generator that people use.  state: all other tensors.  scalars: counts; JSON values with
        at least `images` and `done`. Raises StorageError; the last good checkpoint stays.
        """
        folder = self.folder / "checkpoints" / f"kimg-{scalars['images'] / 1000:010.3f}"
        with new_folder(folder) as temporary:
            write_tensors(temporary / "ema.safetensors", ema, self.header(scalars["images"]))
            write_tensors(temporary / "state.safetensors", state)
            write_file(temporary / "state.json", json.dumps(scalars, indent=2))
            write_file(temporary / "DONE", "")
        for old in self.checkpoints()[:-KEPT]:
            if old.folder not in spared:
                shutil.rmtree(old.folder, ignore_errors=True)
        return Checkpoint(folder)

    def header(self, images: int) -> dict[str, str]:
        """What an ema.safetensors says about itself: it stands alone, in the hands of strangers too."""
        config = json.dumps(to_json(self.config.to_travel()), ensure_ascii=False)
        return {"ganvas": config, "run": self.folder.resolve().name, "images": str(images)}

    def save_best(self, ema: dict[str, np.ndarray], record: dict[str, Any]) -> Best:
        """The folder `best`, complete or as it was before.

        ema: tensors of the generator that people use.   record: how it was judged; JSON values with at least `score`,
        `value` and `kimg`. Raises StorageError.
        """
        with new_folder(self.folder / "best") as temporary:
            write_tensors(temporary / "ema.safetensors", ema, self.header(seen(record)))
            write_file(temporary / "score.json", json.dumps(without_nan(record), indent=2))
        return Best(self.folder / "best")

    def best(self) -> Best | None:
        """The best generator that was judged; None when none was."""
        best = Best(self.folder / "best")
        return best if best.folder.is_dir() else None

    def store_data_folder(self, folder: Path) -> None:
        """Writes data.json: where the prepared pictures lie. Not in run.json, which travels with the generator."""
        write_file(self.folder / "data.json", json.dumps({"prepared": str(folder.resolve())}) + "\n")

    def data_folder(self) -> Path | None:
        """What data.json says, which may be wrong by now; None when it says nothing that could be a folder's path."""
        try:
            path = read_json(self.folder / "data.json")["prepared"]
        except (CheckpointError, KeyError, TypeError):
            return None
        return Path(path) if isinstance(path, str) and "\0" not in path and Path(path).is_absolute() else None

    def append(self, name: str, record: dict[str, Any]) -> None:
        """One object as a line of stats.jsonl or metrics.jsonl; NaN and infinity become null."""
        with storage_errors(self.folder / name), (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(without_nan(record)) + "\n")

    def read(self, name: str) -> list[dict[str, Any]]:
        """The objects of stats.jsonl or metrics.jsonl; a line half written when the process was killed is left out."""
        path = self.folder / name
        records = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError, RecursionError):
                records.append(json.loads(line))
        return [record for record in records if isinstance(record, dict)]

    def rewind(self, images: int) -> None:
        """Forgets statistics and previews of steps after `images`, which will be taken again."""
        for name in ("stats.jsonl", "metrics.jsonl"):
            kept = [json.dumps(without_nan(record)) + "\n" for record in self.read(name) if seen(record) <= images]
            write_file(self.folder / name, "".join(kept))
        for path in self.previews():
            if round(kimg_of(path) * 1000) > images:
                path.unlink(missing_ok=True)

    def preview_path(self, images: int) -> Path:
        return self.folder / "previews" / f"kimg-{images / 1000:010.3f}.png"

    def previews(self) -> list[Path]:
        """The previews, oldest first."""
        return sorted(named_by_kimg(self.folder / "previews", ".png"))


def named_by_kimg(folder: Path, suffix: str) -> list[Path]:
    """The entries that ganvas named, such as kimg-000400.128.png; a person's copy of one is none of ours."""
    pattern = re.compile(r"kimg-\d{6,}\.\d{3}" + re.escape(suffix))
    return [path for path in folder.glob("kimg-*") if pattern.fullmatch(path.name)]


def kimg_of(path: Path) -> float:
    """Thousands of pictures seen when `path`, one of `named_by_kimg`, was written."""
    return float(path.name.removeprefix("kimg-").removesuffix(".png"))


def seen(record: dict[str, Any]) -> int:
    """Pictures seen when a line of statistics was written."""
    kimg = record.get("kimg")
    return round(kimg * 1000) if is_number(kimg) else 0


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of a JSON file is a number that can be reckoned with."""
    return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) < LARGEST


def without_nan(value: Any) -> Any:
    """JSON values with null for NaN and infinity, for which JSON has no words: other programs refuse such a line."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def list_runs(folder: Path) -> list[Run]:
    """All runs below `folder`, by path; a run.json that cannot be read is passed over."""
    runs = []
    for path in sorted(folder.glob("**/run.json")):
        with contextlib.suppress(UsageError, CheckpointError):
            runs.append(Run.find(path.parent))
    return runs


def read_json(path: Path) -> Any:
    """Raises CheckpointError when the file is not JSON or cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({error}). Restore it, or start anew.") from None


def read_scalars(path: Path) -> dict[str, Any]:
    """A checkpoint's state.json, checked. Raises CheckpointError."""
    scalars = read_json(path)
    good = isinstance(scalars, dict) and type(scalars.get("images")) is int and isinstance(scalars.get("done"), bool)
    if not good or not isinstance(scalars.get("seconds"), float | int) or not 0 <= scalars["seconds"] < math.inf:
        raise CheckpointError(f"{path} lacks 'images', 'seconds' or 'done'. Delete the folder {path.parent.name}.")
    return scalars


def write_tensors(path: Path, tensors: dict[str, np.ndarray], header: dict[str, str] | None = None) -> None:
    """A synced safetensors file. Through memory, because the library's own writer hides what the disk said."""
    write_file(path, save(tensors, metadata=header))


def read_tensors(path: Path, left: str = "the checkpoint before it is used") -> dict[str, np.ndarray]:
    """Raises CheckpointError when the file is missing, cut off or no safetensors file; it says what is `left`."""
    try:
        return load_file(path)
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}). Delete the folder {path.parent.name}; {left}."
        ) from None


def read_header(path: Path) -> tuple[RunConfig, str, float]:
    """The settings in the header of an ema.safetensors file, its run's name and kimg. Raises CheckpointError."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 100_000_000:
                raise ValueError("no safetensors header")
            metadata = json.loads(file.read(length)).get("__metadata__", {})
        config = from_json(RunConfig, json.loads(metadata["ganvas"]), str(path))
        return config, printable(metadata["run"]), int(metadata["images"]) / 1000
    except UNREADABLE as error:
        raise CheckpointError(f"{path} is not a generator saved by ganvas ({error!r}).") from None
