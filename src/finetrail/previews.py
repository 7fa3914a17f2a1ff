"""What a person is shown of an example: an excerpt of a text, or a small picture."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preview:
    """One of the two.

    Attributes:
        text: the text, or its start.
        picture: an encoded image (PNG, JPEG or WebP), at most a few kilobytes.
    """

    text: str = ""
    picture: bytes = b""
