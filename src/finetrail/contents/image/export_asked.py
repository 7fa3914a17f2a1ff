"""How the code on the card of an exported image model reads images, and how it is asked."""

from collections.abc import Callable, Sequence
from pathlib import Path

from finetrail.contents.exported import Asking, Snippet
from finetrail.contents.image.decode import decode
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.views import LONGEST
from finetrail.data.image_files import open_image, orientation

# Python, in the snippets of cards.
OPENED = 'ImageOps.exif_transpose(Image.open(path)).convert("RGB")'
NOTE = (
    "In training, transparent images were laid over white and 16 bits were scaled to 8, which "
    '`convert("RGB")` does not do.'
)
_PLAIN = ("RGB", "L")
"""The modes that `OPENED` reads as training did."""


def of_paths(opens: str, answers: str, names: str) -> Snippet:
    """A snippet that answers images by their paths."""
    return Snippet(opens, "paths", '["image.png"]', answers, names)


def asked(own: Preprocessing, alike: Callable[[int, int, Preprocessing], bool] = lambda *size: True) -> Asking:
    """Images become files; what the card's code would open otherwise is written as training saw it.

    Args:
        alike: whether the export cuts an image of this width and height, after the resize, as training did.
    """
    return Asking(laid_out, lambda content: _regular(content, own, alike))


def cuts_as_transformers(width: int, height: int, own: Preprocessing) -> bool:
    """Whether the centre crop of transformers, which rounds down, takes the pixels that torchvision's takes."""
    return all((side - own.image_size) // 2 == round((side - own.image_size) / 2) for side in (width, height))


def laid_out(contents: Sequence[bytes], folder: Path) -> list[str]:
    """Write images to a folder. Returns: their paths."""
    paths = []
    for number, content in enumerate(contents):
        image, path = open_image(content), folder / f"{number}.png"
        if image.mode in _PLAIN and "transparency" not in image.info:
            path.write_bytes(content)
        else:
            decode(content).save(path, "PNG", compress_level=1)
        paths.append(str(path))
    return paths


def _regular(content: bytes, own: Preprocessing, alike: Callable[[int, int, Preprocessing], bool]) -> bool:
    image = open_image(content)
    width, height = image.size[::-1] if orientation(image) > 4 else image.size
    shorter, longer = sorted((width, height))
    if longer > LONGEST * shorter:
        return False
    return alike(own.resize * width // shorter, own.resize * height // shorter, own)
