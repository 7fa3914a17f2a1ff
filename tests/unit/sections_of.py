"""Sections of params.yaml as a task has them: those that read or divide labels know the kind of target."""

from typing import Any

from finetrail.data.sources.place import Source
from finetrail.data.splitting.settings import Split
from finetrail.data.validation.rules import CommonRules
from finetrail.sections import sections
from finetrail.tasks.registry import get_task

TEXTS, IMAGES = "text-classification", "image-classification"


def source_of(task: str, **given: Any) -> Source:
    """Section `source`."""
    source: Source = section(task, "source").model_validate(given)
    return source


def split_of(task: str, **given: Any) -> Split:
    """Section `split`."""
    split: Split = section(task, "split").model_validate(given)
    return split


def rules_of(task: str, **given: Any) -> CommonRules:
    """Section `validation`."""
    rules: CommonRules = section(task, "validation").model_validate(given)
    return rules


def section(task: str, name: str) -> Any:
    """A section's type."""
    return sections(get_task(task)).model_fields[name].annotation
