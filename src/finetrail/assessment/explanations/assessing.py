"""Explain mistakes: attributions and neighbours of the worst ones, as numbers and as a report."""

from pathlib import Path

from finetrail.assessment.assessed import Given
from finetrail.assessment.explanations.mistakes import explained
from finetrail.assessment.explanations.report import page
from finetrail.assessment.explanations.scores import measured, said
from finetrail.assessment.explanations.settings import Explanations
from finetrail.serving.predictions import read_predictions
from finetrail.workspace import write_json

__all__ = ["assess", "said"]


def assess(given: Given, settings: Explanations, folder: Path) -> str:
    """See `finetrail.assessment.kinds.Assessing`."""
    made = explained(given, settings)
    predictions = folder / "predictions.parquet"
    made.table.to_parquet(predictions, index=False, compression="zstd")
    table = read_predictions(predictions)  # from the file, so that who reads it gets the same numbers
    codec = given.built.codec
    answers = codec.read(table)
    found = measured(codec.judge, answers, table, made.known)
    written = found.as_json()
    write_json(folder / "explanations.json", written)
    (folder / "report.html").write_text(page(given, found, made, codec.say(answers), settings.steps), encoding="utf-8")
    return said(written)
