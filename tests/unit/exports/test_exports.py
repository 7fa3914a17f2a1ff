"""What is exported answers as the model did, in a process without finetrail that runs the code of its own card."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from finetrail.errors import ModelError
from finetrail.exports.exported import check
from finetrail.exports.pictures import with_head
from finetrail.models.backbone import ImageBackbone, TextBackbone
from finetrail.models.soft_prompts import add_soft_prompt
from finetrail.tasks.task import Built
from tests.unit.exports.folders import LABELS, TEXTS, answer_elsewhere, build, draw, expected, export

TEXT, NUMBER, IMAGE = "text-classification", "text-regression", "image-classification"
CASES = ["mean", "cls", "roberta", "distilbert", "torchvision", "timm", "timm-sized", "transformers", "resnet"]


def small(kind: str, encoder_folder: Path, folder: Path) -> Path:
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
        AutoModel.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder_folder).save_pretrained(folder)
    return folder


def network(kind: str, folder: Path) -> Path:
    """A small image classifier of transformers."""
    from transformers import ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification

    with torch.random.fork_rng():
        torch.manual_seed(5)
        if kind == "resnet":
            config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
            ResNetForImageClassification(config).save_pretrained(folder)
        else:
            sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
            ViTForImageClassification(ViTConfig(**sizes, image_size=16, patch_size=4)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def models(backbone: TextBackbone, encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    folder = tmp_path_factory.mktemp("encoders")
    text = {"max_tokens": 16, "dropout": 0.0, "pooling": "cls"}
    half = (0.5, 0.4, 0.5)
    own = {"image_size": 32, "resize": 40, "mean": half, "std": half}
    roberta = TextBackbone(weights=str(small("roberta", encoder_folder, folder / "roberta")), **text)
    distilbert = TextBackbone(weights=str(small("distilbert", encoder_folder, folder / "distilbert")), **text)
    return {
        "mean": build(TEXT, backbone),
        "cls": build(TEXT, backbone.model_copy(update={"pooling": "cls"})),
        "roberta": build(NUMBER, roberta, ["stars"]),
        "distilbert": build(TEXT, distilbert),
        "torchvision": build(IMAGE, ImageBackbone(name="resnet18", weights="random", **own)),
        "timm": build(IMAGE, ImageBackbone(name="timm/test_efficientnet", weights="random", **own)),
        "timm-sized": build(IMAGE, ImageBackbone(name="timm/test_vit", weights="random", **own)),
        "transformers": build(
            IMAGE, ImageBackbone(name="transformers", weights=str(network("vit", folder / "vit")), **own)
        ),
        "resnet": build(
            IMAGE, ImageBackbone(name="transformers", weights=str(network("resnet", folder / "resnet")), **own)
        ),
    }


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("pictures"))


def task_of(name: str) -> str:
    return {"mean": TEXT, "cls": TEXT, "roberta": NUMBER, "distilbert": TEXT}.get(name, IMAGE)


@pytest.fixture(scope="module")
def folders(
    models: dict[str, Built], pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Path]:
    """The exports, by model and format, each with the answers that its snippet gave."""
    root = tmp_path_factory.mktemp("exports")
    wanted = [(name, "hf") for name in CASES] + [(name, "onnx") for name in ("mean", "roberta", "timm", "timm-sized")]
    made = {(name, form): export(models[name], task_of(name), form, root / f"{name}-{form}") for name, form in wanted}
    answer_elsewhere(list(made.values()), pictures)
    return made


@pytest.mark.parametrize("name", CASES)
def test_the_cards_own_code_gives_the_same_outputs(
    models: dict[str, Built], folders: dict[tuple[str, str], Path], pictures: Path, name: str
) -> None:
    ours, theirs = expected(models[name], pictures), np.load(folders[name, "hf"] / "logits.npy")
    assert ours.std(axis=0).min() > 1e-3, "all answers are alike: this would prove nothing"
    np.testing.assert_allclose(theirs, ours, atol=1e-4)


@pytest.mark.parametrize("name", ["mean", "roberta", "timm", "timm-sized"])
def test_onnx_gives_the_same_outputs(
    models: dict[str, Built], folders: dict[tuple[str, str], Path], pictures: Path, name: str
) -> None:
    ours, theirs = expected(models[name], pictures), np.load(folders[name, "onnx"] / "logits.npy")
    np.testing.assert_allclose(theirs, ours, atol=1e-3)
    assert json.loads((folders[name, "onnx"] / "labels.json").read_text()) == models[name].labels


def test_sentence_transformers_loads_encoder_and_head_as_one(
    models: dict[str, Built], folders: dict[tuple[str, str], Path], pictures: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    for name in ("mean", "distilbert"):
        loaded = SentenceTransformer(str(folders[name, "hf"]), device="cpu")
        np.testing.assert_allclose(loaded.encode(TEXTS), expected(models[name], pictures), atol=1e-4)


def test_the_configuration_names_labels_and_problem(folders: dict[tuple[str, str], Path]) -> None:
    config = json.loads((folders["cls", "hf"] / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {"0": "bad", "1": "good", "2": "neutral"}
    assert config["label2id"] == {"bad": 0, "good": 1, "neutral": 2}
    assert config["problem_type"] == "single_label_classification"
    assert json.loads((folders["roberta", "hf"] / "config.json").read_text())["problem_type"] == "regression"
    timm = json.loads((folders["timm", "hf"] / "config.json").read_text())
    assert timm["label_names"] == LABELS


def test_no_file_names_a_place_of_this_machine_or_is_a_pickle(
    folders: dict[tuple[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = str(tmp_path_factory.getbasetemp()).encode()
    for folder in folders.values():
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "logits.npy":
                assert place not in path.read_bytes(), path
                assert path.suffix in (".json", ".md", ".onnx", ".safetensors", ".txt"), path


@pytest.mark.parametrize("form", ["hf", "onnx"])
@pytest.mark.parametrize("method", ["prompt_tuning", "prefix_tuning"])
def test_vectors_in_front_of_the_texts_are_refused(
    backbone: TextBackbone, tmp_path: Path, form: str, method: str
) -> None:
    built = build(TEXT, backbone)
    add_soft_prompt(built.model.backbone, "prompt_tuning" if method == "prompt_tuning" else "prefix_tuning", 4)
    with pytest.raises(ModelError, match=rf"adapted by {method}, whose vectors have no place in a plain encoder; use"):
        export(built, TEXT, form, tmp_path / "out")


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
