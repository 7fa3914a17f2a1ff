"""The scored rows, one file per chunk: they may exceed memory, and survive a kill."""

import csv
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from filelock import FileLock, Timeout

from finetrail.commands.scored_parquet import join_parquet, write_parquet
from finetrail.data.shown import for_cell
from finetrail.data.sources.kept import as_cell, plain
from finetrail.errors import SourceError, WorkspaceError
from finetrail.workspace import read_json, write_json

if TYPE_CHECKING:
    import pyarrow as pa

WRITERS = (".csv", ".jsonl", ".parquet")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """What is scored and on disk. Attributes: chunks: of the source, in its order. rows, rejected: in all chunks."""

    chunks: int = 0
    rows: int = 0
    rejected: int = 0


class ScoredParts:
    """Scored and rejected rows beside `target`, which they replace once all are there.

    Opened again after a kill or a power cut, it continues after the last whole chunk.

    Args:
        target: a CSV, JSONL or Parquet file, by its ending.
        key: what the rows depend on, by name: if a value differs, the earlier parts are dropped.
        nested: the columns that hold lists or structs, and their types. A CSV file has them as JSON text, Parquet and
            JSONL as they are.
        kept: the caller's own columns, and their types in Parquet.
        about: which model answered: metadata of a Parquet file.

    Raises:
        WorkspaceError: another process is writing the same target.
    """

    def __init__(
        self,
        target: Path,
        key: dict[str, str],
        nested: Mapping[str, str],
        kept: "Mapping[str, pa.DataType] | None" = None,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self._target = target
        self.rejects = rejects_of(target)
        self._folder = target.with_name(f".{target.name}.partial")  # hidden: it may lie in the folder that is scored
        self._key = key
        self._nested = nested
        self._kept = kept or {}
        self._about = about
        self.progress = Progress()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self._folder / "lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise WorkspaceError(
                f"{self._target} is being written by another process; wait for it, or name another file"
            ) from error
        self.progress = self._found()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
            elif issubclass(kind, SourceError):
                self._drop()  # the next call will have another source, or a corrected one
        finally:
            self._lock.release()

    def add(self, scored: pd.DataFrame, refused: pd.DataFrame) -> None:
        """Save a chunk: its rows with answers, and those without. The first chunk sets the columns."""
        number = self.progress.chunks
        _whole(self._part(number), lambda path: self._write(scored, path, number == 0))
        if len(refused):
            _whole(
                self._refused(number), lambda path: _write_csv(refused.map(for_cell), path, not self.progress.rejected)
            )
        self.progress = Progress(number + 1, self.progress.rows + len(scored), self.progress.rejected + len(refused))
        write_json(self._record, {"key": self._key, "progress": vars(self.progress)})

    def first_refused(self) -> str:
        """Row number and reason of the first row without answers; empty if there is none."""
        parts = (self._refused(number) for number in range(self.progress.chunks))
        path = next((path for path in parts if path.exists()), None)
        return first_refused(path, 1) if path else ""

    def _write(self, scored: pd.DataFrame, path: Path, header: bool) -> None:
        if self._target.suffix == ".parquet":
            write_parquet(scored, path, self._nested, self._kept, self._about)
            return
        scored = scored.assign(**{name: scored[name].map(plain) for name in self._kept})
        if self._target.suffix == ".jsonl":
            _write_jsonl(scored, path)
            return
        nested = {name: scored[name].map(_as_json) for name in self._nested}
        own = {name: scored[name].map(as_cell) for name in self._kept}
        _write_csv(scored.assign(**nested, **own), path, header)

    @property
    def _record(self) -> Path:
        return self._folder / "progress.json"

    def _part(self, number: int) -> Path:
        return self._folder / f"{number:08d}{self._target.suffix}"

    def _refused(self, number: int) -> Path:
        return self._folder / f"{number:08d}.rejects.csv"

    def _found(self) -> Progress:
        if not self._record.exists():
            return Progress()
        try:
            record = read_json(self._record)
            changed = [name for name, value in self._key.items() if record["key"].get(name) != value]
            progress = Progress(**record["progress"])
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
            changed, progress = ["its record"], Progress()
        if changed:
            log.warning(
                "an earlier scoring of %s was interrupted, but %s changed since: it starts over",
                self._target.name,
                " and ".join(changed),
            )
            self._record.unlink()
            return Progress()
        return progress

    def _finish(self) -> None:
        numbers = range(self.progress.chunks)
        joined = self._folder / f"joined{self._target.suffix}"
        _JOIN[self._target.suffix]([self._part(number) for number in numbers], joined)
        refused = [path for number in numbers if (path := self._refused(number)).exists()]
        if self.progress.rejected:
            _join_bytes(refused, self._folder / "joined.rejects.csv")
            (self._folder / "joined.rejects.csv").replace(self.rejects)
        else:
            self.rejects.unlink(missing_ok=True)  # of an earlier run
        joined.replace(self._target)
        self._drop()

    def _drop(self) -> None:
        self._record.unlink(missing_ok=True)  # first: without it, leftover parts are ignored
        shutil.rmtree(self._folder)


def first_refused(rejects: Path, most: int = 3) -> str:
    """Row number and reason of the first rows without answers, for people. Args: rejects: the file that names them."""
    with rejects.open(encoding="utf-8", newline="") as file:
        found = [f"row {row['row']}: {row['reason']}" for row in islice(csv.DictReader(file), most + 1)]
    return "; ".join([*found[:most], *(["..."] if len(found) > most > 1 else [])])


def rejects_of(target: Path) -> Path:
    """The file that names the rows which could not be scored."""
    return target.with_name(target.name + ".rejects.csv")


def _whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file that is whole as soon as it has its name, even after a power cut."""
    partial = path.with_name(path.name + ".partial")
    write(partial)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def _write_csv(frame: pd.DataFrame, path: Path, header: bool) -> None:
    # Quote all texts: otherwise a lone carriage return inside one would end its row.
    frame.to_csv(path, index=False, header=header, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")


def _as_json(value: Any) -> str:
    """A list or a struct as the text of a cell."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return value.tolist()  # numpy's arrays and numbers


def _write_jsonl(frame: pd.DataFrame, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        if len(frame):
            frame.to_json(file, orient="records", lines=True, force_ascii=False)


def _join_bytes(parts: list[Path], joined: Path) -> None:
    with joined.open("wb") as whole:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, whole, 2**20)


_JOIN: dict[str, Callable[[list[Path], Path], Any]] = {
    ".csv": _join_bytes,
    ".jsonl": _join_bytes,
    ".parquet": join_parquet,
}
