"""A slice says which rows it means; contents are read only for what needs them."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.contents.text.settings import LengthSlice
from finetrail.evaluation.slices import Slice
from finetrail.sections import sections
from finetrail.targets.classes.settings import ClassSlice
from finetrail.tasks.registry import all_tasks, get_task
from finetrail.tasks.task import Task


class Split:
    """Rows of a split, which count how often their contents are read."""

    labels: Sequence[Any] = ["x", "y", "x", "z"]
    groups: Sequence[object] = ["a", None, "b", "a"]
    read = 0

    def contents(self) -> Iterable[Any]:
        self.read += 1
        return iter(["", "abc", "abcdef", "abcd"])


def slice_of(task: Task, **given: Any) -> Slice:
    """As section `gate` of params.yaml has it."""
    gate = sections(task).model_fields["gate"].annotation
    assert gate is not None
    made: Slice = gate.model_validate({"metric": task.target.metrics[-1].name, "slices": {"one": given}}).slices["one"]
    return made


def rows(declared: Slice) -> list[int]:
    return [row for row, meant in enumerate(declared.rows(Split())) if meant]


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: f"{task.name} {task.target.name}")
def test_a_slice_that_says_nothing_is_refused_with_all_that_it_may_say(task: Task) -> None:
    with pytest.raises(ValidationError, match="a slice needs one of group") as caught:
        slice_of(task)
    joined = {*task.content.Slice.model_fields, *task.target.Slice.model_fields}
    assert all(name in str(caught.value) for name in joined)


def test_a_slice_of_texts_with_classes_goes_by_group_label_and_length() -> None:
    task = get_task("text-classification")
    with pytest.raises(ValidationError, match="a slice needs one of group, label, min_characters, max_characters"):
        slice_of(task)
    assert rows(slice_of(task, group=["a"])) == [0, 3]
    assert rows(slice_of(task, label=["x", "z"])) == [0, 2, 3]
    assert rows(slice_of(task, min_characters=4)) == [2, 3]
    assert rows(slice_of(task, max_characters=3)) == [0, 1]
    assert rows(slice_of(task, min_characters=3, max_characters=4, group=["a"])) == [3]
    assert rows(slice_of(task, label=["x"], max_characters=5, group=["a", "b"])) == [0]


def test_contents_are_read_only_for_lengths() -> None:
    split = Split()
    for declared in (Slice(group=["a"]), ClassSlice(label=["x"]), LengthSlice(group=["a"])):
        declared.rows(split)
    assert split.read == 0
    LengthSlice(min_characters=3).rows(split)
    assert split.read == 1
