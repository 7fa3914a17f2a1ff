"""Curves as CSV files, one row per point, so that `dvc plots`, a spreadsheet and MLflow all show the same numbers."""

import csv
from collections.abc import Sequence
from pathlib import Path

from finetrail.evaluation.scores.metric import Point


def write_curve(path: Path, points: Sequence[Point]) -> None:
    """Write points; the names of the first one are the header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(points[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(points)


def read_curve(path: Path) -> list[Point]:
    """Read back what `write_curve` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
