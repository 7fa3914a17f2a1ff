"""The class of each pixel: the whole road once, from index images to a model that tells shapes from their ground."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco

from finetrail.workspace import read_json
from tests.drawn import MASKED, drawn, mask_of, png, write_masks
from tests.pipeline import shapes
from tests.pipeline.workspaces import Sandbox


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return shapes.ran(
        tmp_path_factory.mktemp("found"),
        write_masks(tmp_path_factory.mktemp("source") / "toy.parquet", *shapes.ROWS),
        project="masks",
        task="image-segmentation",
        source="  columns: {label: mask, classes: [background, circle, square], ignore: 255, split: split}",
        backbone="image_size: 64",
        train="decoder: deeplabv3plus, decoder_width: 64, loss: cross_entropy+dice",
        full="epochs: 4, augment: {flip: both, scale: [0.9, 1.1], color: 0.1}",
        more=shapes.probe("class_weights: balanced"),
    )


def test_training_learns_to_tell_shapes_from_their_ground(found: Sandbox) -> None:
    tested = read_json(found.paths.test_details)
    assert tested["test"]["mean_iou"] > 0.7
    assert tested["rivals"]["the commonest class"]["ahead"][0] > 0.3, "the least that the model leads by"
    assert set(tested["per_class"]) == set(MASKED)
    errors = pd.read_csv(found.paths.test_report / "errors.csv")
    assert list(errors.columns) == ["id", "mean_iou", "pixel_accuracy"]
    page = (found.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert "Worst images" in page
    assert "circle, square" in page, "what is seen in training, in a few words"


def test_what_is_written_means_the_same_answers(found: Sandbox) -> None:
    shapes.same_scores(found)


def test_a_linear_probe_learns_from_features_that_are_computed_once(found: Sandbox) -> None:
    shapes.same_from_features(found)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
def test_predict_and_the_registered_model_answer_in_pixels_of_the_upright_image(
    found: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, boxes = drawn(1, (128, 96))
    upright, turned = shapes.predicted(found, tmp_path, png(image), png(image, turned=6))
    assert upright["masks"] == turned["masks"]
    numbers = np.asarray(Image.open(io.BytesIO(base64.b64decode(upright["png"]))))
    assert (numbers == np.asarray(mask_of(boxes, (128, 96)))).mean() > 0.9
    for mask in upright["masks"]:
        decoded = coco.decode({"size": [mask["height"], mask["width"]], "counts": mask["counts"]})
        assert (decoded == (numbers == mask["number"])).all()
        assert MASKED[mask["number"]] == mask["label"]
    said = shapes.served(found, png(image, turned=6), monkeypatch)
    assert said["masks"] == upright["masks"]
    assert said["png"] == upright["png"]


def test_a_training_that_was_killed_ends_with_the_same_bytes(found: Sandbox, tmp_path: Path) -> None:
    shapes.same_bytes_after_a_kill(found, tmp_path / "again")


def test_it_is_exported_in_forms_whose_own_code_gives_pixels_the_same_classes(found: Sandbox, tmp_path: Path) -> None:
    photo = png(drawn(1, (128, 96))[0], turned=6)
    (row,) = shapes.predicted(found, tmp_path, photo)
    own = np.asarray(Image.open(io.BytesIO(base64.b64decode(row["png"]))))
    for form in ("onnx", "hf"):
        more = "Image.fromarray(mask).save('mask.png')\n"
        (line,) = shapes.by_card(found, tmp_path / form, "mean IoU on 10 validation rows", photo, more)
        assert (np.asarray(Image.open(tmp_path / form / "mask.png")) == own).mean() > 0.999
        _, sure, *shares = line.split()
        assert float(sure) == pytest.approx(row["confidence"], abs=2e-3)
        assert set(shares[::2]) == {"background", *(one["label"] for one in row["masks"])}


def test_assessments_follow_the_masks(found: Sandbox, tmp_path: Path) -> None:
    shapes.assess(found, tmp_path / "assessed", labels={"folds": 2})
