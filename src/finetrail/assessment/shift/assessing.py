"""Assess the shift of rows without labels: compare them with the training rows, write numbers, scores and report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from finetrail.assessment.assessed import Given
from finetrail.assessment.shift.measuring import described, measured
from finetrail.assessment.shift.report import page
from finetrail.assessment.shift.settings import Shift
from finetrail.workspace import write_json

__all__ = ["assess", "said"]


def assess(given: Given, settings: Shift, folder: Path) -> str:
    """See `finetrail.assessment.kinds.Assessing`."""
    found = measured(given, settings)
    table = pd.DataFrame(found.columns(settings.rows))
    table.to_parquet(folder / "predictions.parquet", index=False, compression="zstd")
    written = described(found, settings)
    write_json(folder / "shift.json", written)
    (folder / "report.html").write_text(page(given, found, settings), encoding="utf-8")
    return said(written)


def said(written: Mapping[str, Any]) -> str:
    """The finding in a line. Args: written: the content of shift.json."""
    before, after = written["backbones"]
    own, others = written["compared"]
    line = (
        f"a classifier tells {written['rows']} from the training rows with AUC {before['auc']:.3f} by the pretrained "
        f"backbone (chance up to {before['auc_by_chance'][1]:.3f}, p {before['auc_p']:.2g}) and "
        f"{after['auc']:.3f} by the trained one, on {own} and {others} rows"
    )
    if not written["shares"]:
        return line
    most = written["shares"][0]
    return f"{line}; most different class {most['label']}: {most['known']:.3f} of val, about {most['estimated'][0]:.3f}"
