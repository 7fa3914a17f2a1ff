"""Examples prepared for the report: images as data URLs of a fitting size, texts as excerpts."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from markupsafe import Markup

from finetrail.evaluation.report.previews import Preview, small

EXCERPT = 320
"""Characters of a text that are shown."""
BOX = 128
"""Pixels of the square that an image is fitted into; half of it where images stand in a row."""
_NOTHING = Markup()
# The data must not tell a page what media type to load.
_MEDIA = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


class Identified(Protocol):
    """Something with the id of a row."""

    @property
    def id(self) -> str: ...


IdentifiedT = TypeVar("IdentifiedT", bound=Identified)


@dataclass(frozen=True)
class Shown:
    """A preview as the page needs it.

    Attributes:
        address: the image as a data: URL; empty for a text.
        width, height: pixels in the page.
        crisp: whether the image is so small that its pixels should show rather than blur.
        text: an excerpt, on one line.
        size: see `finetrail.evaluation.report.previews.Preview`.
        drawn: the image with a label on it; empty where none is drawn.
    """

    address: str = ""
    width: int = 0
    height: int = 0
    crisp: bool = False
    text: str = ""
    size: tuple[int, int] = (0, 0)
    drawn: Markup = _NOTHING


def show(preview: Preview) -> Shown:
    """Prepare a preview for the page.

    Raises:
        ValueError: the image is not PNG, JPEG or WebP, as a processor's preview must be.
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
    # Scale by a whole number: otherwise some pixels would look larger than others.
    crisp = max(width, height) <= BOX // 2
    box = max(width, height) if preview.detailed else BOX
    factor = float(BOX // max(width, height)) if crisp else min(1.0, box / max(width, height))
    return Shown(
        address=f"data:image/{media};base64,{base64.b64encode(data).decode()}",
        width=max(1, round(width * factor)),
        height=max(1, round(height * factor)),
        crisp=crisp,
        size=preview.size,
    )


def excerpt(text: str, *, end: int = 0) -> str:
    """A text on one line, cut to `EXCERPT`. Args: end: characters of its end to keep."""
    line = one_line(text)
    if len(line) <= EXCERPT:
        return line
    start = line[: EXCERPT - end].rstrip() + "…"
    return f"{start} {line[-end:].lstrip()}" if end else start


def one_line(text: str) -> str:
    """A text on one line, without control characters."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())


@dataclass(frozen=True)
class Gallery:
    """The contents of rows by id, prepared for a page. An unknown row has nothing to show.

    Attributes:
        texts: the exact text of each preview.
    """

    shown: Mapping[str, Shown]
    texts: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(previews: Mapping[str, Preview]) -> "Gallery":
        """Prepare previews, in the order of their ids."""
        texts = {row: preview.text for row, preview in previews.items() if preview.text}
        return Gallery({row: show(previews[row]) for row in sorted(previews)}, texts)

    @property
    def images(self) -> dict[str, Shown]:
        """The images among them."""
        return {row: one for row, one in self.shown.items() if one.address}

    def beside(self, answers: "Sequence[IdentifiedT]") -> "list[tuple[IdentifiedT, Shown]]":
        """Pair answers with the contents of their rows."""
        return [(one, self.shown.get(one.id, Shown())) for one in answers]
