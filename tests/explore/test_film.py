"""Films."""

import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from ganvas.errors import StorageError, UsageError
from ganvas.explore.film import check_film, save_film


def frames(count=12, size=(20, 31), channels=3):
    """A bright bar that moves over a dark ground."""
    made = np.full((count, *size, channels), 40, np.uint8)
    if channels == 4:
        made[..., 3] = 0
    for number in range(count):
        made[number, :, number : number + 6] = 220
    return made


def read(path):
    if path.suffix == ".mp4":
        av = pytest.importorskip("av")
        with av.open(str(path)) as container:
            rate = container.streams.video[0].average_rate
            return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], 1000 / float(rate)
    with Image.open(path) as image:
        shown = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]
        image.seek(1)
        image.load()
        return shown, image.info["duration"]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".mp4", ".webp", ".gif"])
def test_a_film_shows_its_frames_in_order(tmp_path, suffix, channels):
    if suffix == ".mp4":
        pytest.importorskip("av")
    made, told = frames(channels=channels), []
    path = save_film(iter(made), tmp_path / "new" / f"film{suffix}", 25, 2, told.append)
    shown, duration = read(path)
    assert len(shown) == 12
    assert told[-1] == 12
    assert duration == pytest.approx(40)
    height, width = shown[0].shape[:2]
    assert (height, width) == (40, 62)
    ground = 255 if channels == 4 else 40
    for number, picture in enumerate(shown):
        expected = np.full((20, 31, 3), ground)
        expected[:, number : number + 6] = 220
        colours = picture[..., :3].astype(int)
        if channels == 4 and suffix == ".webp":
            colours = np.where(picture[..., 3:] > 128, colours, 255)
        assert np.abs(colours[1::2, 1::2] - expected).mean() < 8


def test_odd_sides_are_made_even_for_mp4(tmp_path):
    pytest.importorskip("av")
    shown, _ = read(save_film(frames(size=(21, 31)), tmp_path / "film.mp4", 30))
    assert shown[0].shape == (22, 32, 3)


def test_what_cannot_be_written_is_said_before_a_frame_is_drawn(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="a film must be named with one of .mp4, .webp, .gif, got 'film.avi'"):
        check_film(tmp_path / "film.avi", 30)
    with pytest.raises(UsageError, match="fps must be from 1 to 120"):
        check_film(tmp_path / "film.webp", 0)
    with pytest.raises(UsageError, match="at most 50 for a GIF"):
        check_film(tmp_path / "film.gif", 60)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        check_film(tmp_path / "file" / "film.webp", 30)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match=r"pip install 'ganvas\[video\]'"):
        check_film(tmp_path / "film.mp4", 30)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
