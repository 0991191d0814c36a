"""Frames to a film that loops: MP4 by PyAV (extra `video`), animated WebP or GIF by Pillow.

MP4 is flat in memory; of the others Pillow holds all frames.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..config import check
from ..errors import StorageError, UsageError
from ..files import make_folder, new_file
from ..pictures import PAPER, to_image

SUFFIXES = (".mp4", ".webp", ".gif")
INSTALL = "pip install 'ganvas[video]'"


def check_film(path: Path, fps: int) -> None:
    """Raises UsageError when no film can be written there: before minutes are spent on its frames."""
    check(path.suffix.lower() in SUFFIXES, "a film", path.name, f"named with one of {', '.join(SUFFIXES)}")
    check(1 <= fps <= 120, "fps", fps, "from 1 to 120")
    if path.suffix.lower() == ".mp4":
        _av()
    if path.suffix.lower() == ".gif":
        check(fps <= 50, "fps", fps, "at most 50 for a GIF, whose frames last a hundredth of a second each, or more")
    with new_file(make_folder(path.parent) / f".{path.name}.trial") as _:
        pass
    (path.parent / f".{path.name}.trial").unlink()


def save_film(
    frames: Iterable[np.ndarray], path: Path, fps: int, scale: int = 1, progress: Callable[[int], None] = lambda _: None
) -> Path:
    """An endless film of (H, W, C) uint8 frames, each pixel enlarged to `scale` x `scale`.

    Alpha stays in WebP; MP4 and GIF have it laid on white. Raises UsageError, StorageError.
    """
    check_film(path, fps)
    suffix = path.suffix.lower()
    larger = _counted((frame.repeat(scale, 0).repeat(scale, 1) for frame in frames), progress)
    if suffix == ".mp4":
        _save_mp4(larger, path, fps)
        return path
    first, *rest = (_as_image(frame, keeps_alpha=suffix == ".webp") for frame in larger)
    # Hundredths of a second in a GIF: told frame by frame, so that the length as a whole is right.
    ends = [round(number * 1000 / fps, -1 if suffix == ".gif" else 0) for number in range(len(rest) + 2)]
    durations = [max(10, int(b - a)) for a, b in itertools.pairwise(ends)]
    options = {"lossless": False, "quality": 90, "method": 2} if suffix == ".webp" else {"optimize": False}
    with new_file(path) as file:
        first.save(file, suffix[1:].upper(), save_all=True, append_images=rest, duration=durations, loop=0, **options)
    return path


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise UsageError(f"MP4 needs PyAV: {INSTALL}. Or name the film with .webp or .gif.") from None
    return av


def _save_mp4(frames: Iterator[np.ndarray], path: Path, fps: int) -> None:
    """H.264 as every player reads it: 4:2:0, even sides, the index in front."""
    av = _av()
    with new_file(path) as file:
        try:
            with av.open(file, "w", format="mp4", options={"movflags": "faststart"}) as container:
                stream = container.add_stream(
                    "libx264", rate=Fraction(fps), options={"crf": "16", "preset": "veryfast"}
                )
                stream.pix_fmt = "yuv420p"
                for number, frame in enumerate(frames):
                    rgb = np.asarray(_as_image(frame, keeps_alpha=False).convert("RGB"))
                    rgb = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), "edge")
                    if number == 0:
                        stream.height, stream.width = rgb.shape[:2]
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")))
                container.mux(stream.encode())
        except av.error.FFmpegError as error:
            raise StorageError(f"{path}: the film could not be written: {error}.") from None


def _as_image(frame: np.ndarray, keeps_alpha: bool) -> Image.Image:
    image = to_image(frame)
    if image.mode == "RGBA" and not keeps_alpha:
        return Image.alpha_composite(Image.new("RGBA", image.size, (PAPER,) * 3 + (255,)), image).convert("RGB")
    return image


def _counted(frames: Iterable[np.ndarray], progress: Callable[[int], None]) -> Iterator[np.ndarray]:
    for number, frame in enumerate(frames):
        yield frame
        progress(number + 1)
