"""`finetrail predict`: score a file, or a folder of images, with a trained model."""

import logging
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

from finetrail.commands.scored import WRITERS, ScoredParts
from finetrail.commands.scorer import Scorer, open_scorer
from finetrail.data.sources.columns import Columns
from finetrail.data.sources.unlabelled import Unlabelled, count, identity, images, pixels, texts
from finetrail.data.store.content import batches
from finetrail.errors import ConfigError, ImageError
from finetrail.progress import Track, quiet
from finetrail.runs import hashes
from finetrail.workspace import Workspace

ROWS_A_CHUNK = 2_048
BYTES_A_CHUNK = 64 * 2**20
READERS = {"text": texts, "image": images}
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
    kind: str,
    column: str,
    grey: Columns | None = None,
    track: Track = quiet,
) -> Scored:
    """Write the raw values, or the names of the images, with the answers beside them: see `finetrail.serving.answer`.

    What cannot be scored (a missing text, an image that cannot be decoded) is named with its row and the reason in
    `<target>.rejects.csv`. A column that is itself called `label`, `score` or `prediction` stays; the model's is then
    `predicted_...`. If it is killed, the next call goes on behind the last whole chunk, and ends with the same bytes,
    as long as source, model and code are the same; if not, it says so and starts afresh.

    Args:
        model: see `finetrail.commands.scorer.open_scorer`.
        source: a CSV, TSV, JSONL or Parquet file; for images also a folder, or a single image.
        target: a CSV, JSONL or Parquet file; replaced only when all is scored.
        kind: what the task reads, `text` or `image`: the `column` of its `finetrail.tasks.registry.Entry`.
        column: the column of `source` that holds the raw values, or the paths of images.
        grey: of a CSV file of grey values, the columns that are none.

    Raises:
        ConfigError: the target's format is unknown, or the model reads another kind.
        ModelError: the model is a folder that holds none.
        SourceError: the source is missing, cannot be read, or has no such column.
        TrackingError: there is no such model, or the registry does not answer.
        WorkspaceError: another process is writing the same target.
    """
    if target.suffix not in WRITERS:
        raise ConfigError(
            f"{target.name!r}: cannot tell the format from {target.suffix!r}; end the name in {', '.join(WRITERS)}"
        )
    found = READERS[kind](source, column) if grey is None else pixels(source, grey)
    rows = track(found, total=count(source) if source.exists() else None, what="scoring")
    chunks = batches(rows, ROWS_A_CHUNK, BYTES_A_CHUNK)
    first = next(chunks, [])  # before the model is loaded: a source that cannot be read is told at once
    scorer = open_scorer(workspace, model)
    if scorer.column != kind:
        raise ConfigError(
            f"{model} reads {scorer.column!r}, but the task of params.yaml gives {kind!r}; name another model"
        )
    key = {
        "the source": identity(source),
        "the column": column,
        "the model": scorer.fingerprint,
        "the code": f"{hashes.hash_code()} {ROWS_A_CHUNK} {BYTES_A_CHUNK}",
    }
    with ScoredParts(target, key) as parts:
        done = parts.progress
        if done.chunks:
            log.warning("%s goes on behind row %d, where it was cut off", target.name, done.rows + done.rejected)
        for number, chunk in enumerate(chain([first], chunks)):
            if number >= done.chunks:
                parts.add(*_scored(scorer, chunk, column))
    rejected = parts.progress.rejected
    return Scored(parts.progress.rows, rejected, parts.rejects if rejected else None)


def _scored(scorer: Scorer, chunk: list[Unlabelled], column: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows with answers beside them, and those that have none, with row number and reason."""
    frame, bad = _score(scorer, chunk)
    good = [one.name for place, one in enumerate(chunk) if place not in bad]
    given = pd.Series(good, name=column, dtype=str)
    named = pd.DataFrame(
        {
            "row": [chunk[place].row for place in sorted(bad)],
            column if column not in ("row", "reason") else f"given_{column}": pd.Series(
                [chunk[place].name[:EXCERPT] for place in sorted(bad)], dtype=str
            ),
            "reason": pd.Series([bad[place] for place in sorted(bad)], dtype=str),
        }
    )
    return pd.concat([given, frame.rename(columns={column: f"predicted_{column}"})], axis=1), named


def _score(scorer: Scorer, chunk: list[Unlabelled]) -> tuple[pd.DataFrame, dict[int, str]]:
    """The answers to what can be scored, and why the others cannot, by their place in the chunk."""
    bad = {place: one.problem for place, one in enumerate(chunk) if one.problem}
    places = [place for place in range(len(chunk)) if place not in bad]
    try:
        return scorer.answer([chunk[place].content for place in places]), bad
    except ImageError:
        from finetrail.serving.answer import undecodable

        # Looked for only now: decoding all images twice would double the time of most.
        found = undecodable([chunk[place].content for place in places])
        if not found:
            raise
        bad |= {places[at]: reason for at, reason in found.items()}
        return scorer.answer([chunk[place].content for place in places if place not in bad]), bad
