"""Sections of params.yaml for a task, the classes that a side learns, and the weights that all sides start from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from finetrail.sections import sections
from finetrail.targets.learning import Learning
from finetrail.tasks.task import Task


def section(task: Task, name: str, settings: Mapping[str, Any]) -> Any:
    """Build a section, such as `backbone`. Args: settings: its content."""
    kind: Any = sections(task).model_fields[name].annotation
    return kind(**settings)


def save_start(task: Task, backbone: Any, learning: Learning, folder: Path) -> dict[str, Any]:
    """Write the weights that all sides start from; return the section `backbone` with nothing left to the library."""
    torch.manual_seed(0)
    built = task.build(backbone, learning, Path(), (task.content.name,))
    tensors = {name: tensor.contiguous() for name, tensor in built.model.state_dict().items()}
    save_file(tensors, folder / "start.safetensors")
    seen: Any = getattr(built.processor, "preprocessing", None)  # images have one
    known = {"mean": seen.mean, "std": seen.std} if seen else {}
    settings: dict[str, Any] = backbone.model_copy(update=known).model_dump()
    return settings


def learn_numbers(task: Task, classes: int) -> Learning:
    """The `Learning` of a classifier whose class names are their numbers, in that order."""
    return task.target.learned({"labels": names_of(range(classes))})


def names_of(numbers: Any) -> list[str]:
    """The names of the classes with these numbers."""
    return [str(number) for number in numbers]
