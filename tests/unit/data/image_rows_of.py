"""The rows of a source of images, and how a source is refused."""

from pathlib import Path
from typing import Any

import pytest

from finetrail.data.store.raw import Row
from finetrail.errors import ConfigError, SourceError
from tests.unit.sections_of import IMAGES, source_of


def read(root: Path, **source: Any) -> list[Row]:
    return list(source_of(IMAGES, **source).read(root))


def refusal(root: Path, **source: Any) -> str:
    with pytest.raises((SourceError, ConfigError)) as caught:
        read(root, **source)
    assert "\n" not in str(caught.value)
    return str(caught.value)
