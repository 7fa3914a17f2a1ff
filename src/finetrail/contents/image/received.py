"""Images as callers hand them over, made into encoded bytes: bytes, base64, `data:` addresses or paths."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finetrail.contents.image.decode import decode, from_base64
from finetrail.data.canonical import is_missing
from finetrail.data.image_files import FORMATS, open_image
from finetrail.errors import ImageError

LONGEST_PATH = 4096
MOST_SENT_PIXELS = 25_000_000


def receive_images(values: Sequence[object], read_paths: bool) -> list[bytes]:
    """Images as callers hand them over, encoded.

    Args:
        read_paths: whether a value may be a path on this machine.

    Raises:
        ImageError: a value is not an image; the message names the row, and says how many more there are.
    """
    folder = Path() if read_paths else None
    images, bad = [], {}
    for place, value in enumerate(values):
        try:
            images.append(encoded(value, folder))
            if not read_paths:
                _refuse_large(images[-1])
        except ImageError as error:
            bad[place] = str(error)
    if bad:
        place = min(bad)
        others = f" (and {len(bad) - 1} more bad rows)" if len(bad) > 1 else ""
        raise ImageError(f"row {place + 1} of {len(values)}: {bad[place]}{others}")
    return images


def _refuse_large(image: bytes) -> None:
    """Raise ImageError for more pixels than a remote caller may have decoded: some bytes may stand for gigabytes."""
    opened = open_image(image)
    if opened.width * opened.height > MOST_SENT_PIXELS:
        raise ImageError(
            f"{opened.width} x {opened.height} pixels are more than the {MOST_SENT_PIXELS:,} that a request may hold; "
            "shrink it"
        )


def undecodable(images: Sequence[bytes]) -> dict[int, str]:
    """The reason for each image that cannot be decoded, by its place from 0."""
    found = {}
    for place, image in enumerate(images):
        try:
            decode(image)
        except ImageError as error:
            found[place] = str(error)
    return found


def encoded(value: object, folder: Path | None) -> bytes:
    """The encoded image that a value holds or names; does not check that it can be decoded whole.

    Args:
        value: bytes, base64 text, a `data:` address, an array (H, W) or (H, W, 3) of uint8, or a path.
        folder: where relative paths start. None: no file is touched, because a remote caller must not learn
            which files there are.

    Raises:
        ImageError: it is none of these, or the file cannot be read.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    how = f"give an image as bytes{' or base64' if folder is None else ', base64 or a path'}"
    if is_missing(value):
        raise ImageError(f"no value; {how}")
    if isinstance(value, str):
        data = from_base64(value)
        # A path may consist of base64's letters, and a base64 JPEG starts with a slash: the content decides.
        if data is not None and (value.startswith("data:") or _is_image(data)):
            return data
    if hasattr(value, "__array_interface__"):
        return _as_png(value)
    if not isinstance(value, str | os.PathLike):
        raise ImageError(f"a {type(value).__name__}; {how}")
    if folder is None:
        raise ImageError(
            f"{str(value)[:40]!r} is not the base64 of an image ({', '.join(FORMATS)}); send the image's bytes as "
            "base64, because a request cannot name a path"
        )
    return _read(value, folder)


def _as_png(value: Any) -> bytes:
    """An array of pixels, or an image of PIL, encoded without loss."""
    from PIL import Image

    stream = io.BytesIO()
    try:
        Image.fromarray(np.asarray(value)).save(stream, "PNG")
    except (TypeError, ValueError, OSError, KeyError) as error:
        pixels = np.asarray(value)
        raise ImageError(
            f"an array {pixels.shape} of {pixels.dtype}; give pixels (height, width) or (height, width, 3) of uint8"
        ) from error
    return stream.getvalue()


def _is_image(data: bytes) -> bool:
    try:
        open_image(data)
    except ImageError:
        return False
    return True


def _read(value: "str | os.PathLike[str]", folder: Path) -> bytes:
    name = os.fspath(value)
    shown = repr(name if len(name) <= 80 else f"{name[:40]}…")
    if len(name) > LONGEST_PATH or "\0" in name:
        raise ImageError(f"{shown} is neither the base64 of an image ({', '.join(FORMATS)}) nor a path")
    path = folder / name
    try:
        # Only regular files: reading a pipe or a device could wait forever.
        if not path.is_file():
            raise ImageError(f"{shown} is neither the base64 of an image ({', '.join(FORMATS)}) nor a file")
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{shown} cannot be read ({error.strerror or error})") from error
