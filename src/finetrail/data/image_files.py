"""Image files, opened with care: what is in the header, and the turn that EXIF data asks for."""

import io
import re
import warnings
from typing import TYPE_CHECKING

from finetrail.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
MOST_PIXELS = 100_000_000
# What Pillow warns of (odd EXIF data, large images) is decided here, by an error or by going on. The filter is set
# once and stays: `catch_warnings` is not safe where several threads decode.
_PILLOW = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_ORIENTATION = 0x0112


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
        raise ImageError(f"more than {MOST_PIXELS:,} pixels ({in_a_line(error)}); shrink it") from error
    except Exception as error:  # the decoders raise a dozen types for a damaged file
        raise ImageError(f"not a complete image ({type(error).__name__}: {in_a_line(error)}); save it again") from error
    if image.width * image.height > MOST_PIXELS:
        raise ImageError(f"{image.width} x {image.height} pixels are more than {MOST_PIXELS:,}; shrink it")
    return image


def upright_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the upright image, from its header; None where it is no image."""
    try:
        opened = open_image(data)
    except ImageError:
        return None
    return opened.size if orientation(opened) < 5 else opened.size[::-1]


def orientation(image: "Image") -> int:
    """The EXIF orientation of an opened image: 1 is upright, 5 to 8 are quarter turns."""
    if image.format == "TIFF":
        return 1  # Pillow turns these itself
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  (damaged EXIF data does not make the image damaged)
        return 1
    return found if found in range(1, 9) else 1


def turned(image: "Image") -> "Image":
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


def in_a_line(error: Exception) -> str:
    """What an error says, in a line of at most 200 characters."""
    return " ".join(str(error).split())[:200]
