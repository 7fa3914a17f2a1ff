"""Assess labels: answer each row by a head that did not see it, rank the labels, write numbers, answers and report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetrail.assessment.assessed import Given
from finetrail.assessment.labels.report import page
from finetrail.assessment.labels.rows import examined
from finetrail.assessment.labels.settings import Labels
from finetrail.assessment.labels.shown import described, suspects_of
from finetrail.assessment.labels.suspects import ranked
from finetrail.workspace import write_json

__all__ = ["assess", "said"]


def assess(given: Given, settings: Labels, folder: Path) -> str:
    """See `finetrail.assessment.kinds.Assessing`."""
    known = examined(given)
    found = ranked(given, known, settings.folds, folder / "predictions.parquet")
    suspects = suspects_of(given, known, found, settings)
    written = described(given, known, found, suspects)
    write_json(folder / "labels.json", written)
    (folder / "report.html").write_text(page(given, found.suspicion, written, suspects), encoding="utf-8")
    return said(written)


def said(written: Mapping[str, Any]) -> str:
    """The finding in a line. Args: written: the content of labels.json."""
    most = written["suspects"][0]
    return (
        f"about {written['expected']} of {written['rows']} labels are probably wrong "
        f"({100 * written['expected_share']:.1f}%), first row {most['id']}; `finetrail review` goes through them"
    )
