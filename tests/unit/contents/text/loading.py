"""Encoders as tests load and rebuild them: the pooled encoder, its processor and its width."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from finetrail.contents.content import Loaded
from finetrail.contents.text.backbone import load_pretrained, load_saved
from finetrail.contents.text.encoder import PooledEncoder
from finetrail.contents.text.processor import TextProcessor
from finetrail.contents.text.settings import TextBackbone

Parts = tuple[PooledEncoder, TextProcessor, int]


def fetch(settings: TextBackbone, root: Path | None = None, columns: Sequence[str] = ("text",)) -> Parts:
    """Args: root: the workspace; columns: of the texts of a row."""
    return _parts(load_pretrained(settings, root or Path(), "pooled", columns))


def rebuild(settings: TextBackbone, folder: Path, columns: Sequence[str] = ("text",)) -> Parts:
    """Without weights."""
    return _parts(load_saved(settings.model_dump(), folder, "pooled", columns))


def _parts(loaded: Loaded) -> Parts:
    return cast(PooledEncoder, loaded.network), cast(TextProcessor, loaded.processor), loaded.width
