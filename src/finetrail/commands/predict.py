"""`finetrail predict`: score a file with a registered model."""

import csv
from pathlib import Path

import pandas as pd

from finetrail.data.sources import SUFFIXES
from finetrail.data.tables import read_csv, read_jsonl, read_parquet
from finetrail.errors import ConfigError, SourceError
from finetrail.tracking import prepare_environment, tracking_errors
from finetrail.workspace import Workspace

WRITERS = (".csv", ".jsonl", ".parquet")


def predict(workspace: Workspace, model: str, source: Path, column: str, target: Path) -> int:
    """Write the column of raw values with `label` and `score` beside it (`predicted_...`, if it is called so itself).

    Args:
        model: an MLflow model address, `models:/NAME@ALIAS` or `models:/NAME/VERSION`.
        source: a CSV, TSV, JSONL or Parquet file.
        column: the column of `source` that holds the raw values.
        target: a CSV, JSONL or Parquet file; replaced only when all is scored.

    Returns:
        The number of rows.

    Raises:
        SourceError: the source is missing, cannot be read, or has no such column.
        TrackingError: there is no such model, or the registry does not answer.
    """
    if target.suffix not in WRITERS:
        raise ConfigError(
            f"{target.name!r}: cannot tell the format from {target.suffix!r}; end the name in {', '.join(WRITERS)}"
        )
    values = _read(source, column)
    uri = prepare_environment(workspace)
    import mlflow

    with tracking_errors(uri):
        loaded = mlflow.pyfunc.load_model(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    given = pd.Series(values, name=column, dtype=str)
    # The model has its own name for its column, whatever this file calls it.
    answers = loaded.predict(given.to_frame(loaded.metadata.get_input_schema().input_names()[0]))
    scored = pd.concat([given, answers.rename(columns={column: f"predicted_{column}"})], axis=1)
    partial = target.with_name(target.name + ".partial")
    if target.suffix == ".csv":
        # All texts are quoted: without, a lone carriage return inside of one would end its row.
        scored.to_csv(partial, index=False, quoting=csv.QUOTE_NONNUMERIC)
    elif target.suffix == ".jsonl":
        scored.to_json(partial, orient="records", lines=True, force_ascii=False)
    else:
        scored.to_parquet(partial, index=False)
    partial.replace(target)
    return len(scored)


def _read(source: Path, column: str) -> list[str]:
    if not source.exists():
        raise SourceError(f"{source} does not exist; give a CSV, TSV, JSONL or Parquet file")
    kind = SUFFIXES.get(source.suffix.lower())
    if kind is None:
        raise SourceError(
            f"{source.name!r}: cannot tell its format from {source.suffix!r}; give a CSV, TSV, JSONL or Parquet file"
        )
    if kind == "parquet":
        records = read_parquet(source, [column])
    elif kind == "jsonl":
        records = read_jsonl(source, [column])
    else:
        records = read_csv(source, [column], "\t" if kind == "tsv" else ",", 0)
    values = []
    for number, record in records:
        if not isinstance(record[column], str):
            raise SourceError(
                f"{source.name}, row {number}: column {column!r} holds {record[column]!r}; it must be text"
            )
        values.append(record[column])
    return values
