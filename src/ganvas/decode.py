"""One picture, a file or an array, to uint8 pixels of the asked size; or the reason why that cannot be.

This is the one place that meets bytes from strangers: whatever Pillow raises here ends as SkipPicture.
"""

import codecs
import contextlib
import errno
import hashlib
import math
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageColor

from .colour import SkipPicture, is_grey, plain, to_srgb

VERSION = 1  # goes into the digest of prepared data: raise it when the pixels that come out change
ALPHA_VERSION = 2  # the same, of pictures with alpha
FAINT = 4  # levels of 255: alpha within fewer of empty or of opaque is that, since nobody sees the difference
SMALLEST_SIDE = 8  # px
RANDOM_MARGIN = 1.25  # crop="random" stores pictures this much larger than what training sees
LARGE_PIXELS = 20_000_000  # above this, pictures are decoded one at a time, so that memory stays bounded
CROPS = ("centre", "fit", "random")

FORMATS = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
    "AVIF": (".avif",),
    "TGA": (".tga",),
    "PCX": (".pcx",),
    "PSD": (".psd",),
    "QOI": (".qoi",),
}
EXTENSIONS = {extension: name for name, extensions in FORMATS.items() for extension in extensions}
ALIASES = {"MPO": "JPEG", "DIB": "BMP"}  # what Pillow calls variants of a format
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"BM", b"\0\0\0\x0cjP")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112  # EXIF tag

_one_large_at_a_time = threading.Lock()


@dataclass(frozen=True)
class DecodeOptions:
    """How pictures become arrays.

    width, height: of what training sees, px.
    crop: "centre" cuts off what is too long, "fit" pads, "random" cuts at a random place each time it is used.
    alpha: keep transparency as a 4th channel, else lay the picture on `background`, (R, G, B) from 0 to 255.
    channels: 1 or 3 forces grey or colour, None keeps grey pictures grey.
    """

    width: int
    height: int
    crop: str = "centre"
    alpha: bool = False
    background: tuple[int, int, int] = (255, 255, 255)
    channels: int | None = None

    @property
    def stored_size(self) -> tuple[int, int]:
        """(width, height) of the decoded array, px: more than what training sees when the crop is random."""
        margin = RANDOM_MARGIN if self.crop == "random" else 1
        return math.ceil(self.width * margin), math.ceil(self.height * margin)


@dataclass(frozen=True, eq=False)
class Decoded:
    """pixels: uint8 (height, width, channels): 1 channel when grey, 3 when in colour, 4 with alpha (white where empty).

    sha256: hex, of the file or of the array's bytes.   width, height: of the upright original, px.
    notes: what was decided about this picture, the same words for the same decision.
    """

    pixels: np.ndarray
    sha256: str
    width: int
    height: int
    notes: tuple[str, ...]


def parse_colour(text: str) -> tuple[int, int, int]:
    """(R, G, B) of a colour such as "white", "#ff8800" or "hsl(120, 50%, 50%)". Raises ValueError."""
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings (large pictures, odd metadata) around decoding. For the main thread: not per thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(picture: Path | np.ndarray, options: DecodeOptions) -> Decoded:
    """The picture as `options` ask. Raises SkipPicture with the reason; nothing else, whatever the bytes are."""
    try:
        if isinstance(picture, np.ndarray):
            return _decode_array(picture, options)
        with picture.open("rb") as file:
            return _decode_file(file, picture, options)
    except SkipPicture:
        raise
    except MemoryError:
        raise SkipPicture("needs more memory than there is") from None
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        raise SkipPicture(
            f"is too large: {pixels[0] if pixels else 'too many'} pixels, a decompression bomb?"
        ) from None
    except OSError as error:
        raise SkipPicture(_os_reason(error)) from None
    except Exception as error:
        raise SkipPicture(f"is damaged ({_short(error)})") from None


def uses_alpha(picture: Path | np.ndarray) -> bool | None:
    """Whether any pixel is less than opaque; None for what cannot be decoded. Files without alpha are not."""
    try:
        if isinstance(picture, np.ndarray):
            return picture.ndim == 3 and picture.shape[2] == 4 and int(picture[..., 3].min()) < 255
        with picture.open("rb") as file, _open_image(file, picture) as image:
            return image.has_transparency_data and _is_transparent(plain(image, []))
    except Exception:  # `decode` tells what is wrong with it
        return None


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("LA", "RGBA") and int(np.asarray(image.getchannel("A")).min()) < 255


def _os_reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "is a link that loops"
    if error.errno is not None:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    return f"is cut off: {_short(error)}" if "truncated" in str(error).lower() else f"is damaged ({_short(error)})"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if 0 < len(text) <= 80 else f"{text[:60]}..." if text else type(error).__name__


def _decode_array(pixels: np.ndarray, options: DecodeOptions) -> Decoded:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise SkipPicture(f"is {pixels.dtype} {pixels.shape}, expected uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    height, width = pixels.shape[:2]
    _check_sides(width, height)
    sha256 = hashlib.sha256(pixels.tobytes()).hexdigest()
    flat = pixels.reshape(height, width) if pixels.shape[2:] in ((), (1,)) else pixels
    if flat.ndim == 2 and (width, height) == options.stored_size and not options.alpha and options.channels != 3:
        return Decoded(flat[:, :, None], sha256, width, height, ())
    image = Image.fromarray(np.ascontiguousarray(flat))
    return Decoded(_finish(_place(image, options), options), sha256, width, height, _size_notes(image.size, options))


def _decode_file(file: BinaryIO, path: Path, options: DecodeOptions) -> Decoded:
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    notes: list[str] = []
    with _open_image(file, path) as opened:
        _check_sides(*opened.size)
        is_jpeg = opened.format in ("JPEG", "MPO")
        turn = _orientation(opened, notes) if is_jpeg else 1
        size = opened.size
        _draft(opened, options, turn)
        with _one_large_at_a_time if opened.width * opened.height > LARGE_PIXELS else contextlib.nullcontext():
            profile = opened.info.get("icc_profile")
            opened.load()
            if opened.format == "TIFF":  # Pillow has turned it by itself
                size = opened.size
            elif not is_jpeg:  # a PNG may carry its EXIF data behind the pixels
                turn = _orientation(opened, notes)
            image = _place(plain(opened, notes), options, turn)
        _note_frames(opened, notes)
    upright = (size[1], size[0]) if turn >= 5 else size
    notes.extend(_size_notes(upright, options))
    if not options.alpha and _is_transparent(image):
        notes.append("transparent in places, laid on the background")
    return Decoded(_finish(to_srgb(image, profile, notes), options), sha256, *upright, tuple(notes))


def _open_image(file: BinaryIO, path: Path) -> Image.Image:
    """The picture, its pixels not read yet. A name that contradicts the content is a reason to skip it."""
    expected = EXTENSIONS.get(path.suffix.lower())
    if expected is None:
        raise SkipPicture(f"is not a picture by its name, which ends in {path.suffix!r}")
    file.seek(0)
    head = file.read(512)
    if not head:
        raise SkipPicture("is empty (0 bytes)")
    file.seek(0)
    names = [expected, "DIB"] if expected == "BMP" else [expected]
    with contextlib.suppress(Image.UnidentifiedImageError):
        return Image.open(file, formats=names)
    file.seek(0)
    others = [name for name in FORMATS if name not in (*names, "TGA", "PCX")]  # these two accept anything
    with contextlib.suppress(Image.UnidentifiedImageError), Image.open(file, formats=others) as image:
        found = ALIASES.get(image.format or "", image.format or "")
        raise SkipPicture(f"is a {found} though its name ends in {path.suffix}; rename it to {FORMATS[found][0]}")
    if head.startswith(SIGNATURES):
        raise SkipPicture("is damaged or cut off near its beginning")
    raise SkipPicture("holds text, not a picture" if _is_text(head) else "is not a picture that can be read")


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)


def _check_sides(width: int, height: int) -> None:
    if min(width, height) < SMALLEST_SIDE:
        raise SkipPicture(f"is too small: {width}x{height}, expected at least {SMALLEST_SIDE}x{SMALLEST_SIDE} px")


def _orientation(image: Image.Image, notes: list[str]) -> int:
    """How EXIF says that the picture was held, from 1 (upright) to 8."""
    turn = 1
    try:
        exif = image.getexif()
        turn = exif.get(ORIENTATION, 1)
        is_damaged = bool(image.info.get("exif")) and not len(exif)  # Pillow swallows most errors of a JPEG's
    except Exception:  # its parser raises whatever the bytes lead it to
        is_damaged = True
    if is_damaged:
        notes.append("damaged EXIF data, taken as upright")
    return turn if turn in TURNS else 1


def _draft(image: Image.Image, options: DecodeOptions, turn: int) -> None:
    """Let the JPEG decoder shrink by 2, 4 or 8 while it decodes: much faster. Twice the size keeps quality."""
    width, height = options.stored_size if turn < 5 else options.stored_size[::-1]
    scale = (min if options.crop == "fit" else max)(width / image.width, height / image.height)
    image.draft(None, (math.ceil(2 * scale * image.width), math.ceil(2 * scale * image.height)))


def _note_frames(image: Image.Image, notes: list[str]) -> None:
    with contextlib.suppress(Exception):  # a damaged second frame is no concern of ours
        if image.format != "MPO" and getattr(image, "is_animated", False):
            notes.append("several frames or pages, only the first is used")


def _size_notes(size: tuple[int, int], options: DecodeOptions) -> tuple[str, ...]:
    ratios = options.stored_size[0] / size[0], options.stored_size[1] / size[1]
    enlarged = (min if options.crop == "fit" else max)(ratios) > 1
    return ("smaller than the asked size, enlarged",) if enlarged else ()


def _place(image: Image.Image, options: DecodeOptions, turn: int = 1) -> Image.Image:
    """Crop, resize and turn in one step, with one scale for both sides: nothing is ever squashed."""
    width, height = options.stored_size if turn < 5 else options.stored_size[::-1]
    ratios = width / image.width, height / image.height
    if options.crop == "fit":
        scale = min(ratios)
        size = (min(width, max(1, round(image.width * scale))), min(height, max(1, round(image.height * scale))))
        box = (0.0, 0.0, image.width, image.height)
    else:
        size, scale = (width, height), max(ratios)
        left = max(0.0, (image.width - width / scale) / 2)
        top = max(0.0, (image.height - height / scale) / 2)
        box = (left, top, image.width - left, image.height - top)
    image = image.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=3.0)
    return image.transpose(TURNS[turn]) if turn in TURNS else image


def _finish(image: Image.Image, options: DecodeOptions) -> np.ndarray:
    """Pad to the full size, keep or compose the alpha, and drop to one channel where all is grey."""
    width, height = options.stored_size
    corner = (width - image.width) // 2, (height - image.height) // 2
    if options.alpha:
        canvas = Image.new("RGBA", (width, height), (255, 255, 255, 0))
        canvas.paste(image.convert("RGBA"), corner)
        return with_clean_alpha(np.array(canvas))
    mask = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    canvas = Image.new("RGB", (width, height), options.background)
    canvas.paste(image.convert("RGB"), corner, mask)
    pixels = np.asarray(canvas)
    if options.channels == 1:
        return np.asarray(canvas.convert("L"))[..., None]
    return pixels[..., :1] if options.channels is None and is_grey(pixels) else pixels


def with_clean_alpha(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4), changed in place: what nobody can see holds no colour of its own, but is white, and empty."""
    alpha = pixels[..., 3]
    pixels[alpha < FAINT] = (255, 255, 255, 0)
    alpha[alpha > 255 - FAINT] = 255
    return pixels
