"""From what the user named, or from what the run remembers, to the real pictures of an evaluation."""

from pathlib import Path
from typing import Any

from .. import stored
from ..dataset import Dataset, open_dataset, prepare
from ..errors import DataError, UsageError
from ..run_config import RunConfig
from ..runs import Run
from ..sources.artwork import printable
from ..sources.find import built_in
from ..sources.walk import is_prepared

LARGEST_PX = 128
"""A stranger's run that claims to have learned from built-in pictures does not make us enlarge them without bounds."""


def own_dataset(config: RunConfig, folder: Path | None) -> Dataset | None:
    """What the run learned from, where it is still at hand: known by its content, not by its place.

    folder: the run's; None for a generator that came as a single file.
    """
    place = None if folder is None else Run(folder, config).data_folder()
    if place is not None and is_prepared(place):
        try:
            dataset = open_dataset(place)
        except DataError:
            dataset = None
        if dataset is not None and dataset.digest == config.data_digest:
            return dataset
    if config.data in built_in() and max(config.shape) <= LARGEST_PX:
        dataset = prepare(config.data, (config.shape[2], config.shape[1]))
        return dataset if dataset.digest == config.data_digest else None
    return None


def real_pictures(
    data: Dataset | str | Path | None, config: RunConfig, folder: Path | None, name: str
) -> tuple[Dataset | None, Dataset | None]:
    """What the run learned from, and other pictures to compare with if others were named.

    data: pictures as `ganvas.prepare` takes them; a folder is prepared in the run's size. None: the run's own.
    Raises UsageError, and DataError for pictures of another size or colour than the works.
    """
    own = own_dataset(config, folder)
    if data is None:
        if own is None:
            raise UsageError(
                f"The pictures that {name} learned from ({printable(config.data)}) are not at hand. Say where they "
                "are, or give others to compare with, with --data."
            )
        return own, None
    given = data if isinstance(data, Dataset) else prepared(data, config, folder)
    if given.shape != config.shape:
        raise DataError(
            f"{name} draws {described(config.shape)}, but {given.source} holds {described(given.shape)}. Only pictures "
            "of one size and colour can be compared: prepare them alike (ganvas prepare --size, --channels, --alpha)."
        )
    return (given, None) if given.digest == config.data_digest else (own, given)


def prepared(data: str | Path, config: RunConfig, folder: Path | None) -> Dataset:
    """The named pictures, prepared as the run's were: size, crop, background; colour when the works are in colour."""
    if data not in built_in() and is_prepared(Path(data)):
        return open_dataset(data)
    height, width = config.shape[1:]
    return prepare(data, (width, height), **settings_of(config, folder))


def settings_of(config: RunConfig, folder: Path | None) -> dict[str, Any]:
    """How the run's pictures were prepared, as `prepare` takes it: crop, alpha, background, channels."""
    try:
        settings = {} if folder is None else stored.read_description(folder)["settings"]
    except DataError:  # of a run that was never trained, or is damaged
        settings = {}
    channels, background = config.shape[0], settings.get("background")
    good = isinstance(background, list) and len(background) == 3 and all(type(level) is int for level in background)
    return {
        "crop": str(settings.get("crop", "centre")),
        "alpha": channels == 4,
        "background": "#{:02x}{:02x}{:02x}".format(*background) if good and background else "white",
        "channels": 3 if channels == 3 else settings.get("channels"),
    }


def described(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f"{ {1: 'grey', 3: 'colour', 4: 'transparent'}.get(channels, 'odd') } pictures of {width}x{height} px"
