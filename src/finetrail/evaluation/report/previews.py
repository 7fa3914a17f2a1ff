"""What a report shows of an example: an excerpt of a text, or a small image."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.workspace import read_json, write_json

LARGEST = 8_192
"""Bytes of an image that is kept as it is; a larger one is made smaller."""
SIDE = 160
"""Pixels of the longer side of an image that was made smaller."""


@dataclass(frozen=True)
class Preview:
    """A text or an image.

    Attributes:
        text: the text, or its start.
        image: an encoded image (PNG, JPEG or WebP), at most a few kilobytes.
        size: width and height of the image before it was made small, where labels name places in it, so that they
            can be drawn on it; it stays as large as it is. (0, 0) for others.
    """

    text: str = ""
    image: bytes = b""
    size: tuple[int, int] = (0, 0)

    @property
    def detailed(self) -> bool:
        """Whether something is drawn on it."""
        return self.size != (0, 0)


@dataclass(frozen=True)
class Seen:
    """A training example as the model sees it: augmented, cropped or cut.

    Attributes:
        label: its target, in a few words.
        learnt: the target itself, as a label that can be drawn on the preview; None for others.
    """

    label: str
    preview: Preview
    learnt: Any = None


def small(preview: Preview) -> Preview:
    """The same preview, with a large image shrunk, because a report holds hundreds of them."""
    if preview.detailed or len(preview.image) <= LARGEST:
        return preview
    from PIL import Image

    with Image.open(io.BytesIO(preview.image)) as opened:
        reduced = opened.convert("RGB")
    reduced.thumbnail((SIDE, SIDE))
    encoded = io.BytesIO()
    reduced.save(encoded, "JPEG", quality=85)
    return Preview(preview.text, encoded.getvalue())


def write_seen(examples: Iterable[Seen], path: Path) -> None:
    """Write seen.json: a list of {"label", "preview": {"text"} or {"image"}}, images in base64.

    Args:
        examples: about two dozen images, or three texts, in display order.
        path: `RunPaths.seen`.
    """
    written = []
    for example in examples:
        preview = small(example.preview)
        shown = {"image": base64.b64encode(preview.image).decode()} if preview.image else {"text": preview.text}
        drawn = {"size": preview.size, "learnt": example.learnt} if preview.detailed else {}
        written.append({"label": example.label, "preview": shown, **drawn})
    write_json(path, written)


def read_seen(path: Path) -> list[Seen]:
    """Read back what `write_seen` wrote."""
    return [
        Seen(
            one["label"],
            Preview(
                one["preview"].get("text", ""),
                base64.b64decode(one["preview"].get("image", "")),
                tuple(one.get("size", (0, 0))),
            ),
            one.get("learnt"),
        )
        for one in read_json(path)
    ]
