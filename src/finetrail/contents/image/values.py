"""The bytes of an image from a table's field: a path, bytes, base64, or a struct of bytes and path."""

import errno
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from finetrail.contents.image.decode import from_base64
from finetrail.data.canonical import is_missing
from finetrail.data.sources.folders import check_link, read_file
from finetrail.data.sources.layout import plain_name
from finetrail.data.store.content import Absent
from finetrail.errors import SourceError

_SHORTEST_BASE64 = 64  # characters: no image is smaller, and hardly any path without a dot is longer
_LONGEST_PATH = 1024
_SHOWN = 200
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


class FieldReader:
    """Gives the bytes of a field; None where it is empty, and `Absent` where there is no such file.

    Args:
        folder: of the table; paths start there, and none may lead out of it.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()
        self._real = lru_cache(maxsize=1024)(os.path.realpath)  # once a folder, not once a file

    def __call__(self, where: str, value: Any) -> bytes | Absent | None:
        """Args: where: the place, for messages; value: the field's.

        Raises:
            SourceError: it is no path, bytes, base64 or struct; or the path leads out of the table's folder.
        """
        if isinstance(value, dict):  # as Hugging Face's `datasets` stores images
            value = value.get("bytes") if value.get("bytes") is not None else value.get("path")
        if isinstance(value, bytes):
            return value
        if is_missing(value):
            return None
        if not isinstance(value, str):
            raise SourceError(
                f"{where} holds {str(value)[:60]!r}; it must be a path, bytes or base64; set source.columns"
            )
        text = value.strip()
        if text.startswith("data:"):
            return from_base64(text)
        if "\0" in text or _ADDRESS.match(text):
            return _absent(text, "is no path" if "\0" in text else "is an address, not a file beside the table")
        encoded = from_base64(text) if len(text) >= _SHORTEST_BASE64 and "." not in text else None
        # Only a long name without an ending can be both; an existing file wins.
        if encoded is not None and (
            len(text) > _LONGEST_PATH or text.startswith("/") or not _is_file(self._path(text))
        ):
            return encoded
        return self._read(where, text) if len(text) <= _LONGEST_PATH else _absent(text, "is no path, base64 or bytes")

    def _path(self, name: str) -> Path:
        parent, _, last = name.rpartition("/")
        return Path(self._real(self._root / parent)) / last

    def _read(self, where: str, text: str) -> bytes | Absent:
        name = plain_name(where, text)
        path = self._path(name)
        if not _is_file(path):
            return _absent(text, "is no file beside the table")
        check_link(path, self._root, f"{where}: {text}")
        return read_file(path, name)


def _absent(text: str, why: str) -> Absent:
    return Absent(f"{text[:_SHOWN]!r} {why}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # the limit is in bytes, and a character may take several
            return False
        raise


def cached_image(where: str, value: Any) -> bytes | Absent | None:
    """The bytes of an Image feature: its own, or those of a file that the library fetched.

    Raises:
        SourceError: a path leads out of the library's caches, so the data set would read this machine's files.
    """
    if isinstance(value, bytes):
        return value
    if is_missing(value):
        return None
    if not isinstance(value, dict):
        raise SourceError(
            f"{where} holds {str(value)[:60]!r}; it must be an Image feature or bytes; set source.columns"
        )
    path = value.get("path")
    if value.get("bytes") is not None or path is None:
        data: bytes | None = value.get("bytes")
        return data
    from datasets import config
    from huggingface_hub.constants import HF_HUB_CACHE

    caches = [os.path.realpath(cache) for cache in (config.HF_DATASETS_CACHE, HF_HUB_CACHE)]
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(cache) for cache in caches):
        raise SourceError(f"{where} points to {str(path)[:200]!r}, outside the data set; use one that holds its images")
    return read_file(real, str(path)) if real.is_file() else _absent(str(path), "is no file of the data set")
