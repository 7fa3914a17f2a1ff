"""Decode the image files that people have into upright RGB pictures, and refuse what is none."""

import io
import warnings
from typing import TYPE_CHECKING

from finetrail.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
MOST_PIXELS = 100_000_000


def decode(data: bytes) -> "Image":
    """An upright RGB picture: EXIF orientation applied, alpha laid over white, 16 bits scaled to 8.

    Raises:
        ImageError: the bytes are no whole image of a known format, or it has too many pixels.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > MOST_PIXELS:
                raise ImageError(f"{image.width} x {image.height} pixels are more than {MOST_PIXELS:,}; shrink it")
            image.load()
            image = ImageOps.exif_transpose(image)
    except ImageError:
        raise
    except Exception as error:  # the decoders raise a dozen types for a damaged file
        raise ImageError(f"no whole image ({type(error).__name__}: {error}); save it again") from error
    if image.mode.startswith("I") or image.mode == "F":
        image = image.point(lambda value: value / 256).convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
