"""Search for slices: answer the validation rows, search one half, test on the other, write numbers and report."""

from pathlib import Path

from finetrail.assessment.assessed import Given
from finetrail.assessment.slices.report import page
from finetrail.assessment.slices.rows import Rows, looked_up
from finetrail.assessment.slices.scores import Asked, Described, measured, said
from finetrail.assessment.slices.search import Candidate, members, search, single_slices
from finetrail.assessment.slices.settings import Slices
from finetrail.serving.predictions import read_predictions
from finetrail.workspace import write_json

__all__ = ["assess", "said"]


def assess(given: Given, settings: Slices, folder: Path) -> str:
    """See `finetrail.assessment.kinds.Assessing`."""
    rows = looked_up(given, settings)
    single = single_slices(given.built.task.slice, rows.split, rows.table["cluster"] if settings.clusters else ())
    searched = search(rows.errors, rows.searching, single, settings)
    predictions = folder / "predictions.parquet"
    rows.table.assign(slices=members(searched, len(rows.table))).to_parquet(
        predictions, index=False, compression="zstd"
    )
    table = read_predictions(predictions)  # from the file, so that who reads it gets the same numbers
    described = [_described(given, rows, one) for one in searched.suspects]
    asked = Asked(described, searched.looked_at, settings.false_discoveries, given.pipeline.seed)
    judge = given.built.codec.judge
    found = measured(judge.row_error, table, asked, given.draws, by_group=judge.by_group)
    written = found.as_json()
    write_json(folder / "slices.json", written)
    (folder / "report.html").write_text(page(given, found, table), encoding="utf-8")
    return said(written)


def _described(given: Given, rows: Rows, one: Candidate) -> Described:
    words: list[str] = []
    if one.cluster is not None:
        words = given.built.task.content.typical(rows.contents, one.rows.tolist())
    return Described(one.conditions, one.cluster, tuple(words))
