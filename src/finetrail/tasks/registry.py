"""The tasks by their Hugging Face names. A task's module imports torch, so it is imported when it is asked for."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from finetrail.errors import ConfigError, ModelError
from finetrail.targets.problem import CLASSIFICATION, REGRESSION, Problem
from finetrail.workspace import read_json

if TYPE_CHECKING:
    from finetrail.tasks.task import Built, Task


# A grey PNG of 1 x 1 pixel.
_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Entry:
    """What is known of a task without importing it.

    Attributes:
        module, implementation: where its `Task` stands; it is made from the task's name and problem.
        problem: the kind of problem that it is.
        column: what a row holds, `text` or `image`, and the name of the column that it stands in.
        example: a raw value as a caller of the registered model sends it: a text, or a base64-encoded image.
    """

    module: str
    implementation: str
    problem: Problem
    column: str
    example: str


def _texts(problem: Problem, example: str) -> Entry:
    return Entry("finetrail.contents.text.task", "TextTask", problem, column="text", example=example)


def _images(problem: Problem) -> Entry:
    return Entry("finetrail.contents.image.task", "ImageTask", problem, column="image", example=_DOT)


TASKS = {
    "text-classification": _texts(CLASSIFICATION, "the shuttle reached orbit after a flawless launch"),
    "image-classification": _images(CLASSIFICATION),
    "text-regression": _texts(REGRESSION, "a quiet room near the station, small but spotless"),
    "image-regression": _images(REGRESSION),
}


def get_entry(name: str) -> Entry:
    """The entry of that name. Raises: ConfigError: there is none; the message lists those that exist."""
    if name not in TASKS:
        raise ConfigError(f"task {name!r} is unknown; use one of {', '.join(TASKS)}")
    return TASKS[name]


def get_task(name: str) -> "Task":
    """The task of that name, imported. Raises: ConfigError: there is none."""
    entry = get_entry(name)
    return cast("Task", getattr(import_module(entry.module), entry.implementation)(name, entry.problem.name))


def load_model(folder: Path) -> "Built":
    """Load any saved model, by the task that its model.json names. Raises: ModelError: it is no saved model."""
    described = folder / "model.json"
    if not described.exists():
        raise ModelError(f"{folder} holds no model.json, so it is no model of finetrail; train one with `dvc repro`")
    return get_task(read_json(described)["task"]).load(folder)
