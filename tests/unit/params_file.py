"""A small params.yaml that tests edit, and how one is refused."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from finetrail.config import load_params
from finetrail.errors import ConfigError
from finetrail.sections import Params

MISSING = object()


def params(edits: dict[str, Any]) -> dict[str, Any]:
    """A small valid params.yaml with edits by dotted key; `MISSING` takes a key out."""
    values: dict[str, Any] = {
        "project": "demo",
        "task": "text-classification",
        "seed": 0,
        "source": {"path": "data/input/reviews.csv"},
        "backbone": {"weights": "hf://owner/encoder", "max_tokens": 64},
        "candidates": {"probe": {"adaptation": {"method": "linear_probe"}}},
    } | {section: {} for section in ("validation", "split", "train", "selection")}
    for key, value in ((key, copy.deepcopy(value) if value is not MISSING else value) for key, value in edits.items()):
        *sections, last = key.split(".")
        inner = values
        for section in sections:
            inner = inner.setdefault(section, {})
        if value is MISSING:
            del inner[last]
        else:
            inner[last] = value
    return values


def load(tmp_path: Path, edits: dict[str, Any]) -> Params:
    return load_text(tmp_path, json.dumps(params(edits)).encode())  # JSON is YAML


def load_text(tmp_path: Path, text: bytes) -> Params:
    (tmp_path / "params.yaml").write_bytes(text)
    return load_params(tmp_path / "params.yaml")


def refusal(tmp_path: Path, edits: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, edits)
    message = str(caught.value)
    assert "\n" not in message
    return message
