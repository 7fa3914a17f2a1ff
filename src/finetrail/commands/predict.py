"""`finetrail predict`: score a file, or a folder of images, with a trained model."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.commands.scored import WRITERS, ScoredParts, rejects_of
from finetrail.commands.scorer import Scorer, open_scorer
from finetrail.commands.scoring import Answering, options_of
from finetrail.contents.content import Content
from finetrail.data.sources.dialect import AUTO, CsvSettings
from finetrail.data.sources.headers import has_columns
from finetrail.data.sources.kept import kept_columns
from finetrail.data.sources.place import TABLES, Source
from finetrail.data.sources.unlabelled import Reading, count, identity
from finetrail.data.store.content import batches
from finetrail.data.store.shards import Most
from finetrail.errors import ConfigError, SourceError
from finetrail.progress import Track, quiet
from finetrail.runs import hashes
from finetrail.serving.answer_types import is_nested
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

A_CHUNK = Most(2_048, 64 * 2**20)
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
    keep: Sequence[str] | None = None,
    asked: Mapping[str, Any] | None = None,
    as_served: bool = False,
    track: Track = quiet,
    chunk: Most = A_CHUNK,
) -> Scored:
    """Write all columns of the source, or the names of the images, with the answers beside them.

    The answers are those of `finetrail.serving.answer`, a label as `predicted_label`, and `row`, the number in the
    source. None takes the name of a column that the source has: it is then called `predicted_...`. What cannot be
    scored (a missing text, an image that cannot be decoded) is named with its row and the reason in
    `<target>.rejects.csv`. After a kill, the next call continues after the last whole chunk and writes the same bytes,
    as long as source, model and code are the same; otherwise it says so and starts over.

    Args:
        model: see `finetrail.commands.scorer.open_scorer`.
        source: a CSV, TSV, JSONL or Parquet file; for images also a folder, or a single image.
        target: a CSV, JSONL or Parquet file; replaced only when all is scored.
        content: what the task reads.
        columns: those of `source` that hold the raw values, or the paths of images.
        labelled: where the training data come from, if `columns` are those that it names.
        csv: how `source` is written, if it is CSV or TSV.
        keep: columns of `source` that the results and the rejects show beside what is scored; None: all.
        asked: options of the task's target, such as `probabilities`; see `finetrail.targets.options`.
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
    target = target.resolve() if target.is_symlink() else target  # the link stays
    kept, shown = _kept(source, keep, columns, labelled, csv) if source.exists() else ({}, tuple(columns))
    found = content.unlabelled(source, columns, labelled, Reading(csv, tuple(kept)))
    rows = track(found, total=count(source) if source.exists() else None, what="scoring")
    chunks = batches(rows, chunk.rows, chunk.size)
    first = next(chunks, [])  # before the model is loaded: an unreadable source fails at once
    with open_scorer(workspace, model, as_served=as_served) as scorer:
        _refuse_others(scorer, model, content, columns)
        answering = Answering(scorer, options_of(scorer.task, asked or {}), columns, shown)
        nested = {name: kind for name, kind in answering.kinds.items() if is_nested(kind)}
        key = {
            "the source": identity(source),
            "the columns": f"{', '.join(columns)} of {', '.join(shown)}",
            "the dialect": csv.model_dump_json(),
            "the model": f"{scorer.fingerprint} {scorer.name}",
            "the options": answering.options.model_dump_json(),
            "the code": f"{hashes.hash_code()} {chunk.rows} {chunk.size}",
        }
        about = {"finetrail.model": scorer.name, "finetrail.fingerprint": scorer.fingerprint}
        with ScoredParts(target, key, nested, kept, about) as parts:
            done = parts.progress
            if done.chunks:
                log.warning("%s resumes after row %d, where it was interrupted", target.name, done.rows + done.rejected)
            for number, taken in enumerate(chain([first], chunks)):
                if number >= done.chunks:
                    parts.add(*answering.scored(taken))
            if not parts.progress.rows:
                raise _nothing_scored(source, target, parts.progress.rejected, parts.first_refused())
    rejected = parts.progress.rejected
    return Scored(parts.progress.rows, rejected, parts.rejects if rejected else None)


def _kept(
    source: Path, keep: Sequence[str] | None, columns: Sequence[str], labelled: Source | None, csv: CsvSettings
) -> "tuple[dict[str, pa.DataType], tuple[str, ...]]":
    """The caller's own columns to keep and their types, without what is scored; and all that is shown, in order."""
    kind = TABLES.get(source.suffix.lower())
    held = columns
    if labelled is not None and kind is not None:
        held = labelled.columns.asked(partial(has_columns, source, kind, csv))
    found = kept_columns(source, keep, held, csv)
    kept = {name: type_ for name, type_ in found.items() if name not in {*held, *columns}}
    missing = [name for name in columns if name not in found]
    return kept, (*missing, *(name for name in found if name in kept or name in columns))


def _check_target(source: Path, target: Path) -> None:
    """Raise ConfigError if the target has no known format, or if writing it would destroy the source."""
    if target.suffix not in WRITERS:
        raise ConfigError(
            f"{target.name!r}: cannot tell the format from {target.suffix!r}; end the name in {', '.join(WRITERS)}"
        )
    if target.exists() and not target.is_file():
        raise ConfigError(f"{target} is a {'folder' if target.is_dir() else 'device'}, not a file; name a file")
    for written in (target, rejects_of(target)):
        # `samefile` follows links and other spellings of the path.
        if source.exists() and written.exists() and source.samefile(written):
            raise ConfigError(
                f"{written} is {source}, the file to score, and the results would replace it; name another target"
            )


def _nothing_scored(source: Path, target: Path, rejected: int, first: str) -> SourceError:
    """Args: first: row number and reason of the first rejected row; empty: there was none."""
    kept = f"; {target.name} is unchanged" if target.exists() else ""
    if not first:
        return SourceError(f"{source.name} has no rows to score; name a file that has some{kept}")
    return SourceError(
        f"none of the {rejected} rows of {source.name} could be scored ({first}); correct the source, or "
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
