"""One picture at a time: geometry, colour, alpha, and bytes that are no picture."""

import contextlib
import io
import struct
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin

from ganvas import decode as decode_module
from ganvas.colour import SkipPicture
from ganvas.decode import EXTENSIONS, FORMATS, Decoded, DecodeOptions, decode, parse_colour, quiet, uses_alpha

from . import icc_profiles
from .odd_pictures import TURNED, encoded, grey_scene, orientation, scene, see_through

SMALL = DecodeOptions(16, 16)


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """As `prepare` does it."""
    with quiet():
        yield


def decode_bytes(content: bytes, name: str, options: DecodeOptions = SMALL) -> Decoded:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return decode(path, options)


def decode_png(image: Image.Image, options: DecodeOptions = SMALL) -> np.ndarray:
    return decode_bytes(encoded(image, "PNG"), "x.png", options).pixels


def disc(width: int, height: int) -> np.ndarray:
    """bool (height, width): a disc in the middle, its diameter 0.8 of the shorter side."""
    y, x = np.mgrid[:height, :width] + 0.5
    return (x - width / 2) ** 2 + (y - height / 2) ** 2 < (0.4 * min(width, height)) ** 2


@settings(deadline=None, max_examples=120)
@given(
    width=st.integers(24, 160),
    height=st.integers(24, 160),
    options=st.builds(
        DecodeOptions,
        st.integers(12, 64),
        st.integers(12, 64),
        crop=st.sampled_from(["centre", "fit", "random"]),
        alpha=st.booleans(),
        background=st.just((0, 0, 0)),
        channels=st.none(),
    ),
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "array"]),
    turn=st.sampled_from(sorted(TURNED)),
)
def test_nothing_is_ever_squashed(width: int, height: int, options: DecodeOptions, mode: str, turn: int) -> None:
    stored_width, stored_height = options.stored_size
    scale = (min if options.crop == "fit" else max)(stored_width / width, stored_height / height)
    diameter = 0.8 * min(width, height) * scale
    assume(diameter >= 6)  # below, too few pixels to measure
    shape = disc(width, height)
    grey = np.where(shape, 255, 0).astype(np.uint8)
    if mode == "array":
        result = decode(grey, options)
    else:
        stored = Image.fromarray(np.ascontiguousarray(TURNED[turn](grey)))
        image = Image.fromarray(np.asarray(stored).astype(np.uint16) * 257) if mode == "I;16" else stored.convert(mode)
        kind = "TIFF" if mode == "CMYK" else "PNG"
        name = "x.tif" if mode == "CMYK" else "x.png"
        result = decode_bytes(encoded(image, kind, exif=orientation(turn)), name, options)
    assert result.pixels.shape == (stored_height, stored_width, 4 if options.alpha else 1)
    assert (result.width, result.height) == (width, height)
    white = (result.pixels[..., 0] > 127) & (result.pixels[..., -1] > 127)  # what is empty is white, too
    across, down = white[stored_height // 2].sum(), white[:, stored_width // 2].sum()
    tolerance = 1.5 + 1.5 * scale
    assert abs(across - min(diameter, stored_width)) <= tolerance
    assert abs(down - min(diameter, stored_height)) <= tolerance


def test_centre_crop_takes_the_middle() -> None:
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:32] = (10, 200, 30)
    result = decode_png(Image.fromarray(wide))
    assert result.shape == (16, 16, 3) and (result == (10, 200, 30)).all()


def test_fit_pads_with_the_background_or_transparency() -> None:
    wide = Image.new("RGB", (32, 16), (10, 200, 30))
    result = decode_png(wide, DecodeOptions(16, 16, crop="fit", background=(1, 2, 3)))
    assert (
        (result[:4] == (1, 2, 3)).all() and (result[12:] == (1, 2, 3)).all() and (result[4:12] == (10, 200, 30)).all()
    )
    kept = decode_png(wide, DecodeOptions(16, 16, crop="fit", alpha=True))
    assert (kept[:4] == (255, 255, 255, 0)).all() and (kept[4:12] == (10, 200, 30, 255)).all()


def test_random_crop_stores_a_margin() -> None:
    assert decode_png(Image.new("RGB", (99, 50)), DecodeOptions(33, 16, crop="random")).shape == (20, 42, 1)


def test_alpha_is_kept_or_composed() -> None:
    kept = decode_png(see_through(), DecodeOptions(48, 32, alpha=True))
    assert kept.shape == (32, 48, 4) and (kept[20:, 28:, 3] == 0).all() and (kept[:12, :20] == (255, 0, 0, 255)).all()
    composed = decode_png(see_through(), DecodeOptions(48, 32, background=parse_colour("#0a141e")))
    assert (composed[20:, 28:] == (10, 20, 30)).all() and (composed[:12, :20] == (255, 0, 0)).all()
    opaque = decode_png(Image.new("L", (20, 20), 7), DecodeOptions(16, 16, alpha=True))
    assert (opaque == (7, 7, 7, 255)).all()


def test_invisible_colours_do_not_bleed() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :32] = (255, 255, 255, 255)
    pixels[:, 32:] = (255, 0, 0, 0)  # red, but nobody can see it
    result = decode_png(Image.fromarray(pixels), DecodeOptions(24, 24))
    assert result.shape == (24, 24, 1) and (result == 255).all()


@pytest.mark.parametrize("options", [DecodeOptions(n, n, crop, True) for n in (24, 64) for crop in decode_module.CROPS])
def test_what_is_empty_is_white_and_edges_have_no_fringe(options: DecodeOptions) -> None:
    pixels = np.full((64, 64, 4), (0, 255, 0, 0), np.uint8)  # green, but nobody can see it
    pixels[disc(64, 64)] = (255, 0, 0, 255)
    pixels[:8, :8] = (0, 255, 0, 3)
    result = decode_png(Image.fromarray(pixels), options)
    empty, soft = result[..., 3] == 0, (result[..., 3] > 0) & (result[..., 3] < 255)
    assert empty.any() and (result[empty] == (255, 255, 255, 0)).all()
    assert soft.any() == (options.stored_size != (64, 64))  # else nothing was resized
    assert (result[~empty][:, 1:3] == 0).all() and (result[~empty][:, 0] >= 250).all()
    assert result[..., 3][~empty].min() >= decode_module.FAINT


@pytest.mark.parametrize(
    ("kind", "uses"),
    [("1", False), ("L", False), ("RGB", False), ("LA", True), ("RGBA", True), ("P", True), ("opaque", False)],
)
def test_transparency_that_is_used_is_found_and_told(kind: str, uses: bool, tmp_path: Path) -> None:
    image, path = see_through(), tmp_path / "x.png"
    if kind == "P":
        image.convert("RGB").quantize(8).save(path, transparency=3)
    elif kind == "opaque":
        image.putalpha(255)
        image.save(path)
    else:
        image.convert(kind).save(path)
    assert uses_alpha(path) is uses
    assert ("transparent in places, laid on the background" in decode(path, SMALL).notes) is uses
    assert decode(path, DecodeOptions(16, 16, alpha=True)).notes == ()


def test_transparency_of_arrays_and_of_what_is_no_picture(tmp_path: Path) -> None:
    assert uses_alpha(np.asarray(see_through())) is True
    assert uses_alpha(grey_scene()) is False
    (tmp_path / "x.png").write_bytes(b"\x89PNG is all")
    assert uses_alpha(tmp_path / "x.png") is None
    assert uses_alpha(tmp_path / "none.png") is None


def test_half_transparent_is_mixed() -> None:
    result = decode_png(Image.new("RGBA", (16, 16), (200, 100, 0, 128)), DecodeOptions(16, 16, background=(0, 0, 0)))
    assert np.abs(result.astype(int) - (100, 50, 0)).max() <= 1


def test_grey_stays_one_channel_unless_told_otherwise() -> None:
    grey, colour = Image.fromarray(grey_scene()), Image.fromarray(scene())
    assert decode_png(grey).shape[2] == decode_png(grey.convert("RGB")).shape[2] == 1
    assert decode_png(colour).shape[2] == 3
    almost = grey_scene()[..., None].repeat(3, axis=2)
    almost[0, 0, 2] += 1
    assert decode_png(Image.fromarray(almost), DecodeOptions(48, 32)).shape[2] == 3
    assert decode_png(grey, DecodeOptions(16, 16, channels=3)).shape[2] == 3
    lumas = decode_png(colour, DecodeOptions(48, 32, channels=1))
    assert lumas.shape == (32, 48, 1) and [lumas[8, 12, 0], lumas[8, 36, 0]] == [76, 150]  # ITU-R 601-2


def test_a_grey_picture_stays_grey_under_a_profile_for_colour() -> None:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    for image in (ramp, ramp.convert("RGB")):
        result = decode_bytes(encoded(image, "PNG", icc_profile=icc_profiles.plain_gamma()), "x.png")
        assert result.pixels.shape[2] == 1 and result.notes == ()
        difference = np.abs(result.pixels[..., 0] - np.asarray(ramp, int))
        assert 5 < difference.max() < 12  # the curves do differ in the shadows
    # A profile that gives these greys a tint on purpose is honoured.
    tinted = encoded(ramp.convert("RGB"), "PNG", icc_profile=icc_profiles.plain_gamma(red=1.8))
    assert decode_bytes(tinted, "x.png").pixels.shape[2] == 3


def test_16_bits_are_scaled_not_clipped() -> None:
    values = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    for kind, name in (("PNG", "x.png"), ("TIFF", "x.tif"), ("PPM", "x.pgm")):
        result = decode_bytes(encoded(Image.fromarray(values), kind), name).pixels
        assert np.array_equal(result[..., 0], np.arange(256).reshape(16, 16)), kind


def test_12_bits_are_scaled_to_their_own_range() -> None:
    """Pillow cannot write such a file, so it is made by hand (TIFF 6.0, section 2)."""
    width = height = 16
    row = bytes.fromhex("000fff") * (width // 2)  # two pixels in three bytes: black, white
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(row) * height)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    content = (b"II*\0" + struct.pack("<I", 8) + directory).ljust(200, b"\0") + row * height
    result = decode_bytes(content, "x.tif").pixels
    assert np.array_equal(result[..., 0], np.tile([0, 255], (16, 8)))


def test_a_large_jpeg_is_drafted_and_keeps_its_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def spy(self: JpegImagePlugin.JpegImageFile, mode: str | None, size: tuple[int, int] | None) -> object:
        result = draft(self, mode, size)
        sizes.append(self.size)
        return result

    draft = JpegImagePlugin.JpegImageFile.draft
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "draft", spy)
    y, x = np.mgrid[:900, :1600]
    waves = np.stack([128 + 100 * np.sin(x / 60), 128 + 100 * np.cos(y / 80), 128 + 100 * np.sin((x + y) / 90)], axis=2)
    content = encoded(Image.fromarray(waves.astype(np.uint8)), "JPEG")
    fast = decode_bytes(content, "x.jpg", DecodeOptions(64, 64)).pixels
    assert sizes == [(400, 225)]  # a quarter, still more than twice the size
    with Image.open(io.BytesIO(content)) as image:
        slow = decode(np.asarray(image), DecodeOptions(64, 64)).pixels
    assert np.abs(fast.astype(int) - slow).max() <= 6


def test_large_pictures_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads with a picture of 100 megapixels each would need gigabytes."""
    entered = []

    class Spy(contextlib.AbstractContextManager):
        def __exit__(self, *_: object) -> None:
            entered.append(1)

    monkeypatch.setattr(decode_module, "LARGE_PIXELS", 1000)
    monkeypatch.setattr(decode_module, "_one_large_at_a_time", Spy())
    decode_png(Image.new("L", (40, 25)))
    assert not entered
    decode_png(Image.new("L", (40, 26)))
    assert entered


def test_an_array_of_the_right_size_is_passed_on_unchanged() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    result = decode(pixels, SMALL)
    assert np.array_equal(result.pixels[..., 0], pixels) and len(result.sha256) == 64
    assert decode(pixels[::-1], SMALL).sha256 != result.sha256
    colour = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    assert np.array_equal(decode(colour, SMALL).pixels, colour)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((16, 16), np.float32), "is float32"),
        (np.zeros((16, 16, 2), np.uint8), r"is uint8 \(16, 16, 2\)"),
        (np.zeros(16, np.uint8), "expected uint8"),
        (np.zeros((7, 16), np.uint8), "too small: 16x7"),
    ],
)
def test_arrays_that_are_no_pictures(array: np.ndarray, reason: str) -> None:
    with pytest.raises(SkipPicture, match=reason):
        decode(array, SMALL)


def test_a_missing_file_and_too_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SkipPicture, match="cannot be read: no such file"):
        decode(tmp_path / "gone.png", SMALL)
    monkeypatch.setattr(Image.Image, "resize", lambda *_, **__: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(SkipPicture, match="more memory than there is"):
        decode_png(Image.new("RGB", (99, 50)))


def test_quiet_ends(tmp_path: Path) -> None:
    with quiet():
        warnings.warn("about a picture", UserWarning, stacklevel=1)
    with warnings.catch_warnings(), pytest.raises(UserWarning):
        warnings.simplefilter("error")
        warnings.warn("about something else", UserWarning, stacklevel=1)


def outcome(content: bytes, name: str, options: DecodeOptions) -> None:
    """Either a picture of the right form or a reason that reads as one line; nothing else."""
    with quiet():
        try:
            result = decode_bytes(content, name, options)
        except SkipPicture as reason:
            assert str(reason) and "\n" not in str(reason)
            return
    width, height = options.stored_size
    assert result.pixels.dtype == np.uint8 and result.pixels.shape[:2] == (height, width)
    assert min(result.width, result.height) >= 8


HEADS = [
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"RIFF\x20\0\0\0WEBPVP8 ",
    b"II*\0",
    b"BM",
    b"P6 ",
    b"8BPS\0\1",
]
OPTIONS = st.builds(
    DecodeOptions, st.integers(8, 32), st.integers(8, 32), st.sampled_from(["centre", "fit", "random"]), st.booleans()
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(EXTENSIONS)), st.sampled_from(HEADS), st.binary(max_size=400), OPTIONS)
def test_any_bytes(extension: str, head: bytes, content: bytes, options: DecodeOptions) -> None:
    outcome(head + content, f"x{extension}", options)


def valid_files() -> list[tuple[str, bytes]]:
    profile, exif = icc_profiles.swapped_red_and_green(), orientation(6)
    kinds = ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "TGA"]
    images = [Image.fromarray(scene(24, 16)), see_through().resize((24, 16))]
    files = [
        (FORMATS[kind][0], encoded(image.convert("RGB") if kind in ("JPEG", "PPM") else image, kind, profile, exif))
        for kind in kinds
        for image in images
    ]
    return [
        *files,
        (".tif", encoded(images[0].convert("CMYK"), "TIFF")),
        (".png", encoded(images[0].quantize(8), "PNG")),
    ]


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(valid_files()), st.data(), OPTIONS)
def test_any_damage(file: tuple[str, bytes], data: st.DataObject, options: DecodeOptions) -> None:
    extension, content = file
    damaged = bytearray(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        if place < len(damaged):
            damaged[place] = data.draw(st.integers(0, 255))
    outcome(bytes(damaged), f"x{extension}", options)
