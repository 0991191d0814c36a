"""Small ICC profiles made by hand, because Pillow can only make sRGB, Lab and XYZ (ICC.1:2001-04, sections 6 and 7)."""

import struct

WHITE = (0.9642, 1.0, 0.8249)  # D50
SRGB_COLOURANTS = {"r": (0.4361, 0.2225, 0.0139), "g": (0.3851, 0.7169, 0.0971), "b": (0.1431, 0.0606, 0.7141)}


def _number(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_number, values))


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[str, bytes]) -> bytes:
    offset, table, content = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name.encode() + struct.pack(">II", offset + len(content), len(value))
        content += value
    size = struct.pack(">I", offset + len(content))
    header = size + b"\0\0\0\0" + b"\x02\x40\0\0" + kind + space + connection + bytes(12) + b"acsp" + bytes(28)
    return header + b"".join(map(_number, WHITE)) + bytes(48) + table + content


def _named(tags: dict[str, bytes]) -> dict[str, bytes]:
    text = b"a test\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    return {"desc": description, "wtpt": _xyz(WHITE), "cprt": b"text\0\0\0\0none\0", **tags}


def swapped_red_and_green() -> bytes:
    """A space for RGB whose first channel is what sRGB calls green, and the second red."""
    colourants = {"r": SRGB_COLOURANTS["g"], "g": SRGB_COLOURANTS["r"], "b": SRGB_COLOURANTS["b"]}
    tags = {f"{name}XYZ": _xyz(values) for name, values in colourants.items()}
    tags.update({f"{name}TRC": _gamma(2.2) for name in "rgb"})
    return _profile(b"mntr", b"RGB ", b"XYZ ", _named(tags))


def plain_gamma(red: float = 2.2, green: float = 2.2, blue: float = 2.2) -> bytes:
    """The colours of sRGB with other curves. Converted to sRGB, some greys are off by one for want of precision."""
    tags = {f"{name}XYZ": _xyz(values) for name, values in SRGB_COLOURANTS.items()}
    tags.update({"rTRC": _gamma(red), "gTRC": _gamma(green), "bTRC": _gamma(blue)})
    return _profile(b"mntr", b"RGB ", b"XYZ ", _named(tags))


def linear_grey() -> bytes:
    """A space for grey whose values are in proportion to light."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", _named({"kTRC": _gamma(1.0)}))


def inks_of_light() -> bytes:
    """A space for CMYK in which C, M and Y alone decide and K is of no effect, unlike in the plain formula."""
    identity = bytes(range(256))
    labs = {  # of the sRGB colours with that red, green and blue, in the encoding of lut8: L * 2.55, a + 128, b + 128
        (1, 1, 1): (255, 128, 128),
        (1, 0, 0): (138, 209, 198),
        (0, 1, 0): (224, 49, 209),
        (0, 0, 1): (75, 196, 16),
        (1, 1, 0): (248, 112, 222),
        (1, 0, 1): (153, 222, 67),
        (0, 1, 1): (232, 80, 114),
        (0, 0, 0): (0, 128, 128),
    }
    grid = b""
    for node in range(16):  # K varies fastest
        cyan, magenta, yellow = node >> 3 & 1, node >> 2 & 1, node >> 1 & 1
        grid += bytes(labs[1 - cyan, 1 - magenta, 1 - yellow])
    matrix = b"".join(_number(float(index % 4 == 0)) for index in range(9))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + identity * 4 + grid + identity * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", _named({"A2B0": table}))
