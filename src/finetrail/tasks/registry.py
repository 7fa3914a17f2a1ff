"""The tasks by their Hugging Face names, each with the module that holds it. A new task is a file and a row here."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.errors import ConfigError
from finetrail.tasks.task import Task, read_description

if TYPE_CHECKING:
    from finetrail.tasks.task import Built

TASKS: Mapping[str, str] = {
    "text-classification": "text_classification",
    "image-classification": "image_classification",
    "text-regression": "text_regression",
    "image-regression": "image_regression",
    "object-detection": "object_detection",
    "image-segmentation": "image_segmentation",
    "token-classification": "token_classification",
    "question-answering": "question_answering",
    "summarization": "summarization",
    "translation": "translation",
    "text-generation": "text_generation",
    "text-multi-target": "text_multi_target",
    "image-multi-target": "image_multi_target",
}


def get_task(name: str, problem_type: str | None = None) -> Task:
    """A task.

    Args:
        problem_type: Hugging Face's word, for a task that may have targets of several kinds; the first by default.

    Raises:
        ConfigError: there is no such task, or it has no such kind; the message lists those that exist.
    """
    if name not in tuple(TASKS):  # a list cannot be a dict key
        raise ConfigError(f"task is {name!r}: unknown task; use one of {', '.join(TASKS)}")
    kinds: tuple[Task, ...] = import_module(f"finetrail.tasks.{TASKS[name]}").TASKS
    for one in kinds:
        if problem_type in (None, one.target.problem_type):
            return one
    known = ", ".join(one.target.problem_type for one in kinds)
    raise ConfigError(f"task.problem_type is {problem_type!r}, but {name} has {known}; use one of these")


def all_tasks() -> list[Task]:
    """Every task with every kind of target that it may have."""
    return [one for module in TASKS.values() for one in import_module(f"finetrail.tasks.{module}").TASKS]


def task_of(described: Mapping[str, Any]) -> Task:
    """The task that a model.json, or the settings of a run, name."""
    joins = described.get("targets", "")
    targets: dict[str, str | None] = dict(pair.split(": ") for pair in joins.split(", ")) if joins else {}
    return get_task(described["task"], described.get("problem_type")).of(targets)


def load_model(folder: Path) -> "Built":
    """Load any saved model, by the task that its model.json names. Raises: ModelError: not a saved model."""
    return task_of(read_description(folder)).load(folder)
