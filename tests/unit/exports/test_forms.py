"""What is exported answers as the model did, in a process without finetrail that runs the code of its own card."""

import ast
import json
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest
import torch

from finetrail.adaptation.adapter import Adapter
from finetrail.contents.image.export import WEIGHTS
from finetrail.contents.image.settings import ImageBackbone
from finetrail.contents.text.encoder import TextEncoder
from finetrail.contents.text.settings import TextBackbone
from finetrail.contents.text.soft_prompts import add_soft_prompt
from finetrail.errors import ModelError
from finetrail.exports.forms import Form
from tests.unit.exports.cases import CASES, ONNX, SETS, TEXT, all_cases
from tests.unit.exports.folders import LABELS, TEXTS, Case, answer_without_finetrail, answers, build, draw, export

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cases(
    backbone: TextBackbone, encoder_folder: Path, images: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Case]:
    return all_cases(backbone, encoder_folder, images, tmp_path_factory.mktemp("encoders"))


@pytest.fixture(scope="module")
def folders(
    cases: dict[str, Case], images: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, Form], Path]:
    """The exports, by model and format, each with the answers that its snippet gave."""
    root = tmp_path_factory.mktemp("exports")
    wanted: list[tuple[str, Form]] = [*((name, "hf") for name in CASES), *((name, "onnx") for name in ONNX)]
    made = {(name, form): export(cases[name].built, form, root / f"{name}-{form}") for name, form in wanted}
    answer_without_finetrail(list(made.values()), draw(images))
    return made


@pytest.mark.parametrize("name", CASES)
def test_the_cards_own_code_gives_the_same_outputs(
    cases: dict[str, Case], folders: dict[tuple[str, Form], Path], name: str
) -> None:
    np.testing.assert_allclose(np.load(folders[name, "hf"] / "logits.npy"), cases[name].calibrated, atol=1e-4)


@pytest.mark.parametrize(("name", "form"), [*((name, "hf") for name in CASES), *((name, "onnx") for name in ONNX)])
def test_the_cards_own_code_prints_the_answers(
    cases: dict[str, Case], folders: dict[tuple[str, Form], Path], name: str, form: Form
) -> None:
    lines = [ast.literal_eval(line) for line in (folders[name, form] / "printed.txt").read_text().splitlines()]
    said = cases[name].built.codec.say(cases[name].said)
    if "prediction" in said:
        assert lines[0] == pytest.approx(said["prediction"], abs=1e-3)
    elif "labels" in said:
        assert [sorted(line) for line in lines] == [sorted(labels) for labels in said["labels"]]
        assert any(0 < len(line) < len(LABELS) for line in lines)
    else:
        assert lines == [said["label"]]


@pytest.mark.parametrize("name", ONNX)
def test_onnx_gives_the_same_outputs(cases: dict[str, Case], folders: dict[tuple[str, Form], Path], name: str) -> None:
    folder = folders[name, "onnx"]
    np.testing.assert_allclose(np.load(folder / "logits.npy"), cases[name].calibrated, atol=1e-3)
    assert json.loads((folder / "labels.json").read_text()) == cases[name].built.codec.outputs


def test_a_pipeline_of_transformers_gives_the_score_that_the_model_serves(
    cases: dict[str, Case], folders: dict[tuple[str, Form], Path]
) -> None:
    from transformers import pipeline

    found = pipeline("text-classification", model=str(folders["cls", "hf"]), device="cpu")(TEXTS, truncation=True)
    said = cases["cls"].built.codec.say(cases["cls"].said)
    assert [one["label"] for one in found] == said["label"]
    assert [one["score"] for one in found] == pytest.approx(said["score"], abs=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_a_pipeline_answers_as_the_model_or_finds_none(
    cases: dict[str, Case], folders: dict[tuple[str, Form], Path], images: Path, name: str
) -> None:
    from transformers import pipeline

    case, folder = cases[name], folders[name, "hf"]
    tag: Any = case.built.task.pipeline_tag
    if f"pipeline_tag: {tag}\n" not in (folder / "README.md").read_text(encoding="utf-8"):
        with pytest.raises((OSError, ValueError)):
            pipeline(tag, model=str(folder), device="cpu")(draw(images)["paths"])
        return
    options: dict[str, Any] = {"top_k": None, "function_to_apply": "none"}
    given = draw(images)
    find: Any = pipeline(tag, model=str(folder), device="cpu")
    if tag == "image-classification":
        asked: Any = given["paths"]
    else:
        asked = [{"text": text, "text_pair": other} for text, other in given["pairs"]] if "pair" in name else TEXTS
        options["truncation"] = True
    found = [{one["label"]: one["score"] for one in of_row} for of_row in find(asked, **options)]
    logits = np.array([[row[one] for one in case.built.codec.outputs] for row in found])
    rows = [0, 2] if name == "resnet" else slice(None)  # of the wide one, transformers cuts another pixel off
    np.testing.assert_allclose(logits[rows], case.calibrated[rows], atol=1e-4)


def test_sentence_transformers_loads_encoder_and_head_as_one(
    cases: dict[str, Case], folders: dict[tuple[str, Form], Path]
) -> None:
    from sentence_transformers import SentenceTransformer

    for name in ("mean", "distilbert", "gpt2"):
        loaded = SentenceTransformer(str(folders[name, "hf"]), device="cpu")
        np.testing.assert_allclose(loaded.encode(TEXTS), cases[name].calibrated, atol=1e-4)


@pytest.mark.parametrize("name", ["mean", "cls", "gpt2", "torchvision", "timm", "transformers"])
def test_an_export_is_the_backbone_of_another_task(
    cases: dict[str, Case], folders: dict[tuple[str, Form], Path], backbone: TextBackbone, images: Path, name: str
) -> None:
    folder, known = folders[name, "hf"], cases[name].built
    places = {"mean": "0_Transformer", "gpt2": "0_Transformer", "torchvision": WEIGHTS, "timm": WEIGHTS}
    weights = str(folder / places.get(name, ""))
    if known.task.content.name == "image":
        kinds = {"torchvision": "resnet18", "timm": "timm/test_efficientnet", "transformers": "transformers"}
        settings: Any = ImageBackbone(name=kinds[name], weights=weights, image_size=32, resize=40)
    else:
        settings = TextBackbone(weights=weights, max_tokens=16)
    built = build("text-regression" if known.task.content.name == "text" else "image-regression", settings, images)
    ours, theirs = (one.model.backbone.state_dict() for one in (built, known))
    assert set(ours) == set(theirs)
    for key, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[key], rtol=0, atol=0)


def test_the_configuration_names_labels_and_problem(folders: dict[tuple[str, Form], Path]) -> None:
    config = json.loads((folders["cls", "hf"] / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {"0": "bad", "1": "good", "2": "neutral"}
    assert config["label2id"] == {"bad": 0, "good": 1, "neutral": 2}
    assert config["problem_type"] == "single_label_classification"
    assert json.loads((folders["roberta", "hf"] / "config.json").read_text())["problem_type"] == "regression"
    assert json.loads((folders["sets", "hf"] / "config.json").read_text())["problem_type"] == SETS
    timm = json.loads((folders["timm", "hf"] / "config.json").read_text())
    assert timm["label_names"] == LABELS


def test_no_file_names_a_place_of_this_machine_or_is_a_pickle(
    folders: dict[tuple[str, Form], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = str(tmp_path_factory.getbasetemp()).encode()
    for folder in folders.values():
        for path in folder.rglob("*"):
            if path.is_file() and path.name not in ("logits.npy", "printed.txt"):
                assert place not in path.read_bytes(), path
                assert path.suffix in (".json", ".md", ".onnx", ".safetensors", ".txt"), path


def test_an_export_changes_nothing_in_the_model(cases: dict[str, Case], images: Path, tmp_path: Path) -> None:
    for name in ("cls", "timm"):
        export(cases[name].built, "hf", tmp_path / name)
        assert (answers(cases[name].built, images) == cases[name].said).all()
    assert cases["cls"].built.processor.tokenizer.model_max_length == 32  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", ["hf", "onnx"])
@pytest.mark.parametrize("method", ["prompt_tuning", "prefix_tuning"])
def test_vectors_in_front_of_the_texts_are_refused(
    backbone: TextBackbone,
    images: Path,
    tmp_path: Path,
    form: Form,
    method: Literal["prompt_tuning", "prefix_tuning"],
) -> None:
    built = build(TEXT, backbone, images)
    add_soft_prompt(cast(TextEncoder, built.model.backbone), method, 4)
    with pytest.raises(ModelError, match=rf"adapted by {method}, whose vectors have no place in a plain encoder; use"):
        export(built, form, tmp_path / "out")


def test_adapters_go_into_onnx_and_into_no_other_form(backbone: TextBackbone, images: Path, tmp_path: Path) -> None:
    built = build(TEXT, backbone, images)
    method = Adapter(method="adapter", placement="houlsby", size=4)
    method.apply(built.model)
    with torch.no_grad():
        for name, one in built.model.named_parameters():
            if "bottleneck" in name:
                one.normal_()
    built.model.eval()
    with pytest.raises(ModelError, match=r"adapted by adapter, whose layers have no place .*; use --format onnx, or"):
        export(built, "hf", tmp_path / "hf")
    export(built, "onnx", tmp_path / "out")  # compares the answers of onnxruntime
