"""The tasks by their names."""

import re

import pytest

from finetrail.errors import ConfigError
from finetrail.tasks.registry import TASKS, all_tasks, get_task, task_of
from finetrail.tasks.task import Task

EVERY = pytest.mark.parametrize("task", all_tasks(), ids=lambda task: f"{task.name} {task.target.name}")


def test_an_unknown_task_lists_those_that_exist() -> None:
    with pytest.raises(ConfigError, match="task is 'chat': unknown task; use one of text-classification, "):
        get_task("chat")


@pytest.mark.parametrize("name", TASKS)
def test_every_task_goes_by_its_own_name(name: str) -> None:
    assert get_task(name).name == name


@EVERY
def test_every_task_has_an_example_and_is_found_again_by_what_is_written_of_it(task: Task) -> None:
    assert task_of(task.identity) is task
    assert get_task(task.name, task.target.problem_type) is task
    assert task.example
    assert task.pipeline_tag


@pytest.mark.parametrize("name", TASKS)
def test_a_kind_that_a_task_has_not_is_refused_with_those_that_it_has(name: str) -> None:
    known = [task.target.problem_type for task in all_tasks() if task.name == name]
    words = f"task.problem_type is 'guess', but {name} has {', '.join(known)}; use one of these"
    with pytest.raises(ConfigError, match=re.escape(words)):
        get_task(name, "guess")
    assert get_task(name).target.problem_type == known[0]


@EVERY
def test_an_example_is_a_content_that_the_task_receives(task: Task) -> None:
    (column,) = task.content.Columns().contents
    (content,) = task.content.receive([{column: task.example}], read_paths=False)
    assert content
    assert not task.content.faults([content])
