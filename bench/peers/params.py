"""Sections of params.yaml for a task, and the classes that a side learns."""

from collections.abc import Mapping
from typing import Any

from finetrail.sections import sections
from finetrail.targets.learning import Learning
from finetrail.tasks.task import Task


def section(task: Task, name: str, settings: Mapping[str, Any]) -> Any:
    """Build a section, such as `backbone`. Args: settings: its content."""
    kind: Any = sections(task).model_fields[name].annotation
    return kind(**settings)


def learn_numbers(task: Task, classes: int) -> Learning:
    """The `Learning` of a classifier whose class names are their numbers, in that order."""
    return task.target.learned({"labels": names_of(range(classes))})


def names_of(numbers: Any) -> list[str]:
    """The names of the classes with these numbers."""
    return [str(number) for number in numbers]
