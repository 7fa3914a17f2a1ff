"""What every kind of target has: metrics, in order and with their direction, and defaults that fit to them."""

import pytest

from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.target import Target, metric_named
from finetrail.tasks.registry import all_tasks

TARGETS = {one.target.name: one.target for one in all_tasks()}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_training_chooses_by_the_last_of_the_metrics_where_nothing_is_said(target: Target) -> None:
    settings = target.Training.model_validate({})
    assert settings.metric == target.training_metrics[-1].name
    for metric in target.training_metrics:
        assert metric_named(target.training_metrics, metric.name) is metric
        assert target.Training(loss=settings.loss, metric=metric.name).metric == metric.name


def test_no_two_kinds_go_by_the_same_name() -> None:
    assert len({target.problem_type for target in TARGETS.values()}) == len(TARGETS)
    for target in TARGETS.values():
        assert len({metric.name for metric in target.training_metrics}) == len(target.training_metrics)
        assert set(target.metrics) <= set(target.training_metrics)


def test_each_kind_has_its_defaults() -> None:
    assert (CLASSES.metrics[-1].name, CLASSES.Training().loss) == ("macro_f1", "cross_entropy")
    assert (NUMBERS.metrics[-1].name, NUMBERS.Training().loss) == ("rmse", "mse")


def test_only_errors_are_better_the_lower() -> None:
    metrics = [metric for target in (CLASSES, NUMBERS) for metric in target.metrics]
    assert {metric.name for metric in metrics if metric.lower} == {"rmse", "mae"}
    assert {metric.name for metric in metrics if metric.in_unit} == {"rmse", "mae"}
