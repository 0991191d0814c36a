"""The many ways in which picture files store colour, brought to 8 bits of sRGB, grey or not, with alpha or not."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262  # TIFF tags
PROFILE_SPACES = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}


class SkipPicture(Exception):
    """This picture cannot be used. The message completes the sentence "`name` ..."."""


def plain(image: Image.Image, notes: list[str]) -> Image.Image:
    """A copy in one of the modes L, LA, RGB, RGBA, CMYK."""
    if image.mode == "F":
        raise SkipPicture("holds floating-point values whose range is unknown; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _from_16_bits(image, notes)
    if image.mode == "LAB":
        return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB").apply(image)
    if image.mode == "CMYK":
        return image.copy()
    grey = image.mode in ("1", "L", "LA", "La")
    return image.convert(("L" if grey else "RGB") + ("A" if image.has_transparency_data else ""))


def _from_16_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    values, top, inverted = np.asarray(image), 65535, False
    if image.mode == "I" and (values.min() < 0 or values.max() > top):
        raise SkipPicture("holds 32-bit values whose range is unknown; save it with 8 or 16 bits")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        top = 4095 if image.tag_v2.get(BITS_PER_SAMPLE) == (12,) else top
        inverted = image.tag_v2.get(PHOTOMETRIC) == 0  # "white is zero", which Pillow leaves to us here
        if image.mode == "I":
            notes.append("signed or 32-bit grey values, taken as 16 bits")
    grey = Image.fromarray(_shades(top, inverted)[values])
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


@functools.cache
def _shades(top: int, inverted: bool) -> np.ndarray:
    """uint8 (65536,): the 8-bit grey of each 16-bit value, `top` being white, or black when inverted."""
    shades = np.minimum((np.arange(65536) * 255 + top // 2) // top, 255).astype(np.uint8)
    return 255 - shades if inverted else shades


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@functools.lru_cache(maxsize=8)  # most pictures of a folder carry the same few profiles
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if source.profile.xcolor_space != PROFILE_SPACES[mode]:
        raise ValueError(f"a profile for {source.profile.xcolor_space} in a picture of mode {mode}")
    return ImageCms.buildTransform(source, _srgb(), mode, "RGB")


def to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    """The same picture in the modes L, LA, RGB or RGBA of sRGB. A profile that does not work is noted."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    base = image.convert(image.mode.removesuffix("A")) if alpha else image
    if profile:
        try:
            converted = _with_profile(base, profile)
        except Exception:  # a damaged profile fails in many ways, and the picture is good without it
            notes.append("damaged or unfitting colour profile, taken as sRGB")
        else:
            # Rounding by one step would make a grey picture one in colour.
            grey = base.mode == "L" or (is_grey(np.asarray(base)) and is_grey(np.asarray(converted), tolerance=1))
            base = converted.convert("L") if grey else converted
    elif base.mode == "CMYK":
        notes.append("CMYK without a profile, converted by formula")
    base = base.convert("RGB") if base.mode == "CMYK" else base
    if alpha:
        base.putalpha(alpha)
    return base


def _with_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        return _transform(profile, image.mode).apply(image)
    except ValueError:
        if image.mode != "L":
            raise
        return _transform(profile, "RGB").apply(image.convert("RGB"))  # grey pixels with a profile for colour: common


def is_grey(pixels: np.ndarray, tolerance: int = 0) -> bool:
    """Whether red, green and blue agree in each pixel to within `tolerance`. pixels: uint8 (H, W, 3)."""
    if pixels.shape[-1] != 3:
        return False
    if tolerance == 0:
        return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())
    return int((pixels.max(axis=2) - pixels.min(axis=2)).max()) <= tolerance
