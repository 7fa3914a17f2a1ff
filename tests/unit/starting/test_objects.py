"""Masks that number objects become a params.yaml for objects, where a person says or accepts it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from finetrail.errors import ConfigError, SourceError
from finetrail.starting.asking import Asked, best_guess
from finetrail.starting.recognising import recognise
from tests.unit.starting.given import asked, colour_mask, data, image, mask, written

NUMBERED = ([0, 1], [0, 1, 2, 3], [0], [0, 1, 2])


def given(folder: Path, masks: Sequence[Sequence[int]]) -> Path:
    for number, values in enumerate(masks):
        image(folder / "images" / f"{number}.png", number)
        mask(folder / "masks" / f"{number}.png", values)
    return folder


def test_nobody_to_ask_is_told_the_flag_that_answers(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"is each value an object, or a class: .*\? Answer with --task instance_segmentation, or"
    ):
        written(given(tmp_path / "cells", NUMBERED))


@pytest.mark.parametrize("said", [asked("instance_segmentation"), Asked(best_guess)], ids=["said", "guessed"])
def test_numbered_objects_become_params(tmp_path: Path, said: Asked) -> None:
    params, made = written(given(tmp_path / "cells", NUMBERED), said)
    columns: Any = params.source.columns
    assert (params.task.name, params.task.task.target.problem_type) == ("image-segmentation", "instance_segmentation")
    assert (columns.classes, columns.instances, columns.ignore) == (("background", "object"), True, ())
    assert "over the recipe pennfudan-instances" in made
    assert recognise(data(tmp_path / "cells", said))[1].said[1].endswith("0 to 3 in a mask")


def test_255_is_no_object_beside_others(tmp_path: Path) -> None:
    params, _ = written(given(tmp_path / "cells", [[0, 1, 255], [0, 1, 2]]), Asked(best_guess))
    columns: Any = params.source.columns
    assert (columns.instances, columns.ignore) == (True, (255,))


def test_the_same_masks_may_be_of_classes(tmp_path: Path) -> None:
    params, _ = written(given(tmp_path / "cells", NUMBERED), asked("image-segmentation"))
    columns: Any = params.source.columns
    assert (params.task.task.target.problem_type, columns.instances) == ("image_segmentation", False)
    assert columns.classes == {0: "background", 1: "class_1", 2: "class_2", 3: "class_3"}
    said = recognise(data(tmp_path / "cells", asked("image-segmentation")))[1].said
    assert said[-1].endswith("write columns: {classes: [background, object], instances: true} in params.yaml")


@pytest.mark.parametrize(
    "masks",
    [([0, 1, 2], [0, 1, 2]), ([0, 2], [0, 1, 2, 3]), ([0], [0, 1], [0, 1]), ([0, 255], [0, 255])],
    ids=["as many in each", "gaps", "two values", "black and white"],
)
def test_other_masks_are_of_classes_and_nobody_is_asked(tmp_path: Path, masks: Sequence[Sequence[int]]) -> None:
    assert written(given(tmp_path / "a", masks))[0].task.task.target.problem_type == "image_segmentation"


def test_one_object_in_each_image_is_said(tmp_path: Path) -> None:
    params, _ = written(given(tmp_path / "a", [[0, 255], [0, 255]]), asked("instance_segmentation"))
    columns: Any = params.source.columns
    assert (columns.instances, columns.ignore) == (True, ())


def test_colours_number_nothing(tmp_path: Path) -> None:
    for number in range(3):
        image(tmp_path / "a" / "images" / f"{number}.png", number)
        colour_mask(tmp_path / "a" / "masks" / f"{number}.png", [(0, 0, 0), (255, 0, 0)])
    with pytest.raises(SourceError, match=r"a does not look like data for instance_segmentation, which is images with"):
        written(tmp_path / "a", asked("instance_segmentation"))
    assert written(tmp_path / "a")[0].task.task.target.problem_type == "image_segmentation"
