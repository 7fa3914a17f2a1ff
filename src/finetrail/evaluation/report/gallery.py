"""Examples made ready for the report: images as data addresses of a fitting size, texts as excerpts."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from finetrail.evaluation.report.previews import Preview, small

EXCERPT = 320
"""Characters of a text that are shown."""
BOX = 128
"""Pixels of the square that an image is fitted into; half of it where images stand in a row."""
# A page must not be told by the data what kind of thing to load.
_MEDIA = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


class Identified(Protocol):
    """What is said of one row."""

    @property
    def id(self) -> str: ...


IdentifiedT = TypeVar("IdentifiedT", bound=Identified)


@dataclass(frozen=True)
class Shown:
    """A preview as the page needs it.

    Attributes:
        address: the image as a data: address; empty for a text.
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
        ValueError: the image is neither PNG nor JPEG nor WebP: a processor's preview is one of them.
    """
    if not preview.image:
        return Shown(text=excerpt(preview.text))
    from PIL import Image

    data = small(preview).image
    media = next((media for start, media in _MEDIA.items() if data.startswith(start)), None)
    if media is None:
        raise ValueError(f"a preview starts with {data[:8]!r}; it must be PNG, JPEG or WebP")
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    # A whole multiple of its own size: else some of its pixels would be drawn larger than others.
    crisp = max(width, height) <= BOX // 2
    factor = float(BOX // max(width, height)) if crisp else min(1.0, BOX / max(width, height))
    return Shown(
        address=f"data:image/{media};base64,{base64.b64encode(data).decode()}",
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


@dataclass(frozen=True)
class Gallery:
    """What rows hold, as a page shows it, by id. A row that is not known is left out.

    Attributes:
        texts: character for character, up to where a preview ends.
    """

    shown: Mapping[str, Shown]
    texts: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(previews: Mapping[str, Preview]) -> "Gallery":
        """Make previews ready, in the order of their ids."""
        texts = {row: preview.text for row, preview in previews.items() if preview.text}
        return Gallery({row: show(previews[row]) for row in sorted(previews)}, texts)

    @property
    def images(self) -> dict[str, Shown]:
        """Those that are images."""
        return {row: one for row, one in self.shown.items() if one.address}

    def beside(self, answers: "Sequence[IdentifiedT]") -> "list[tuple[IdentifiedT, Shown]]":
        """Answers with what their rows hold."""
        return [(one, self.shown.get(one.id, Shown())) for one in answers]
