"""A file of somebody's to pixels as a run's works have them."""

from pathlib import Path

import numpy as np

from ..colour import SkipPicture
from ..decode import DecodeOptions, decode, parse_colour, quiet
from ..errors import DataError
from ..evaluation.data import settings_of
from ..run_config import RunConfig


def as_works_are(path: Path, config: RunConfig, folder: Path | None) -> np.ndarray:
    """(H, W, C) uint8: the picture decoded, cropped and shrunk as the run's own pictures were, grey where works are.

    folder: the run's; None for a generator that came as a single file. Raises DataError with the reason.
    """
    channels, height, width = config.shape
    settings = settings_of(config, folder)
    crop = "centre" if settings["crop"] == "random" else settings["crop"]
    options = DecodeOptions(
        width, height, crop, channels == 4, parse_colour(settings["background"]), 1 if channels == 1 else 3
    )
    try:
        with quiet():
            return decode(path, options).pixels
    except SkipPicture as reason:
        raise DataError(f"{path} {reason}.") from None
