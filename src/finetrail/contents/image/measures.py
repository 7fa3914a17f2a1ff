"""What slices may ask of an image. Nothing heavy is imported before one is measured."""

from typing import Any

ENOUGH = 256
"""Pixels of a side that brightness is measured on; a large JPEG is decoded smaller."""


def side(content: Any) -> int:
    """Pixels of the shorter side, from the header alone."""
    from finetrail.data.image_files import open_image

    return min(open_image(content).size)


def brightness(content: Any) -> int:
    """The mean grey value, 0 to 255."""
    from PIL import ImageStat

    from finetrail.contents.image.decode import upright
    from finetrail.data.image_files import open_image

    opened = open_image(content)
    opened.draft("", (ENOUGH, ENOUGH))
    return round(ImageStat.Stat(upright(opened).convert("L")).mean[0])
