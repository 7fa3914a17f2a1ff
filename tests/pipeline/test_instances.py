"""Masks of objects: the whole road once, from regions to a model that draws the shapes which it finds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pycocotools import mask as coco

from finetrail.workspace import read_json
from tests.drawn import drawn, mask_of, png, write_instances
from tests.pipeline import shapes
from tests.pipeline.workspaces import Sandbox


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return shapes.ran(
        tmp_path_factory.mktemp("found"),
        write_instances(tmp_path_factory.mktemp("source") / "toy.parquet", *shapes.ROWS),
        project="instances",
        task="{name: image-segmentation, problem_type: instance_segmentation}",
        source="  columns: {label: mask, split: split}",
        backbone="image_size: 64",
        train="pyramid_width: 32, tower: 1",
        full="epochs: 6, batch_size: 4, augment: {flip: both, scale: [0.9, 1.1], color: 0.1}",
        more="",
    )


def test_training_learns_to_draw_shapes(found: Sandbox) -> None:
    tested = read_json(found.paths.test_details)
    assert tested["test"]["mask_map_50"] > 0.5
    assert tested["rivals"]["the mean box of each class"]["ahead"][0] > 0.2, "the least that the model leads by"
    errors = pd.read_csv(found.paths.test_report / "errors.csv")
    assert list(errors.columns)[:3] == ["id", "objects", "answers"]
    page = (found.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert "Areas of masks" in page
    assert "data:image/png" in page


def test_what_is_written_means_the_same_answers(found: Sandbox) -> None:
    shapes.same_scores(found)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
def test_predict_and_the_registered_model_answer_in_pixels_of_the_upright_image(
    found: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, boxes = drawn(1)
    image = small.resize((128, 96))
    upright, turned = (one["objects"] for one in shapes.predicted(found, tmp_path, png(image), png(image, turned=6)))
    assert upright == turned
    drawn_there = np.zeros((96, 128), dtype=np.bool_)
    for one in upright:
        assert list(one) == ["label", "score", "xmin", "ymin", "xmax", "ymax", "width", "height", "counts"]
        drawn_there |= coco.decode({"size": [one["height"], one["width"]], "counts": one["counts"]}) > 0
    truth = np.asarray(mask_of(boxes).resize((128, 96), 0)) > 0
    assert (drawn_there & truth).sum() > 0.5 * (drawn_there | truth).sum()
    said = shapes.served(found, png(image, turned=6), monkeypatch)
    assert [one["counts"] for one in said["objects"]] == [one["counts"] for one in upright]


def test_a_training_that_was_killed_ends_with_the_same_bytes(found: Sandbox, tmp_path: Path) -> None:
    shapes.same_bytes_after_a_kill(found, tmp_path / "again")


def test_it_is_exported_as_onnx_that_draws_the_same_masks(found: Sandbox, tmp_path: Path) -> None:
    photo = png(drawn(1)[0].resize((128, 96)), turned=6)
    (said,) = shapes.predicted(found, tmp_path, photo)
    assert said["objects"]
    lines = shapes.by_card(found, tmp_path / "onnx", "mask mAP on 10 validation rows", photo)
    for line, one in zip(lines, said["objects"], strict=True):
        _, label, *numbers, pixels = line.split()
        assert label == one["label"]
        assert list(map(float, numbers)) == pytest.approx(list(one.values())[1:6], abs=0.06)
        area = coco.area({"size": [one["height"], one["width"]], "counts": one["counts"]})
        assert abs(int(pixels) - int(area)) <= 3


def test_assessments_follow_the_masks(found: Sandbox, tmp_path: Path) -> None:
    shapes.assess(found, tmp_path / "assessed", labels={"folds": 2})
