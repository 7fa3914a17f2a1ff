"""`finetrail predict`: score a file, or a folder of images, with a registered model."""

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from finetrail.commands.scored import WRITERS, ScoredFile
from finetrail.data.content import batches
from finetrail.data.unlabelled import Unlabelled, images, texts
from finetrail.errors import ConfigError
from finetrail.tracking import prepare_environment, tracking_errors
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

ROWS_A_CHUNK = 2_048
BYTES_A_CHUNK = 64 * 2**20
READERS = {"text": texts, "image": images}
_DTYPES = {"text": str, "image": object}


@dataclass(frozen=True)
class Scored:
    """What `predict` did. Attributes: rejects: the file that names the rows which could not be scored, if any."""

    rows: int
    rejected: int
    rejects: Path | None


def predict(workspace: Workspace, model: str, source: Path, target: Path, *, kind: str, column: str) -> Scored:
    """Write the raw values, or the names of the images, with the answers beside them: see `finetrail.prediction`.

    An image that cannot be decoded is named, with the reason, in `<target>.rejects.csv`. A column that is itself
    called `label`, `score` or `prediction` stays; the model's is then `predicted_...`.

    Args:
        model: an MLflow model address, `models:/NAME@ALIAS` or `models:/NAME/VERSION`.
        source: a CSV, TSV, JSONL or Parquet file; for images also a folder, or a single image.
        target: a CSV, JSONL or Parquet file; replaced only when all is scored.
        kind: what the task reads, `text` or `image`: the `column` of its `finetrail.tasks.registry.Entry`.
        column: the column of `source` that holds the raw values, or the paths of images.

    Raises:
        ConfigError: the target's format is unknown, or the model reads another kind.
        SourceError: the source is missing, cannot be read, or has no such column.
        TrackingError: there is no such model, or the registry does not answer.
    """
    if target.suffix not in WRITERS:
        raise ConfigError(
            f"{target.name!r}: cannot tell the format from {target.suffix!r}; end the name in {', '.join(WRITERS)}"
        )
    chunks = batches(READERS[kind](source, column), ROWS_A_CHUNK, BYTES_A_CHUNK)
    first = next(chunks, [])  # before the model is loaded: a source that cannot be read is told at once
    uri = prepare_environment(workspace)
    import mlflow

    with tracking_errors(uri):
        loaded = mlflow.pyfunc.load_model(model)
    taken = loaded.metadata.get_input_schema().input_names()[0]
    if taken != kind:
        raise ConfigError(f"{model} reads {taken!r}, but the task of params.yaml gives {kind!r}; name another model")
    rejects = target.with_name(target.name + ".rejects.csv")
    rows = rejected = 0
    with ExitStack() as stack:
        scored, refused = (stack.enter_context(ScoredFile(file)) for file in (target, rejects))
        for chunk in chain([first], chunks):
            frame, bad = _score(loaded, taken, chunk)
            good = [one.name for place, one in enumerate(chunk) if place not in bad]
            given = pd.Series(good, name=column, dtype=str)
            scored.write(pd.concat([given, frame.rename(columns={column: f"predicted_{column}"})], axis=1))
            if bad:
                named = [(chunk[place].name, bad[place]) for place in sorted(bad)]
                refused.write(pd.DataFrame(named, columns=[column, "reason"], dtype=str))
            rows, rejected = rows + len(frame), rejected + len(bad)
    if not rejected:
        rejects.unlink(missing_ok=True)  # of an earlier run
    return Scored(rows, rejected, rejects if rejected else None)


def _score(loaded: "PyFuncModel", column: str, chunk: list[Unlabelled]) -> tuple[pd.DataFrame, dict[int, str]]:
    """The answers to what can be scored, and why the others cannot, by their place in the chunk."""
    from mlflow.exceptions import MlflowException

    bad = {place: one.problem for place, one in enumerate(chunk) if one.problem}
    places = [place for place in range(len(chunk)) if place not in bad]
    try:
        return _answers(loaded, column, [chunk[place].content for place in places]), bad
    except MlflowException:
        from finetrail.prediction import undecodable

        # Looked for only now: decoding all images twice would double the time of most.
        found = undecodable([chunk[place].content for place in places]) if column == "image" else {}
        if not found:
            raise
        bad |= {places[at]: reason for at, reason in found.items()}
        return _answers(loaded, column, [chunk[place].content for place in places if place not in bad]), bad


def _answers(loaded: "PyFuncModel", column: str, values: list[Any]) -> pd.DataFrame:
    frame: pd.DataFrame = loaded.predict(pd.DataFrame({column: pd.Series(values, dtype=_DTYPES[column])}))
    return frame
