"""Decode image files into upright RGB images, and refuse anything else."""

import base64
import binascii
import io
import re
import warnings
from typing import TYPE_CHECKING

from finetrail.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
MOST_PIXELS = 100_000_000
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
"""A grey PNG of 1 x 1 pixel in base64: the smallest image that a caller may send."""

# What Pillow warns of (odd EXIF data, large images) is decided here, by an error or by going on. The filter is set
# once and stays: `catch_warnings` is not safe where several threads decode.
_PILLOW = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_ORIENTATION = 0x0112


def decode(data: bytes) -> "Image":
    """An upright RGB image: EXIF orientation applied, alpha laid over white, 10 to 16 bits scaled to 8.

    Raises:
        ImageError: the bytes are not a whole image of a known format, or it has too many pixels.
    """
    return upright(open_image(data))


def open_image(data: bytes) -> "Image":
    """Read only the header of an image: format, mode and size as stored.

    Raises:
        ImageError: the bytes are not an image of a known format, or it has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    if _PILLOW not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")
    if not data:
        raise ImageError("0 bytes; save the image again")
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(f"not an image of a known format; save it as one of {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"more than {MOST_PIXELS:,} pixels ({_line(error)}); shrink it") from error
    except Exception as error:  # the decoders raise a dozen types for a damaged file
        raise ImageError(f"not a complete image ({type(error).__name__}: {_line(error)}); save it again") from error
    if image.width * image.height > MOST_PIXELS:
        raise ImageError(f"{image.width} x {image.height} pixels are more than {MOST_PIXELS:,}; shrink it")
    return image


def upright(image: "Image") -> "Image":
    """Decode an opened image into upright RGB. An animation gives its first frame.

    Raises:
        ImageError: the image is damaged or truncated, or its values have no known scale.
    """
    try:
        image.load()
        return _rgb(_turned(image))
    except ImageError:
        raise
    except Exception as error:  # as above
        raise ImageError(f"not a complete image ({type(error).__name__}: {_line(error)}); save it again") from error


def upright_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the upright image, from its header; None where it is no image."""
    try:
        opened = open_image(data)
    except ImageError:
        return None
    return opened.size if orientation(opened) < 5 else opened.size[::-1]


def from_base64(text: str) -> bytes | None:
    """The bytes of base64 text, plain or as a `data:` URI; None where the text is neither."""
    if text.startswith("data:"):
        head, _, text = text.partition(",")
        if not head.endswith(";base64"):
            return None
    compact = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def orientation(image: "Image") -> int:
    """The EXIF orientation of an opened image: 1 is upright, 5 to 8 are quarter turns."""
    if image.format == "TIFF":
        return 1  # Pillow turns these itself
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  (damaged EXIF data does not make the image damaged)
        return 1
    return found if found in range(1, 9) else 1


def _turned(image: "Image") -> "Image":
    """Turn an image as EXIF says. `ImageOps.exif_transpose` fails where another part of the EXIF data is damaged."""
    from PIL.Image import Transpose as Turn

    turns = [
        Turn.FLIP_LEFT_RIGHT,
        Turn.ROTATE_180,
        Turn.FLIP_TOP_BOTTOM,
        Turn.TRANSPOSE,
        Turn.ROTATE_270,
        Turn.TRANSVERSE,
        Turn.ROTATE_90,
    ]
    lies = orientation(image)
    return image if lies == 1 else image.transpose(turns[lies - 2])


def _rgb(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image).convert("RGB")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bits(image: "Image") -> "Image":
    """Keep the 8 highest bits of a grey image that uses more: 10, 12, 14 or 16, as its brightest pixel tells.

    Cameras and scanners of 12 bits save files of 16, of which the high byte alone would be nearly black.
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(image.convert("I") if image.mode.startswith("I") else image)
    if image.mode == "F" or values.min(initial=0) < 0 or values.max(initial=0) > 0xFFFF:
        raise ImageError(f"32-bit grey values (mode {image.mode}) have no known scale; save it with 8 or 16 bits")
    bits = max(8, int(values.max(initial=0)).bit_length())
    return Image.fromarray((values >> (bits + bits % 2 - 8)).astype(np.uint8))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
