"""Examples made ready for the report: pictures as data addresses of a fitting size, texts as excerpts."""

import base64
import io
import re
from dataclasses import dataclass

from finetrail.evaluation.report.previews import Preview, small

EXCERPT = 320
"""Characters of a text that are shown."""
BOX = 128
"""Pixels of the square that a picture is fitted into; half of it where pictures stand in a row."""
# A page must not be told by the data what kind of thing to load.
_MEDIA = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


@dataclass(frozen=True)
class Shown:
    """A preview as the page needs it.

    Attributes:
        address: the picture as a data: address; empty for a text.
        width, height: pixels in the page.
        crisp: whether its own pixels are so few that they should be seen rather than blurred.
        text: an excerpt, on one line.
    """

    address: str = ""
    width: int = 0
    height: int = 0
    crisp: bool = False
    text: str = ""


def show(preview: Preview) -> Shown:
    """Make a preview ready.

    Raises:
        ValueError: the picture is neither PNG nor JPEG nor WebP: a processor's preview is one of them.
    """
    if not preview.picture:
        return Shown(text=excerpt(preview.text))
    from PIL import Image

    picture = small(preview).picture
    media = next((media for start, media in _MEDIA.items() if picture.startswith(start)), None)
    if media is None:
        raise ValueError(f"a preview starts with {picture[:8]!r}; it must be PNG, JPEG or WebP")
    with Image.open(io.BytesIO(picture)) as image:
        width, height = image.size
    # A whole multiple of its own size: else some of its pixels would be drawn larger than others.
    crisp = max(width, height) <= BOX // 2
    factor = float(BOX // max(width, height)) if crisp else min(1.0, BOX / max(width, height))
    return Shown(
        address=f"data:image/{media};base64,{base64.b64encode(picture).decode()}",
        width=max(1, round(width * factor)),
        height=max(1, round(height * factor)),
        crisp=crisp,
    )


def excerpt(text: str, *, end: int = 0) -> str:
    """A text on one line, without control characters, cut to `EXCERPT`. Args: end: characters of its end to keep."""
    line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())
    if len(line) <= EXCERPT:
        return line
    start = line[: EXCERPT - end].rstrip() + "…"
    return f"{start} {line[-end:].lstrip()}" if end else start
