"""Boxes around objects: the whole road once, from Pascal VOC's files to a model that finds shapes in photos."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from finetrail.targets.boxes import BOXES
from finetrail.workspace import read_json
from tests.drawn import drawn, png, write_voc
from tests.pipeline import forks, shapes
from tests.pipeline.trainings import train
from tests.pipeline.workspaces import Sandbox
from tests.unit.targets.torchvisions import write_ssdlite
from tests.whole import read_whole

WHOLE = "data/weights/ssdlite.safetensors"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return shapes.ran(
        tmp_path_factory.mktemp("found"),
        write_voc(tmp_path_factory.mktemp("source") / "toy.zip", *shapes.ROWS),
        project="boxes",
        task="object-detection",
        source="",
        backbone="image_size: 96, aspect: [3, 2]",
        train="pyramid_width: 64, tower: 1",
        full="epochs: 4, augment: {flip: both, scale: [0.9, 1.1], color: 0.1, crop: 0.7, mosaic: 0.1, mixup: 0.1}",
        more=shapes.probe("detector: faster_rcnn"),
    )


def test_an_annotation_without_its_image_is_put_aside_and_images_without_boxes_are_counted(found: Sandbox) -> None:
    with found.paths.quarantine.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["rules"] == "missing_image"
    assert "lost.xml" in row["source"]
    counted = read_json(found.root / "data" / "reports" / "validation" / "validation.json")
    assert "(images without a box)" in json.dumps(counted)


def test_training_learns_to_find_shapes(found: Sandbox) -> None:
    tested = read_json(found.paths.test_details)
    assert tested["test"]["map_50"] > 0.5
    assert tested["rivals"]["the mean box of each class"]["ahead"][0] > 0.3, "the least that the model leads by"
    described = read_json(found.paths.model("full") / "model.json")["target"]
    assert described["threshold"] != 0.5
    assert sum(tested["mistakes"].values()) >= 0
    errors = pd.read_csv(found.paths.test_report / "errors.csv")
    assert list(errors.columns)[:3] == ["id", "objects", "answers"]
    page = (found.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert "Kinds of mistakes" in page
    seen = page.partition('id="seen"')[2].partition("</section>")[0]
    assert seen.count("object hit") > 8, "the boxes that are learnt are drawn"
    assert "1 circle, 1 square" in seen, "and told in a few words"


def test_what_is_written_means_the_same_answers(found: Sandbox) -> None:
    shapes.same_scores(found)


def test_a_linear_probe_learns_from_features_that_are_computed_once(found: Sandbox) -> None:
    shapes.same_from_features(found)


def test_predict_and_the_registered_model_answer_in_pixels_of_the_upright_image(
    found: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, _ = drawn(1, (80, 60))
    upright, turned = (one["objects"] for one in shapes.predicted(found, tmp_path, png(image), png(image, turned=6)))
    assert upright
    assert upright == turned
    assert near(shapes.served(found, png(image, turned=6), monkeypatch)["objects"], upright)


def near(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    assert [box["label"] for box in one] == [box["label"] for box in other]
    for mine, yours in zip(one, other, strict=True):
        assert list(mine) == ["label", "score", "xmin", "ymin", "xmax", "ymax"]
        assert all(mine[name] == pytest.approx(yours[name], abs=1e-3) for name in list(mine)[1:])
    return True


def test_a_training_that_was_killed_ends_with_the_same_bytes(found: Sandbox, tmp_path: Path) -> None:
    shapes.same_bytes_after_a_kill(found, tmp_path / "again")


def test_a_whole_detector_whose_body_learns_by_lora_is_resumed_to_the_same_bytes(
    found: Sandbox, tmp_path: Path
) -> None:
    whole = found.copy(tmp_path / "whole")
    write_ssdlite(whole.root / WHOLE, 64)
    backbone = {"name": "ssdlite320_mobilenet_v3_large", "weights": WHOLE, "image_size": 64, "aspect": [1, 1]}
    settings = {"detector": "ssdlite", "epochs": 1, "checkpoint_seconds": 0}
    lora = {"method": "lora", "r": 2}
    whole.edit("candidates.full", {"backbone": backbone, "adaptation": lora, "train": settings})
    train(whole)
    shapes.same_bytes_after_a_kill(whole, tmp_path / "again", step=2)
    state, given = load_file(whole.paths.model("full") / "model.safetensors"), load_file(whole.root / WHOLE)
    place = "0.1.block.1.0.weight"
    assert not torch.equal(state[f"backbone.network.body.{place}"], given[f"backbone.features.{place}"])


def test_it_is_exported_in_forms_whose_own_code_finds_the_same_boxes(found: Sandbox, tmp_path: Path) -> None:
    photo = png(drawn(1, (80, 60))[0], turned=6)
    (said,) = shapes.predicted(found, tmp_path, photo)
    assert said["objects"]
    for form in ("onnx", "hf"):
        lines = shapes.by_card(found, tmp_path / form, "mAP on 10 validation rows", photo)
        for line, box in zip(lines, said["objects"], strict=True):
            _, label, *numbers = line.split()
            assert label == box["label"]
            assert list(map(float, numbers)) == pytest.approx(list(box.values())[1:], abs=0.06)


def test_assessments_follow_the_boxes(found: Sandbox, tmp_path: Path) -> None:
    shapes.assess(found, tmp_path / "assessed")


def test_labels_are_assessed_also_after_a_kill_and_an_accepted_suggestion_replaces_one(
    found: Sandbox, tmp_path: Path
) -> None:
    assessed = found.copy(tmp_path / "assessed")
    assessed.edit("assess", {"labels": {"folds": 2, "max_shown": 20, "neighbours": 1}})
    again = assessed.copy(tmp_path / "again")
    done = forks.run(assessed, "assess", "labels")
    assert done.code == 0, done.err
    assert "2 trainings of full: about" in done.out
    checkpoints = again.root / ".finetrail" / "checkpoints" / ".labels"
    forks.start(again, "assess", "labels").kill(lambda: len(list(checkpoints.glob("*/1/step-*"))) > 0)
    done = forks.run(again, "assess", "labels")
    assert "assess.labels: a training resumes after step" in done.err
    answered = [one.paths.assessment("labels") / "predictions.parquet" for one in (assessed, again)]
    assert answered[0].read_bytes() == answered[1].read_bytes()
    suspects = read_json(assessed.paths.assessment("labels") / "labels.json")["suspects"]
    row, cell = next((one["id"], one["suggestion"]) for one in suspects if one["suggestion"])
    correct(assessed, row, cell)
    (label,) = (one["label"] for one in read_whole(assessed.paths.raw).to_dict("records") if one["id"] == row)
    assert BOXES.key(label) == cell


def correct(sandbox: Sandbox, row: str, cell: str) -> None:
    """What `finetrail review` writes, and the stages that follow it."""
    with (sandbox.root / "data" / "corrections.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "label", "who", "why"), (row, cell, "Ada", "")])
    for stage in ("ingest", "validate", "split"):
        done = sandbox.finetrail(stage)
        assert done.code == 0, (stage, done.err)


def test_every_link_holds(found: Sandbox) -> None:
    done = found.finetrail("verify")
    assert "0 broken" in done.out
