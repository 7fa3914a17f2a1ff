"""What slices may ask of a text, beside its length."""

from typing import Any

from finetrail.contents.text.stored import parts
from finetrail.data.scripts import letters_of, most_common


def script(content: Any) -> str:
    """The writing system of most letters of a row's texts; see `finetrail.data.scripts`."""
    return most_common(letters_of(parts(content)))
