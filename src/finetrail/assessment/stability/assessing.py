"""Assess stability: train again with other seeds and on parts of the rows, write numbers, answers and report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from finetrail.assessment.assessed import Given
from finetrail.assessment.stability.gathered import Trained, gathered, planned, train_missing
from finetrail.assessment.stability.report import page
from finetrail.assessment.stability.scores import Asked, measured, said
from finetrail.assessment.stability.settings import Stability
from finetrail.evaluation.scores.metric import Metric
from finetrail.serving.predictions import read_predictions
from finetrail.serving.results import read_result
from finetrail.targets.results import refuse_other_rows
from finetrail.units.table import table_of
from finetrail.workspace import write_json

__all__ = ["assess", "of_each", "prepare", "said"]


def prepare(given: Given, settings: Stability) -> None:
    """See `finetrail.assessment.kinds.Preparing`."""
    train_missing(given, planned(settings, given.pipeline.seed), _names(given, settings))


def assess(given: Given, settings: Stability, folder: Path) -> str:
    """See `finetrail.assessment.kinds.Assessing`."""
    names, target = _names(given, settings), given.built.task.target
    results = [read_result(given.workspace.run(name), target) for name in names]
    refuse_other_rows(results)
    plan = planned(settings, given.pipeline.seed)
    trained = gathered(given, plan, names)
    predictions = folder / "predictions.parquet"
    _table(trained).to_parquet(predictions, index=False, compression="zstd")
    table = read_predictions(predictions)  # from the file, so that who reads it gets the same numbers
    asked = Asked(given.candidate, target, results, plan, settings, given.pipeline.selection, given.metric)
    found = measured(asked, trained, table)
    written = found.as_json()
    write_json(folder / "stability.json", written | {"runs": [_described(one) for one in trained]})
    shown = page(found, given.built.task.name, given.built.codec.differing)
    (folder / "report.html").write_text(shown, encoding="utf-8")
    return said(written)


def of_each(written: Mapping[str, Any], chosen: str, metric: Metric) -> Mapping[str, str]:
    """See `finetrail.assessment.kinds.Comparing`."""
    over = {name: one["seeds"] for name, one in written["candidates"].items() if "seeds" in one}
    return {name: f"{metric.say(one['mean'])} ± {metric.say(one['std'])}" for name, one in over.items()}


def _names(given: Given, settings: Stability) -> Sequence[str]:
    """The candidates in question."""
    if isinstance(settings.candidates, list):
        return settings.candidates
    return [given.candidate] if settings.candidates == "chosen" else list(given.pipeline.candidates)


def _table(trained: Sequence[Trained]) -> pd.DataFrame:
    """The columns of predictions.parquet: candidate, seed and fraction before those of each training."""
    parts = []
    for one in trained:
        part = table_of({one.unit: one.frame})
        part.insert(0, "candidate", one.candidate)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _described(one: Trained) -> dict[str, object]:
    """An entry of `runs` in stability.json: a training, and the codec that reads its answers."""
    unit = one.unit
    return {
        "candidate": one.candidate,
        "seed": unit.seed,
        "fraction": unit.fraction,
        "rows": one.rows,
        "target": one.target,
    }
