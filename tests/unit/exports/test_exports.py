"""What is exported answers as the model did, in a process without finetrail that runs the code of its own card."""

import ast
import json
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from finetrail.adaptation.lora import Lora
from finetrail.contents.exported import check
from finetrail.contents.image.export import with_head
from finetrail.contents.image.settings import ImageBackbone
from finetrail.contents.text.encoder import TextEncoder
from finetrail.contents.text.settings import TextBackbone
from finetrail.contents.text.soft_prompts import add_soft_prompt
from finetrail.errors import ConfigError, ModelError
from finetrail.exports.forms import Form
from tests.unit.exports.folders import (
    LABELS,
    TEXTS,
    Case,
    answer_without_finetrail,
    answers,
    build,
    draw,
    export,
)

TEXT, NUMBER, IMAGE = "text-classification", "text-regression", "image-classification"
CASES = ["mean", "lora", "cls", "roberta", "distilbert", "torchvision", "timm", "timm-sized", "transformers", "resnet"]
CASES += ["pair", "pair-cls", "sets"]
ONNX = ["mean", "roberta", "resnet", "pair"]
SETS = "multi_label_classification"


def small(kind: str, encoder_folder: Path, folder: Path) -> str:
    """A small encoder of another kind, with the tokenizer of the first."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    sizes = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    given = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32, "vocab_size": 40}
    config = AutoConfig.for_model(
        kind,
        **(given if kind == "distilbert" else sizes | {"intermediate_size": 32, "pad_token_id": 0}),
        max_position_embeddings=34,
        initializer_range=0.2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(4)
        AutoModel.from_config(config).save_pretrained(folder / kind)
    AutoTokenizer.from_pretrained(encoder_folder).save_pretrained(folder / kind)
    return str(folder / kind)


def network(kind: str, folder: Path) -> str:
    """A small image classifier of transformers."""
    from transformers import ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification

    with torch.random.fork_rng():
        torch.manual_seed(5)
        if kind == "resnet":
            config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
            ResNetForImageClassification(config).save_pretrained(folder / kind)
        else:
            sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
            ViTForImageClassification(ViTConfig(**sizes, image_size=16, patch_size=4)).save_pretrained(folder / kind)
    return str(folder / kind)


def adapted(backbone: TextBackbone, images: Path) -> Case:
    """A model that answered with adapters beside its layers, and was merged then, as `train` does."""
    built = build(TEXT, backbone, images)
    before, method = answers(built, images), Lora(method="lora", r=4, alpha=8)
    method.apply(built.model)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(6)
        for name, parameter in built.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    built.model.eval()
    said = answers(built, images)
    assert abs(said - before).max() > 0.01
    method.merge(built.model)
    return Case(built, said)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    draw(folder)
    return folder


@pytest.fixture(scope="module")
def cases(
    backbone: TextBackbone, encoder_folder: Path, images: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Case]:
    folder = tmp_path_factory.mktemp("encoders")
    half = (0.5, 0.4, 0.5)

    def case(task: str, settings: TextBackbone | ImageBackbone, **given: Any) -> Case:
        built = build(task, settings, images, **given)
        return Case(built, answers(built, images))

    def text(kind: str) -> TextBackbone:
        return TextBackbone(weights=small(kind, encoder_folder, folder), max_tokens=16, dropout=0.0, pooling="cls")

    def image(name: str, weights: str = "random") -> ImageBackbone:
        return ImageBackbone(name=name, weights=weights, image_size=32, resize=40, mean=half, std=half)

    first = backbone.model_copy(update={"pooling": "cls"})
    return {
        "mean": case(TEXT, backbone),
        "lora": adapted(backbone, images),
        "cls": case(TEXT, first),
        "pair": case(TEXT, backbone, columns=("question", "answer")),
        "pair-cls": case(TEXT, first, columns=("question", "answer")),
        "sets": case(TEXT, first, problem_type=SETS),
        "roberta": case(NUMBER, text("roberta")),
        "distilbert": case(TEXT, text("distilbert")),
        "torchvision": case(IMAGE, image("resnet18")),
        "timm": case(IMAGE, image("timm/test_efficientnet")),
        "timm-sized": case(IMAGE, image("timm/test_vit")),
        "transformers": case(IMAGE, image("transformers", network("vit", folder))),
        "resnet": case(IMAGE, image("transformers", network("resnet", folder))),
    }


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
    np.testing.assert_allclose(np.load(folders[name, "hf"] / "logits.npy"), cases[name].said, atol=1e-4)


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
        assert len({len(line) for line in lines}) > 1
    else:
        assert lines == [said["label"]]


@pytest.mark.parametrize("name", ONNX)
def test_onnx_gives_the_same_outputs(cases: dict[str, Case], folders: dict[tuple[str, Form], Path], name: str) -> None:
    folder = folders[name, "onnx"]
    np.testing.assert_allclose(np.load(folder / "logits.npy"), cases[name].said, atol=1e-3)
    assert json.loads((folder / "labels.json").read_text()) == cases[name].built.codec.outputs


def test_onnx_takes_any_number_of_texts_of_any_length(folders: dict[tuple[str, Form], Path]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(folders["mean", "onnx"] / "model.onnx")
    assert [one.shape for one in session.get_inputs()] == [["batch", "tokens"]] * 2
    assert session.get_outputs()[0].shape == ["batch", 3]
    for rows, tokens in ((1, 1), (1, 16), (7, 5)):
        ones = np.ones((rows, tokens), dtype=np.int64)
        (logits,) = session.run(None, {"input_ids": ones, "attention_mask": ones})
        assert logits.shape == (rows, 3)


def test_sentence_transformers_loads_encoder_and_head_as_one(
    cases: dict[str, Case], folders: dict[tuple[str, Form], Path]
) -> None:
    from sentence_transformers import SentenceTransformer

    for name in ("mean", "distilbert"):
        loaded = SentenceTransformer(str(folders[name, "hf"]), device="cpu")
        np.testing.assert_allclose(loaded.encode(TEXTS), cases[name].said, atol=1e-4)


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
    backbone: TextBackbone, images: Path, tmp_path: Path, form: Form, method: str
) -> None:
    built = build(TEXT, backbone, images)
    add_soft_prompt(
        cast(TextEncoder, built.model.backbone), "prompt_tuning" if method == "prompt_tuning" else "prefix_tuning", 4
    )
    with pytest.raises(ModelError, match=rf"adapted by {method}, whose vectors have no place in a plain encoder; use"):
        export(built, form, tmp_path / "out")


def test_packages_that_are_not_installed_are_named(
    cases: dict[str, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"^--format onnx needs onnxscript, which is not installed; install the pack"):
        export(cases["mean"].built, "onnx", tmp_path / "out")


def test_what_torch_cannot_write_as_onnx_is_refused_in_one_line(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stubborn(nn.Linear):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return super().forward(features) if float(features.sum()) > 0 else features[:, :3]

    settings = ImageBackbone(
        name="transformers", weights=network("resnet", tmp_path), image_size=32, mean=(0,) * 3, std=(1,) * 3
    )
    built = build(IMAGE, settings, images)
    built.model.head = Stubborn(16, 3)
    with pytest.raises(
        ModelError, match=r"^torch cannot write this model as ONNX \(Could not guard on .+\); use --format hf$"
    ):
        export(built, "onnx", tmp_path / "out")
    assert "def forward" not in capsys.readouterr().err


def test_answers_that_differ_are_refused() -> None:
    ours = torch.tensor([[1.0, 2.0]])
    check(ours, ours + 1e-5, "hf")
    with pytest.raises(ModelError, match=r"the export to hf would answer otherwise than the model, by 0.005, more"):
        check(ours, ours + 0.01, "hf")
    with pytest.raises(ModelError, match=r"by nan, more than 0.0001; nothing was written: take another --format$"):
        check(ours, ours * float("nan"), "hf")


@pytest.mark.parametrize(
    "whole",
    [
        {"a.weight": (2, 2), "fc.weight": (3, 5), "fc.bias": (3,)},
        {"a.weight": (2, 2), "fc.weight": (3, 4, 1, 1), "fc.bias": (3,)},
        {"a.weight": (2, 2), "fc.weight": (3, 4), "gc.bias": (3,)},
        {"a.weight": (2, 2), "fc.weight": (3, 4), "fc.bias": (3,), "fc.scale": (3,)},
        {"b.weight": (2, 2), "fc.weight": (3, 4), "fc.bias": (3,)},
    ],
)
def test_a_head_that_is_no_linear_layer_of_that_width_is_refused(whole: dict[str, tuple[int, ...]]) -> None:
    tensors = {name: torch.zeros(shape) for name, shape in whole.items()}
    with pytest.raises(ModelError, match=r"^'net' has no single linear head in its own library, .*use --format onnx$"):
        with_head(tensors, {"a.weight": torch.zeros(2, 2)}, nn.Linear(4, 3), "net")
