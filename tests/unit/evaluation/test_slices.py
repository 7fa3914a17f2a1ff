"""A slice says which rows it means; contents are read only for what needs them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from finetrail.contents.text.settings import TextSlice
from finetrail.errors import ConfigError
from finetrail.evaluation.slices import Slice, SplitRows
from finetrail.sections import sections
from finetrail.targets.classes.settings import ClassSlice
from finetrail.targets.masks.raster import label_of
from finetrail.tasks.registry import all_tasks, get_task
from finetrail.tasks.task import Task
from tests.unit.red_or_blue import BLUE, RED, image


class Read:
    """Contents of a split, which count how often they are read."""

    times = 0

    def __call__(self) -> Iterable[Any]:
        self.times += 1
        return iter(["", "abc", "abcdef", "\u0430\u0431\u0432\u0433"])


def split(read: Read | None = None) -> SplitRows:
    known = {"clinic": ["north", None, "south", "south"]}
    return SplitRows(["x", "y", "x", "z"], ["a", None, "b", "a"], read or Read(), known)


def slice_of(task: Task, **given: Any) -> Slice:
    """As section `gate` of params.yaml has it."""
    gate = sections(task).model_fields["gate"].annotation
    assert gate is not None
    made: Slice = gate.model_validate({"metric": task.target.metrics[-1].name, "slices": {"one": given}}).slices["one"]
    return made


def rows(declared: Slice) -> list[int]:
    return [row for row, meant in enumerate(declared.rows(split())) if meant]


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: f"{task.name} {task.target.name}")
def test_a_slice_that_says_nothing_is_refused_with_all_that_it_may_say(task: Task) -> None:
    with pytest.raises(ValidationError, match="a slice needs one of group") as caught:
        slice_of(task)
    joined = {*task.content.Slice.model_fields, *task.target.Slice.model_fields}
    assert all(name in str(caught.value) for name in joined)


def test_a_slice_of_texts_with_classes_goes_by_group_label_and_length() -> None:
    task = get_task("text-classification")
    with pytest.raises(
        ValidationError, match="a slice needs one of group, metadata, label, min_characters, max_characters, script"
    ):
        slice_of(task)
    assert rows(slice_of(task, group=["a"])) == [0, 3]
    assert rows(slice_of(task, label=["x", "z"])) == [0, 2, 3]
    assert rows(slice_of(task, min_characters=4)) == [2, 3]
    assert rows(slice_of(task, max_characters=3)) == [0, 1]
    assert rows(slice_of(task, min_characters=3, max_characters=4, group=["a"])) == [3]
    assert rows(slice_of(task, script=["cyrillic"])) == [3]
    assert rows(slice_of(task, script=["none", "latin"], min_characters=1)) == [1, 2]
    assert rows(slice_of(task, label=["x"], max_characters=5, group=["a", "b"])) == [0]
    assert rows(slice_of(task, metadata={"clinic": ["south", "west"]})) == [2, 3]
    assert rows(slice_of(task, metadata={"clinic": ["south"]}, label=["x"])) == [2]


def test_a_slice_by_a_column_that_was_not_kept_is_refused_with_the_column() -> None:
    with pytest.raises(
        ConfigError, match=r"names metadata 'device', which these rows do not have; add it to source\.c"
    ):
        Slice(metadata={"device": ["x2"]}).rows(split())


def test_a_search_tries_the_commonest_values_of_a_column_of_metadata() -> None:
    known = [*(str(row) for row in range(500)), "often", "often", None]
    held = SplitRows(["x"] * 503, [None] * 503, list, {"who": known})
    offered = Slice.offered(held)
    assert offered[0] == {"metadata": {"who": ["often"]}}
    assert len(offered) == 100


def test_contents_are_read_only_for_lengths() -> None:
    read = Read()
    held = split(read)
    for declared in (Slice(group=["a"]), ClassSlice(label=["x"]), TextSlice(group=["a"])):
        declared.rows(held)
    assert read.times == 0
    TextSlice(min_characters=3).rows(held)
    assert read.times == 1


def test_a_slice_of_images_goes_by_size_and_brightness() -> None:
    images = [image(RED, size=(8, 9)), image(BLUE, size=(20, 30)), image((255, 255, 255), size=(8, 8))]
    found = SplitRows(["x"] * 3, [None] * 3, lambda: images)
    task = get_task("image-classification")
    assert slice_of(task, min_side=20).rows(found).tolist() == [False, True, False]
    assert slice_of(task, max_side=8, max_brightness=100).rows(found).tolist() == [True, False, False]
    assert slice_of(task, min_brightness=250).rows(found).tolist() == [False, False, True]


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: f"{task.name} {task.target.name}")
def test_what_a_search_is_offered_can_be_declared(task: Task) -> None:
    turns = [{"role": "user", "content": "some text"}]
    labels = {
        "classes": "x",
        "class_sets": ["x"],
        "numbers": 1.0,
        "preferences": {"chosen": "a text", "rejected": "another"},
        "sequences": "a text",
        "several": {"topic": "x", "score": None},
        "boxes": [{"label": "x", "xmin": 0.0, "ymin": 0.0, "xmax": 1.0, "ymax": 1.0, "crowd": False}],
        "masks": label_of(np.array([[0, 1]], np.uint8), {0: "background", 1: "x"}),
        "spans": [{"start": 0, "text": "some"}],
        "tags": [{"start": 0, "end": 1, "type": "x"}],
    }
    labels["instances"] = labels["masks"]
    contents = {"text": "some text", "image": image(RED, size=(8, 9)), "messages": turns}
    known = {"clinic": ["north", None, "south"]}
    held = SplitRows([labels[task.target.name]] * 3, ["a", None, "b"], lambda: [contents[task.content.name]] * 3, known)
    offered = task.slice.offered(held)
    assert {name for one in offered for name in one} == set(task.slice.model_fields)
    assert all(len(slice_of(task, **one).rows(held)) == 3 for one in offered)
    assert {"group": ["a"]} in offered
