"""Files that are not what they are called: named, with a command that converts."""

import gzip
import subprocess
import zipfile
from pathlib import Path

import pytest

from finetrail.data.sources.disguised import refuse_disguised
from finetrail.errors import SourceError


def workbook(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
    return path


@pytest.mark.parametrize("name", ["book.xlsx", "renamed.csv", "renamed.jsonl"])
def test_a_workbook_is_named_with_the_command_that_converts_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=rf"^{name} is a workbook, not text; convert it: uv run .*pandas\.read_excel"):
        refuse_disguised(workbook(tmp_path / name))


def test_the_command_that_unpacks_works(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(b"text,label\n"))
    with pytest.raises(SourceError, match=r"a\.csv is compressed; unpack it: gunzip < ") as caught:
        refuse_disguised(path)
    subprocess.run(["bash", "-c", str(caught.value).partition("unpack it: ")[2]], check=True)
    assert (tmp_path / "a-unpacked.csv").read_bytes() == b"text,label\n"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"PAR1", "is a Parquet file; give it the ending .parquet"),
        (b"%PDF-1.7", "is a PDF"),
    ],
)
def test_other_files(tmp_path: Path, start: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(start + b"\0" * 100)
    with pytest.raises(SourceError, match=message):
        refuse_disguised(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes(b"text,label\n")
    refuse_disguised(tmp_path / "b.csv")
