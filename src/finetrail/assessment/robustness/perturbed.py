"""The answers of models to rows and to perturbed rows, as one table: all numbers of the report come from it."""

import time
from collections.abc import Sequence
from itertools import compress, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from finetrail.assessment.answered import REMEDY
from finetrail.assessment.assessed import Given
from finetrail.assessment.curves.sample import Sample
from finetrail.assessment.curves.scores import AS_IT_IS
from finetrail.assessment.curves.ways import Ways
from finetrail.assessment.robustness.settings import Robustness
from finetrail.contents.perturbation import perturbed
from finetrail.progress import duration
from finetrail.serving.answer import answers_to_changed
from finetrail.targets.codec import refuse_broken

if TYPE_CHECKING:
    from finetrail.tasks.task import Built

WAYS = Ways("perturbation", "perturbations", "severity", "severities")
TRIED = 16
"""Rows whose perturbation is timed beforehand."""


def answered(given: Given, settings: Robustness, sample: Sample, baseline: "Built | None") -> pd.DataFrame:
    """The columns of predictions.parquet.

    One row for each model and row without perturbation (severity 0), and for each perturbation and severity. An
    untouched content keeps its answer.

    Args:
        baseline: the model that `settings` names, which answers the same contents.

    Raises:
        ModelError: an answer is NaN or infinite.
    """
    models = {given.candidate: given.built}
    if baseline is not None and settings.baseline is not None:
        models |= {settings.baseline: baseline}
    started = time.perf_counter()
    names = [""] * len(sample.rows)
    clean = {who: _answers(given, built, names, sample.values, sample.values) for who, built in models.items()}
    given.tell(_duration(given, settings, sample, time.perf_counter() - started))
    parts = [sample.table(WAYS, answers, who, AS_IT_IS, touched=sample.untouched) for who, answers in clean.items()]
    todo = list(product(settings.names, settings.severities))
    for name, severity in given.track(todo, total=len(todo), what="perturbing"):
        values = _perturbed(given, sample, name, severity)
        touched = np.array([new is not old and new != old for new, old in zip(values, sample.values, strict=True)])
        for who, built in models.items():
            own = clean[who]
            if touched.any():
                was, became = (list(compress(these, touched)) for these in (sample.values, values))
                new = _answers(given, built, [name] * len(was), was, became)
                own = pd.concat([own[~touched], new.set_index(own.index[touched])]).sort_index()
            parts.append(sample.table(WAYS, own, who, (name, severity), touched=touched))
    return pd.concat(parts, ignore_index=True)


def _perturbed(given: Given, sample: Sample, name: str, severity: int, ids: Sequence[str] | None = None) -> list[Any]:
    """The contents of rows, perturbed: of all, or of some."""
    rows = sample.rows["id"].tolist() if ids is None else ids
    return perturbed(given.built.task.content, name, severity, {row: sample.contents[row] for row in rows})


def _answers(
    given: Given, built: "Built", names: Sequence[str], was: Sequence[Any], became: Sequence[Any]
) -> pd.DataFrame:
    """The columns of a model's answers, in the form of the assessed model's codec."""
    answers = answers_to_changed(built, names, was, became, scratch=given.workspace.scratch)
    refuse_broken(built.codec, answers, "the model", REMEDY)
    return pd.DataFrame(given.built.codec.columns(built.codec.aligned(answers, given.built.codec)))


def _duration(given: Given, settings: Robustness, sample: Sample, seconds: float) -> str:
    """How long it will take. Args: seconds: that the answers to the rows as they are took."""
    first = sample.rows["id"].tolist()[:TRIED]
    started = time.perf_counter()
    for name in settings.names:
        _perturbed(given, sample, name, settings.severities[-1], first)
    each = (time.perf_counter() - started) / len(first) * len(sample.rows)  # of all perturbations at one severity
    whole = len(settings.severities) * (len(settings.names) * seconds + each)
    passes = f"{len(settings.names)} perturbations at {len(settings.severities)} severities"
    return f"{len(sample.rows)} rows, {passes}: about {duration(whole)}"
