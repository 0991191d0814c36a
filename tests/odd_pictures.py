"""A folder of odd and bad pictures, each kind with what is to become of it.

Every kind that is kept shows the same scene, in colour or in grey, so that a test can compare what comes out.
"""

import contextlib
import io
import os
import socket
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, features

from . import icc_profiles

COLOURS = np.array([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 255)]], np.uint8)  # top row, bottom row
GREYS = np.array([[0, 85], [170, 255]], np.uint8)
TURNED = {  # how to store the scene so that the EXIF orientation brings it back
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[:, ::-1],
}


@dataclass(frozen=True)
class Odd:
    """One kind. reason: what the reason for skipping it must contain; "" when it is kept; None when it is ignored.

    shows: the scene, "colour" or "grey", or "" where it cannot be compared.   note: what a note about it must contain.
    """

    name: str
    reason: str | None = ""
    shows: str = ""
    note: str = ""


def scene(width: int = 48, height: int = 32) -> np.ndarray:
    """uint8 (height, width, 3): red, green over blue, white."""
    return np.repeat(np.repeat(COLOURS, height // 2, axis=0), width // 2, axis=1)


def grey_scene(width: int = 48, height: int = 32) -> np.ndarray:
    """uint8 (height, width): four greys."""
    return np.repeat(np.repeat(GREYS, height // 2, axis=0), width // 2, axis=1)


def see_through() -> Image.Image:
    """RGBA: the scene, its white quarter being black and fully transparent."""
    pixels = np.concatenate([scene(), np.full((32, 48, 1), 255, np.uint8)], axis=2)
    pixels[16:, 24:] = 0
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str, icc_profile: bytes = b"", exif: bytes = b"", quality: int = 95) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, icc_profile=icc_profile or None, exif=exif, quality=quality)
    return buffer.getvalue()


def orientation(turn: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif.tobytes()


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 that packs into nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def animated(kind: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    first = Image.fromarray(scene()).convert(mode)
    first.save(buffer, kind, save_all=True, append_images=[Image.new(mode, first.size)], duration=100)
    return buffer.getvalue()


def write_modes(folder: Path) -> list[Odd]:
    """Ways to store colour, all kept."""
    image, grey = Image.fromarray(scene()), Image.fromarray(grey_scene())
    sixteen = (grey_scene().astype(np.uint16) * 257).astype("<u2")
    palette = image.quantize(8)
    white = palette.getpixel((40, 25))
    palette_file = io.BytesIO()
    palette.save(palette_file, "PNG", transparency=white)
    bytes_file = io.BytesIO()
    palette.save(bytes_file, "PNG", transparency=bytes(0 if index == white else 255 for index in range(8)))
    grey_alpha = Image.merge("LA", (grey, Image.new("L", grey.size, 255)))
    inverted = io.BytesIO()
    Image.fromarray(65535 - sixteen).save(inverted, "TIFF", tiffinfo={262: 0})
    keyed = io.BytesIO()
    Image.fromarray(sixteen).save(keyed, "PNG", transparency=65535)
    files = {
        "rgb.png": (encoded(image, "PNG"), "colour"),
        "grey.png": (encoded(grey, "PNG"), "grey"),
        "grey-in-rgb.png": (encoded(grey.convert("RGB"), "PNG"), "grey"),
        "grey-alpha.png": (encoded(grey_alpha, "PNG"), "grey"),
        "alpha.png": (encoded(see_through(), "PNG"), "colour"),
        "palette.png": (encoded(palette, "PNG"), "colour"),
        "palette-transparent.png": (palette_file.getvalue(), "colour"),
        "palette-alpha.png": (bytes_file.getvalue(), "colour"),
        "one-bit.png": (encoded(grey.convert("1", dither=Image.Dither.NONE), "PNG"), ""),
        "16-bit.png": (encoded(Image.fromarray(sixteen), "PNG"), "grey"),
        "16-bit-transparent.png": (keyed.getvalue(), "grey"),
        "16-bit.pgm": (encoded(Image.fromarray(sixteen), "PPM"), "grey"),
        "16-bit-big-endian.tif": (
            encoded(Image.frombytes("I;16B", grey.size, sixteen.astype(">u2").tobytes()), "TIFF"),
            "grey",
        ),
        "16-bit-white-is-zero.tif": (inverted.getvalue(), "grey"),
        "32-bit-small-values.tif": (encoded(Image.fromarray(sixteen.astype(np.int32)), "TIFF"), "grey"),
        "cmyk.jpg": (encoded(image.convert("CMYK"), "JPEG"), "colour"),
        "cmyk.tif": (encoded(image.convert("CMYK"), "TIFF"), "colour"),
        "lab.tif": (encoded(Image.merge("LAB", Image.new("RGB", image.size, (200, 0, 0)).split()), "TIFF"), ""),
        "ycbcr.jpg": (encoded(image.convert("YCbCr"), "JPEG"), "colour"),
    }
    for name, (content, _) in files.items():
        (folder / name).write_bytes(content)
    return [Odd(name, shows=shows) for name, (_, shows) in files.items()]


def write_profiles(folder: Path) -> list[Odd]:
    """Colour profiles: each file shows the scene only once its profile is honoured."""
    swapped = Image.fromarray(scene()[:, :, [1, 0, 2]])
    light = Image.fromarray(np.round(255 * _to_light(grey_scene() / 255)).astype(np.uint8))
    inks = np.concatenate([255 - scene(), np.full((32, 48, 1), 200, np.uint8)], axis=2)
    cmyk = Image.frombytes("CMYK", (48, 32), inks.tobytes())
    image = Image.fromarray(scene())
    files = {
        "icc-rgb.png": (encoded(swapped, "PNG", icc_profile=icc_profiles.swapped_red_and_green()), "colour", ""),
        "icc-rgb.jpg": (encoded(swapped, "JPEG", icc_profile=icc_profiles.swapped_red_and_green()), "colour", ""),
        "icc-grey.png": (encoded(light, "PNG", icc_profile=icc_profiles.linear_grey()), "grey", ""),
        "icc-cmyk.jpg": (encoded(cmyk, "JPEG", icc_profile=icc_profiles.inks_of_light()), "colour", ""),
        "icc-damaged.png": (encoded(image, "PNG", icc_profile=b"no profile"), "colour", "profile"),
        "icc-for-cmyk.png": (encoded(image, "PNG", icc_profile=icc_profiles.inks_of_light()), "colour", "profile"),
    }
    for name, (content, _, _) in files.items():
        (folder / name).write_bytes(content)
    return [Odd(name, shows=shows, note=note) for name, (_, shows, note) in files.items()]


def _to_light(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def write_formats(folder: Path) -> list[Odd]:
    """File formats, orientations, sizes, names; all kept."""
    image = Image.fromarray(scene())
    large = Image.fromarray(scene(3000, 2000))
    several = "several frames"
    odd = [Odd(f"turned-{turn}.jpg", shows="colour") for turn in TURNED]
    for turn, store in TURNED.items():
        stored = Image.fromarray(np.ascontiguousarray(store(scene())))
        (folder / f"turned-{turn}.jpg").write_bytes(encoded(stored, "JPEG", exif=orientation(turn)))
    turned = Image.fromarray(np.ascontiguousarray(TURNED[6](scene())))
    files = {
        Odd("turned.png", shows="colour"): encoded(turned, "PNG", exif=orientation(6)),
        Odd("turned.webp", shows="colour"): encoded(turned, "WEBP", exif=orientation(6)),
        Odd("turned.tif", shows="colour"): encoded(turned, "TIFF", exif=orientation(6)),
        Odd("exif-damaged.jpg", shows="colour", note="EXIF"): encoded(image, "JPEG", exif=b"Exif\0\0no TIFF inside"),
        Odd("animated.gif", shows="colour", note=several): animated("GIF"),
        Odd("animated.webp", shows="colour", note=several): animated("WEBP"),
        Odd("animated.png", shows="colour", note=several): animated("PNG"),
        Odd("pages.tif", shows="colour", note=several): animated("TIFF"),
        Odd("two-pictures.jpg", shows="colour"): animated("MPO"),
        Odd("transparent.gif", shows="colour"): encoded(see_through(), "GIF"),
        Odd("alpha.webp", shows="colour"): encoded(see_through(), "WEBP"),
        Odd("picture.bmp", shows="colour"): encoded(image, "BMP"),
        Odd("picture.ppm", shows="colour"): encoded(image, "PPM"),
        Odd("picture.tga", shows="colour"): encoded(image, "TGA"),
        Odd("large.jpg", shows="colour"): encoded(large, "JPEG"),
        Odd("long.png"): encoded(Image.fromarray(scene(2000, 16)), "PNG"),
        Odd("smallest.png", note="enlarged"): encoded(Image.fromarray(scene(8, 8)), "PNG"),
        Odd("UPPER.JPG", shows="colour"): encoded(image, "JPEG"),
        Odd("a name with spaces, ünïcödé and 画.jpeg", shows="colour"): encoded(image, "JPEG"),
        Odd("line\nbreak.png", shows="colour"): encoded(image, "PNG"),
    }
    if features.check("jpg_2000"):
        files[Odd("picture.jp2", shows="colour")] = encoded(image, "JPEG2000")
    if features.check("avif"):
        files[Odd("picture.avif", shows="colour")] = encoded(image, "AVIF")
    for kind, content in files.items():
        (folder / kind.name).write_bytes(content)
    (folder / "link-to-a-picture.png").symlink_to("rgb.png")
    with contextlib.suppress(OSError):  # file systems that insist on UTF-8
        Path(os.fsdecode(os.fsencode(folder) + b"/not-utf8-\xff.png")).write_bytes(encoded(image, "PNG"))
        odd.append(Odd("not-utf8-\\udcff.png", shows="colour"))
    return [*odd, *files, Odd("link-to-a-picture.png", shows="colour")]


def write_bad(folder: Path) -> list[Odd]:
    """Files that cannot be used."""
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    png, jpeg, webp, tiff = (encoded(image, kind) for kind in ("PNG", "JPEG", "WEBP", "TIFF"))
    wrong_checksum = bytearray(png)
    wrong_checksum[len(png) // 2] ^= 0xFF
    ints = Image.fromarray(np.full((16, 16), 1 << 20, np.int32))
    files = {
        Odd("truncated.png", "cut off"): png[: len(png) // 2],
        Odd("truncated.jpg", "cut off"): jpeg[: len(jpeg) // 2],
        Odd("truncated.webp", "damaged"): webp[: len(webp) // 2],
        Odd("truncated.tif", "cut off|damaged"): tiff[: len(tiff) // 2],
        Odd("truncated.gif", "cut off|damaged"): encoded(image, "GIF")[:900],
        Odd("truncated.bmp", "cut off"): encoded(image, "BMP")[:900],
        Odd("signature-only.png", "damaged"): png[:8],
        Odd("wrong-checksum.png", "damaged"): bytes(wrong_checksum),
        Odd("empty.png", "empty"): b"",
        Odd("text.png", "holds text"): "Dies ist kein Bild, grüß Gott.\n".encode() * 30,
        Odd("page.jpg", "holds text"): b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        Odd("noise.png", "not a picture"): np.random.default_rng(1).bytes(5000),
        Odd("archive.png", "not a picture"): b"PK\3\4\x14\0\0\0\x08\0" + bytes(500),
        Odd("jpeg.png", "is a JPEG though its name ends in .png; rename it to .jpg"): jpeg,
        Odd("png.jpg", "is a PNG though its name ends in .jpg; rename it to .png"): png,
        Odd("webp.gif", "is a WEBP though its name ends in .gif; rename it to .webp"): webp,
        Odd("bomb.png", "too large: 3600000000 pixels"): bomb(),
        Odd("one-pixel.png", "too small: 1x1"): encoded(Image.new("RGB", (1, 1)), "PNG"),
        Odd("seven-pixels.gif", "too small: 7x100"): encoded(Image.new("RGB", (7, 100)), "GIF"),
        Odd("float.tif", "range is unknown"): encoded(Image.new("F", (16, 16), 0.5), "TIFF"),
        Odd("32-bit.tif", "range is unknown"): encoded(ints, "TIFF"),
        Odd("photo.heic", "convert it"): b"\0\0\0\x18ftypheic" + bytes(100),
        Odd("drawing.svg", "convert it"): b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        Odd("notes.txt", "by its name"): b"to do",
        Odd("no-extension", "by its name"): png,
        Odd(".hidden.png", None): png,
        Odd(".DS_Store", None): b"\0\0\0\1Bud1",
        Odd("Thumbs.db", None): b"\xd0\xcf\x11\xe0",
    }
    for kind, content in files.items():
        (folder / kind.name).write_bytes(content)
    return list(files)


def write_special(folder: Path) -> list[Odd]:
    """Links, pipes, sockets and folders."""
    os.mkfifo(folder / "pipe.png")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as endpoint, contextlib.chdir(folder):
        endpoint.bind("socket.png")  # relative, because the path of a socket must be short
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "folder.png").mkdir()
    (folder / "around").symlink_to(".", target_is_directory=True)
    (folder / "unreadable.png").write_bytes(encoded(Image.fromarray(scene()), "PNG"))
    (folder / "unreadable.png").chmod(0)
    return [
        Odd("pipe.png", "not a regular file"),
        Odd("socket.png", "not a regular file"),
        Odd("loop.png", "link that loops"),
        Odd("dangling.png", "link to something that is not there"),
        Odd("folder.png", None),
        Odd("around", "link that loops"),
        Odd("unreadable.png", "cannot be read: permission denied"),
    ]


def write_odd_pictures(folder: Path) -> list[Odd]:
    """Fills the folder and says what is in it. For a user other than root, who may read everything."""
    folder.mkdir(parents=True, exist_ok=True)
    writers = (write_modes, write_profiles, write_formats, write_bad, write_special)
    return [odd for write in writers for odd in write(folder)]
