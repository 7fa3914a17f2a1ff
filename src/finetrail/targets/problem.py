"""The kinds of problem, in Hugging Face's words, and the metrics that each is judged by. No heavy import.

A task names its kind (`finetrail.tasks.registry`); whatever depends on the kind is looked up by it, so that nobody asks
for a task's name. What a kind does stands where it is done: the rules and strata of its labels in `data`, its losses in
`models`, its scores in `evaluation`, and what the stages ask of it in `stages/learning.py`, `stages/comparing.py` and
`stages/scoring.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ProblemType = Literal["single_label_classification", "regression"]
MetricName = Literal[
    "accuracy", "macro_precision", "macro_recall", "macro_f1", "pearson", "spearman", "r2", "mae", "rmse"
]


@dataclass(frozen=True)
class Metric:
    """What a model is judged by.

    Attributes:
        title: its name in a sentence.
        lower: whether the lower value is the better one.
        in_unit: whether it is in the unit of the label, and so of any size.
    """

    name: MetricName
    title: str
    lower: bool = False
    in_unit: bool = False

    @property
    def best(self) -> str:
        """What the best value of several is called."""
        return "lowest" if self.lower else "highest"

    def goodness(self, value: float) -> float:
        """A number that is the higher the better."""
        return -value if self.lower else value

    def say(self, value: float) -> str:
        """A value as a person reads it."""
        return amount(value) if self.in_unit else f"{round(value, 3) + 0.0:.3f}"


@dataclass(frozen=True)
class Problem:
    """A kind of problem.

    Attributes:
        name: its `problem_type` in Hugging Face's configurations.
        noun: what is said of it in messages.
        metrics: in the order in which they are shown; the last one is the one to choose by, unless params.yaml says
            otherwise, and the one that `dvc plots` draws.
        losses: of `train.loss`; the first is the default.
        own_keys: of section `train`: they mean nothing for other kinds.
        answers: the columns of a registered model's answers, and their MLflow types.
    """

    name: ProblemType
    noun: str
    metrics: tuple[Metric, ...]
    losses: tuple[str, ...]
    own_keys: tuple[str, ...]
    answers: Mapping[str, Literal["string", "double"]]

    @property
    def metric(self) -> Metric:
        """The default."""
        return self.metrics[-1]


CLASSIFICATION = Problem(
    "single_label_classification",
    "classification",
    (
        Metric("accuracy", "accuracy"),
        Metric("macro_precision", "macro precision"),
        Metric("macro_recall", "macro recall"),
        Metric("macro_f1", "macro F1"),
    ),
    losses=("cross_entropy", "focal"),
    own_keys=("focal_gamma", "label_smoothing", "class_weights"),
    answers={"label": "string", "score": "double"},
)
REGRESSION = Problem(
    "regression",
    "regression",
    (
        Metric("pearson", "Pearson correlation"),
        Metric("spearman", "Spearman correlation"),
        Metric("r2", "R²"),
        Metric("mae", "MAE", lower=True, in_unit=True),
        Metric("rmse", "RMSE", lower=True, in_unit=True),
    ),
    losses=("mse", "huber", "mae"),
    own_keys=("huber_delta",),
    answers={"prediction": "double"},
)

PROBLEMS: Mapping[ProblemType, Problem] = {one.name: one for one in (CLASSIFICATION, REGRESSION)}
METRICS: Mapping[str, Metric] = {metric.name: metric for one in PROBLEMS.values() for metric in one.metrics}


def problem_of(metric: str) -> Problem:
    """The kind of problem that a metric is of."""
    return next(one for one in PROBLEMS.values() if METRICS[metric] in one.metrics)


def amount(value: float) -> str:
    """A number of any size in four digits or its whole ones: 31,234, 7, 2.346, 0.001235."""
    if not math.isfinite(value) or value == 0:
        return f"{value + 0.0:g}"
    if value == round(value) and abs(value) < 1e12:
        return f"{value:,.0f}"
    places = 3 - math.floor(math.log10(abs(value)))
    if not -12 <= places <= 8:
        return f"{value:.3e}"
    return f"{value:,.{max(0, places)}f}"
