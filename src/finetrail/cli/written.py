"""What a command writes for other programs: `--json`, and tables that come from or go to a pipe."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from finetrail.cli.console import out
from finetrail.errors import ConfigError
from finetrail.workspace import Workspace, write_json

PIPE = Path("-")
_PARQUET = b"PAR1"


def _people_on_stderr(path: Path | None) -> Path | None:
    """Leave standard output to the JSON alone; lines for people go to standard error."""
    if path == PIPE:
        out.stderr = True
    return path


Json = Annotated[
    Path | None,
    typer.Option(
        "--json", callback=_people_on_stderr, help="Write the result to this file too; - means standard output."
    ),
]


def put(path: Path | None, value: Any) -> None:
    """Write the result of a command where `--json` says, if it does.

    Raises:
        ConfigError: something else than JSON is there, such as a device or somebody's table.
    """
    if path is None:
        return
    if path == PIPE:
        sys.stdout.write(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        return
    target = path.resolve()  # a link stays, and what it leads to is written
    if target.exists() and not (target.is_file() and target.read_bytes()[:1] in (b"", b"{", b"[")):
        raise ConfigError(f"{path} exists and holds no JSON; name another file, or - for standard output")
    write_json(target, value)


@contextmanager
def piped(workspace: Workspace, source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield files that stand for `-`: standard input, kept in a file first, and standard output, written at the end.

    The kind of standard input is that of its first bytes: Parquet, JSONL, or else CSV. Standard output gets the kind
    of the source.
    """
    if PIPE not in (source, target):
        yield source, target
        return
    workspace.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace.scratch, prefix="piped-") as temporary:
        folder = Path(temporary)
        given = _kept(folder / "given") if source == PIPE else source
        if target != PIPE:
            yield given, target
            return
        out.stderr = True
        ending = given.suffix if given.suffix in (".csv", ".parquet") else ".jsonl"
        yield given, folder / f"scored{ending}"
        with (folder / f"scored{ending}").open("rb") as scored:
            shutil.copyfileobj(scored, sys.stdout.buffer)


def _kept(path: Path) -> Path:
    with path.open("wb") as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
    with path.open("rb") as kept:
        first = kept.read(1024)
    ending = ".parquet" if first.startswith(_PARQUET) else ".jsonl" if first.lstrip()[:1] in (b"{", b"[") else ".csv"
    return path.rename(path.with_suffix(ending))
