"""Files that are not what their name says, such as a workbook called `.csv`: named, with the command that converts."""

import zipfile
from pathlib import Path
from shlex import quote

from finetrail.errors import SourceError

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Excel before 2007
_PACKED = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2", b"\xfd7zXZ\x00": "unxz", b"\x28\xb5\x2f\xfd": "unzstd"}
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
"""Endings of workbooks."""


def refuse_disguised(path: Path) -> None:
    """Raise SourceError if a table of text is a workbook, compressed, Parquet or PDF, by its first bytes.

    Args:
        path: a file that is about to be read as CSV, TSV or JSON.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_OLE) or (start.startswith(b"PK") and _is_workbook(path)):
        raise SourceError(f"{path.name} is a workbook, not text; convert it: {conversion(path)}")
    if start.startswith(b"PK"):
        raise SourceError(f"{path.name} is a zip archive, not text; unpack it, and name a file of it")
    for magic, command in _PACKED.items():
        if start.startswith(magic):
            unpacked = _beside(path, "-unpacked" + path.suffix)
            raise SourceError(f"{path.name} is compressed; unpack it: {command} < {quote(str(path))} > {unpacked}")
    if start.startswith(b"PAR1"):
        raise SourceError(f"{path.name} is a Parquet file; give it the ending .parquet")
    if start.startswith(b"%PDF"):
        raise SourceError(f"{path.name} is a PDF, not a table; give a CSV, TSV, JSONL or Parquet file")


def conversion(path: Path) -> str:
    """The command that makes a CSV file of the first sheet of a workbook."""
    read = f"pandas.read_excel({str(path)!r}, engine='calamine')"
    script = f"import pandas; {read}.to_csv({_beside(path, '-converted.csv')!r}, index=False)"
    return f'uv run --no-project --with pandas --with python-calamine python -c "{script}"'


def _is_workbook(path: Path) -> bool:
    """Office's formats name their parts in `[Content_Types].xml`, LibreOffice's begin with `mimetype`."""
    try:
        with zipfile.ZipFile(path) as archive:
            return not {"[Content_Types].xml", "mimetype"}.isdisjoint(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return path.suffix.lower() in WORKBOOKS


def _beside(path: Path, ending: str) -> str:
    """The file that the command writes, next to the other."""
    return str(path.with_name(path.name.split(".")[0] + ending))
