"""Decode image files into upright RGB images, and refuse anything else."""

import base64
import binascii
from typing import TYPE_CHECKING

from finetrail.data.image_files import in_a_line, open_image, turned
from finetrail.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
"""A grey PNG of 1 x 1 pixel in base64: the smallest image that a caller may send."""


def decode(data: bytes) -> "Image":
    """An upright RGB image: EXIF orientation applied, alpha laid over white, 10 to 16 bits scaled to 8.

    Raises:
        ImageError: the bytes are not a whole image of a known format, or it has too many pixels.
    """
    return upright(open_image(data))


def upright(image: "Image") -> "Image":
    """Decode an opened image into upright RGB. An animation gives its first frame.

    Raises:
        ImageError: the image is damaged or truncated, or its values have no known scale.
    """
    try:
        image.load()
        return _rgb(turned(image))
    except ImageError:
        raise
    except Exception as error:  # as above
        raise ImageError(f"not a complete image ({type(error).__name__}: {in_a_line(error)}); save it again") from error


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
