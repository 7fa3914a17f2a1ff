"""Weights are data: no call of transformers may run, or ask to run, the code that lies beside them.

Read as text, so that the snippets on the cards of exported models count too.
"""

import re
from pathlib import Path

import pytest

from tests.contract.pipeline import REPOSITORY

FILES = sorted(path for name in ("src", "flows", "bench", "docker") for path in (REPOSITORY / name).rglob("*.py"))
_CALL = re.compile(r"\.from_(?:pretrained|config)\(|(?<![\w.])pipeline\(")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_no_call_may_run_code_that_came_with_weights(path: Path) -> None:
    assert trusting(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code",
    [
        'AutoModel.from_pretrained(".")',
        "AutoModel.from_config(config, dtype=named(config))",
        "AutoTokenizer.from_pretrained(folder, trust_remote_code=True)",
        'tagger = pipeline("token-classification", model=".")',
        "AutoConfig.from_pretrained(\n    folder,\n    local_files_only=True,\n)",
    ],
)
def test_the_scan_finds_what_it_looks_for(code: str) -> None:
    assert len(trusting(code)) == 1


def test_a_call_that_trusts_nothing_passes() -> None:
    assert trusting("AutoModel.from_pretrained(path(folder),\n    trust_remote_code=False,\n)") == []


def trusting(text: str) -> list[str]:
    """The calls in a text that do not say `trust_remote_code=False`."""
    calls = (text[found.start() : _end(text, found.end())] for found in _CALL.finditer(text))
    return [call for call in calls if "trust_remote_code=False" not in call]


def _end(text: str, at: int) -> int:
    """The place behind the parenthesis that closes the one before `at`."""
    depth = 1
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at
