"""`finetrail predict`: score a file, or a folder of images, with a trained model."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from finetrail.commands.scored import WRITERS, ScoredParts, rejects_of
from finetrail.commands.scorer import Scorer, open_scorer
from finetrail.contents.content import Content
from finetrail.data.sources.dialect import AUTO, CsvSettings
from finetrail.data.sources.headers import has_columns
from finetrail.data.sources.kept import as_stored_text, kept_columns
from finetrail.data.sources.place import TABLES, Source
from finetrail.data.sources.unlabelled import Reading, Unlabelled, count, identity
from finetrail.data.store.content import batches
from finetrail.data.store.shards import Most
from finetrail.errors import ConfigError, DataError, SourceError
from finetrail.progress import Track, quiet
from finetrail.runs import hashes
from finetrail.serving.answer_types import is_nested
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

A_CHUNK = Most(2_048, 64 * 2**20)
EXCERPT = 200
"""Characters of a text that the rejects file shows."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scored:
    """What `predict` did. Attributes: rejects: the file that names the rows which could not be scored, if any."""

    rows: int
    rejected: int
    rejects: Path | None


def predict(
    workspace: Workspace,
    model: str,
    source: Path,
    target: Path,
    *,
    content: Content,
    columns: Sequence[str],
    labelled: Source | None = None,
    csv: CsvSettings = AUTO,
    keep: Sequence[str] = (),
    as_served: bool = False,
    track: Track = quiet,
    chunk: Most = A_CHUNK,
) -> Scored:
    """Write the raw values, or the names of the images, with the answers beside them: see `finetrail.serving.answer`.

    What cannot be scored (a missing text, an image that cannot be decoded) is named with its row and the reason in
    `<target>.rejects.csv`. A column that is itself called `label`, `score` or `prediction` stays; the model's is then
    `predicted_...`. After a kill, the next call continues after the last whole chunk and writes the same bytes, as
    long as source, model and code are the same; otherwise it says so and starts over.

    Args:
        model: see `finetrail.commands.scorer.open_scorer`.
        source: a CSV, TSV, JSONL or Parquet file; for images also a folder, or a single image.
        target: a CSV, JSONL or Parquet file; replaced only when all is scored.
        content: what the task reads.
        columns: those of `source` that hold the raw values, or the paths of images.
        labelled: where the training data come from, if `columns` are those that it names.
        csv: how `source` is written, if it is CSV or TSV.
        keep: further columns of `source` that the results and the rejects show, or `all`.
        as_served: see `open_scorer`.
        chunk: how much is scored and saved at a time.

    Raises:
        ConfigError: the target's format is unknown, it is the source itself, or the model reads another kind.
        ModelError: the model is a folder that holds none.
        SourceError: the source is missing, cannot be read, or has no such column; or no row could be scored.
        TrackingError: there is no such model, or the registry does not answer.
        WorkspaceError: another process is writing the same target.
    """
    _check_target(source, target)
    kept = _kept(source, keep, columns, labelled, csv) if keep and source.exists() else {}
    found = content.unlabelled(source, columns, labelled, Reading(csv, tuple(kept)))
    rows = track(found, total=count(source) if source.exists() else None, what="scoring")
    chunks = batches(rows, chunk.rows, chunk.size)
    first = next(chunks, [])  # before the model is loaded: an unreadable source fails at once
    with open_scorer(workspace, model, as_served=as_served) as scorer:
        _refuse_others(scorer, model, content, columns)
        kinds = scorer.kinds
        shown = (*columns, *kept)
        nested = {_column_of(name, shown): kind for name, kind in kinds.items() if is_nested(kind)}
        key = {
            "the source": identity(source),
            "the columns": ", ".join(shown),
            "the dialect": csv.model_dump_json(),
            "the model": scorer.fingerprint,
            "the code": f"{hashes.hash_code()} {chunk.rows} {chunk.size}",
        }
        with ScoredParts(target, key, nested, kept) as parts:
            done = parts.progress
            if done.chunks:
                log.warning("%s resumes after row %d, where it was interrupted", target.name, done.rows + done.rejected)
            for number, taken in enumerate(chain([first], chunks)):
                if number >= done.chunks:
                    parts.add(*_scored(scorer, taken, columns, shown))
            if not parts.progress.rows:
                raise _nothing_scored(source, target, parts.progress.rejected, parts.first_refused())
    rejected = parts.progress.rejected
    return Scored(parts.progress.rows, rejected, parts.rejects if rejected else None)


def _kept(
    source: Path, keep: Sequence[str], columns: Sequence[str], labelled: Source | None, csv: CsvSettings
) -> "dict[str, pa.DataType]":
    """The caller's own columns to keep, and their types; none of those that hold, or show, what is scored."""
    kind = TABLES.get(source.suffix.lower())
    held = columns
    if labelled is not None and kind is not None:
        held = labelled.columns.asked(partial(has_columns, source, kind, csv))
    found = kept_columns(source, keep, held, csv)
    return {name: type_ for name, type_ in found.items() if name not in columns}


def _check_target(source: Path, target: Path) -> None:
    """Raise ConfigError if the target has no known format, or if writing it would destroy the source."""
    if target.suffix not in WRITERS:
        raise ConfigError(
            f"{target.name!r}: cannot tell the format from {target.suffix!r}; end the name in {', '.join(WRITERS)}"
        )
    if target.is_dir():
        raise ConfigError(f"{target} is a folder, not a file; name a file")
    for written in (target, rejects_of(target)):
        # `samefile` follows links and other spellings of the path.
        if source.exists() and written.exists() and source.samefile(written):
            raise ConfigError(
                f"{written} is {source}, the file to score, and the results would replace it; name another target"
            )


def _nothing_scored(source: Path, target: Path, rejected: int, first: tuple[int, str] | None) -> SourceError:
    """Args: first: row number and reason of the first rejected row."""
    kept = f"; {target.name} is unchanged" if target.exists() else ""
    if first is None:
        return SourceError(f"{source.name} has no rows to score; name a file that has some{kept}")
    row, reason = first
    return SourceError(
        f"none of the {rejected} rows of {source.name} could be scored (row {row}: {reason}); correct the source, or "
        f"name the right column with --column{kept}"
    )


def _refuse_others(scorer: Scorer, model: str, content: Content, columns: Sequence[str]) -> None:
    """Raise ConfigError if the model reads something other than these columns."""
    if scorer.task.content.name != content.name:
        raise ConfigError(
            f"{model} reads {scorer.task.content.noun}s, but the task in params.yaml reads {content.noun}s; name "
            "another model"
        )
    if len(scorer.columns) != len(columns):
        raise ConfigError(
            f"{model} reads {', '.join(scorer.columns)}, but is given {', '.join(columns)}; name as many with "
            "--column, in that order"
        )


def _column_of(name: str, columns: Sequence[str]) -> str:
    """The name of a column of answers beside the given columns."""
    while name in columns:
        name = f"predicted_{name}"
    return name


def _scored(
    scorer: Scorer, chunk: list[Unlabelled], columns: Sequence[str], shown: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows with their answers, and the rows without, with row number and reason.

    Args:
        shown: the columns that are scored, and those of the caller.
    """
    frame, bad = _score(scorer, chunk)
    good = [one for place, one in enumerate(chunk) if place not in bad]
    refused = [chunk[place] for place in sorted(bad)]
    own = shown[len(columns) :]
    given = pd.DataFrame(
        {name: pd.Series([one.given[name] for one in good], dtype=str) for name in columns}
        | {name: pd.Series([one.kept.get(name) for one in good], dtype=object) for name in own}
    )
    excerpts = {name: pd.Series([one.given[name][:EXCERPT] for one in refused], dtype=str) for name in columns} | {
        name: pd.Series([_excerpt(one.kept.get(name)) for one in refused], dtype=str) for name in own
    }
    reasons = pd.Series([bad[place] for place in sorted(bad)], dtype=str)
    renamed = {f"given_{name}" if name in ("row", "reason") else name: texts for name, texts in excerpts.items()}
    named = pd.DataFrame({"row": [one.row for one in refused], **renamed, "reason": reasons})
    answers = frame.rename(columns={name: _column_of(name, shown) for name in scorer.kinds})
    return pd.concat([given, answers], axis=1), named


def _excerpt(value: Any) -> str:
    return (as_stored_text(value) or "")[:EXCERPT]


def _score(scorer: Scorer, chunk: list[Unlabelled]) -> tuple[pd.DataFrame, dict[int, str]]:
    """The answers to what can be scored, and why the others cannot, by their place in the chunk."""
    bad = {place: one.problem for place, one in enumerate(chunk) if one.problem}
    places = [place for place in range(len(chunk)) if place not in bad]
    contents = [_renamed(chunk[place].content, scorer.columns) for place in places]
    try:
        return scorer.answer(contents), bad
    except DataError:
        # Search for faults only now: checking first would decode all images twice.
        found = scorer.task.content.faults(contents)
        if not found:
            raise
        bad |= {places[at]: reason for at, reason in found.items()}
        return scorer.answer([content for at, content in enumerate(contents) if at not in found]), bad


def _renamed(content: Any, columns: Sequence[str]) -> Any:
    """A content of several columns, under the names that the model uses."""
    return dict(zip(columns, content.values(), strict=True)) if isinstance(content, dict) else content
