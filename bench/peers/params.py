"""Sections of params.yaml, as a task has them, and the classes that a side learns."""

from collections.abc import Mapping
from typing import Any

from finetrail.sections import sections
from finetrail.targets.learning import Learning
from finetrail.tasks.task import Task


def section(task: Task, name: str, settings: Mapping[str, Any]) -> Any:
    """A section, such as `backbone`. Args: settings: what stands in it."""
    kind: Any = sections(task).model_fields[name].annotation
    return kind(**settings)


def learn_numbers(task: Task, classes: int) -> Learning:
    """What a classifier has learned of classes that are called by their numbers, in that order."""
    return task.target.learned({"labels": names_of(range(classes))})


def names_of(numbers: Any) -> list[str]:
    """What the classes of these numbers are called."""
    return [str(number) for number in numbers]
