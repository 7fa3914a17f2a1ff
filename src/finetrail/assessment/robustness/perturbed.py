"""The answers of a model to rows and to perturbed rows, as one table: all numbers of the report come from it."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from finetrail.assessment.answered import REMEDY
from finetrail.assessment.assessed import Given
from finetrail.assessment.robustness.settings import Robustness
from finetrail.assessment.spoken import duration
from finetrail.contents.perturbation import seed_of
from finetrail.data.store.shards import pick, read_frame
from finetrail.progress import quiet
from finetrail.serving.answer import answers_to
from finetrail.targets.codec import refuse_broken
from finetrail.workspace import need

TRIED = 16
"""Rows whose perturbation is timed beforehand."""


@dataclass(frozen=True)
class Sample:
    """The rows that are perturbed. Attributes: rows: id, label and group of each; contents: by id."""

    rows: pd.DataFrame
    contents: Mapping[str, Any]

    @property
    def values(self) -> list[Any]:
        """The contents in the order of the rows."""
        return [self.contents[row] for row in self.rows["id"]]


def sampled(given: Given, most: int) -> Sample:
    """Validation rows, at most so many: those with the smallest hashes, which stay when others are added."""
    split = need(given.workspace.split("val"), "split")
    rows = read_frame(split)
    hashes = [hashlib.sha256(str(row).encode()).hexdigest() for row in rows["id"]]
    kept = sorted(np.argsort(np.array(hashes, dtype=object), kind="stable")[:most].tolist())
    rows = rows.iloc[kept].reset_index(drop=True)
    return Sample(rows, pick(split, given.built.task.content.name, set(rows["id"])))


def answered(given: Given, settings: Robustness, sample: Sample) -> pd.DataFrame:
    """The columns of predictions.parquet.

    One row for each row without perturbation (severity 0), and for each perturbation and severity; `touched` says
    whether the content was changed at all. An untouched content keeps its answer.

    Raises:
        ModelError: an answer is NaN or infinite.
    """
    started = time.perf_counter()
    clean = _answers(given, sample.values)
    given.tell(_duration(given, settings, sample, time.perf_counter() - started))
    parts = [_table(sample, clean, "", 0, np.zeros(len(sample.rows), dtype=np.bool_))]
    todo = list(product(settings.names, settings.severities))
    for name, severity in given.track(todo, total=len(todo), what="perturbing"):
        values = perturbed(given, sample, name, severity)
        touched = np.array([new is not old and new != old for new, old in zip(values, sample.values, strict=True)])
        own = clean
        if touched.any():
            new = _answers(given, [value for value, hit in zip(values, touched, strict=True) if hit])
            own = pd.concat([clean[~touched], new.set_index(clean.index[touched])]).sort_index()
        parts.append(_table(sample, own, name, severity, touched))
    return pd.concat(parts, ignore_index=True)


def perturbed(given: Given, sample: Sample, name: str, severity: int, ids: Sequence[str] | None = None) -> list[Any]:
    """The contents of rows, perturbed: of all, or of some."""
    content = given.built.task.content
    rows = sample.rows["id"] if ids is None else ids
    return [content.perturb(name, sample.contents[row], severity, seed_of(row, name, severity)) for row in rows]


def _answers(given: Given, values: list[Any]) -> pd.DataFrame:
    codec = given.built.codec
    answers = answers_to(given.built, values, scratch=given.workspace.scratch, track=quiet)
    refuse_broken(codec, answers, "the model", REMEDY)
    return pd.DataFrame(codec.columns(answers))


def _table(sample: Sample, answers: pd.DataFrame, name: str, severity: int, touched: Any) -> pd.DataFrame:
    groups = {"group": sample.rows["group"]} if sample.rows["group"].notna().any() else {}
    known = {"id": sample.rows["id"], "perturbation": name, "severity": severity, "touched": touched}
    labels = {"label": sample.rows["label"], **groups}
    return pd.DataFrame(known | labels | {column: answers[column] for column in answers})


def _duration(given: Given, settings: Robustness, sample: Sample, seconds: float) -> str:
    """How long it will take. Args: seconds: that the answers to the rows as they are took."""
    first = sample.rows["id"].tolist()[:TRIED]
    started = time.perf_counter()
    for name in settings.names:
        perturbed(given, sample, name, settings.severities[-1], first)
    each = (time.perf_counter() - started) / len(first) * len(sample.rows)  # of all perturbations at one severity
    whole = len(settings.severities) * (len(settings.names) * seconds + each)
    passes = f"{len(settings.names)} perturbations at {len(settings.severities)} severities"
    return f"{len(sample.rows)} rows, {passes}: about {duration(whole)}"
