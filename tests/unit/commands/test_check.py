"""`finetrail check`: what is allowed, and yet may surprise."""

from pathlib import Path

from finetrail.commands.check import notes
from tests.unit.params_file import load

COMMIT = "0123456789" * 4


def test_addresses_that_may_change_are_named_once(tmp_path: Path) -> None:
    (said,) = notes(load(tmp_path, {"backbone.weights": "hf://owner/encoder@main"}))
    assert said.startswith("note: hf://owner/encoder@main is not pinned: its owner may change it; write hf://owner/enc")
    assert list(notes(load(tmp_path, {"backbone.weights": f"hf://owner/encoder@{COMMIT}"}))) == []
    assert list(notes(load(tmp_path, {"backbone.weights": "data/weights/encoder"}))) == []
