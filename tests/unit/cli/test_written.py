"""What commands write for other programs: JSON where it is asked for, and tables in pipes."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from finetrail.cli.written import PIPE, piped, put
from finetrail.errors import ConfigError
from finetrail.workspace import Workspace, read_json


def test_json_goes_to_a_file_through_a_link_or_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (link := tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    for _ in range(2):
        put(link, {"a": 1})
    assert link.is_symlink()
    assert read_json(tmp_path / "real.json") == {"a": 1}
    put(PIPE, ["ü"])
    assert json.loads(capsys.readouterr().out) == ["ü"]
    put(None, {})
    assert {path.name for path in tmp_path.iterdir()} == {"link.json", "real.json"}


@pytest.mark.parametrize("what", ["device", "pipe", "folder", "table"])
def test_json_never_takes_the_place_of_something_else(tmp_path: Path, what: str) -> None:
    path = tmp_path / "there"
    if what == "device":
        path = Path("/dev/null")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.write_text("text,label\n")
    before = path.stat()
    with pytest.raises(ConfigError, match=r"exists and holds no JSON; name another file, or - for standard output$"):
        put(path, {})
    assert path.stat() == before or what == "device"
    put(tmp_path / "another.json", {})  # the remedy


@pytest.mark.parametrize(
    ("given", "ending"), [(b"text\ngood\n", ".csv"), (b' \n{"text": "good"}\n', ".jsonl"), (b"PAR1...", ".parquet")]
)
def test_pipes_are_files_meanwhile(
    tmp_path: Path,
    given: bytes,
    ending: str,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    with piped(Workspace(tmp_path), PIPE, PIPE) as (source, target):
        assert (source.suffix, target.suffix) == (ending, ending)
        assert source.read_bytes() == given
        target.write_bytes(b"scored")
        print("meanwhile", file=sys.stderr)  # noqa: T201
    assert capfdbinary.readouterr().out == b"scored"
    assert list(Workspace(tmp_path).scratch.iterdir()) == []


def test_files_are_themselves(tmp_path: Path) -> None:
    with piped(Workspace(tmp_path), tmp_path / "a.csv", tmp_path / "b.csv") as both:
        assert both == (tmp_path / "a.csv", tmp_path / "b.csv")
    assert not Workspace(tmp_path).scratch.exists()
