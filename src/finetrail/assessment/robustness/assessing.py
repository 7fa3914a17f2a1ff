"""Assess robustness: perturb validation rows, answer them, write numbers, answers and report."""

from pathlib import Path

from finetrail.assessment.assessed import Given
from finetrail.assessment.robustness.examples import worst_examples
from finetrail.assessment.robustness.perturbed import answered, sampled
from finetrail.assessment.robustness.report import page
from finetrail.assessment.robustness.scores import measured, said
from finetrail.assessment.robustness.settings import Robustness
from finetrail.serving.predictions import read_predictions
from finetrail.workspace import write_json

__all__ = ["assess", "said"]


def assess(given: Given, settings: Robustness, folder: Path) -> str:
    """See `finetrail.assessment.kinds.Assessing`."""
    sample = sampled(given, settings.max_rows)
    predictions = folder / "predictions.parquet"
    answered(given, settings, sample).to_parquet(predictions, index=False, compression="zstd")
    table = read_predictions(predictions)  # from the file, so that who reads it gets the same numbers
    found = measured(given.built.codec, table, given.metric, given.draws)
    written = found.as_json()
    write_json(folder / "robustness.json", written)
    examples = worst_examples(given, sample, table)
    (folder / "report.html").write_text(page(given, found, examples), encoding="utf-8")
    return said(written)
