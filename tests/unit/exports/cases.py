"""The models that are exported: one for each way in which weights, labels and libraries differ."""

from pathlib import Path
from typing import Any

import torch

from finetrail.adaptation.lora import Lora
from finetrail.contents.image.settings import ImageBackbone
from finetrail.contents.text.settings import TextBackbone
from tests.unit.decoders import small_decoder
from tests.unit.exports.folders import Case, answers, build

TEXT, NUMBER, IMAGE = "text-classification", "text-regression", "image-classification"
SETS = "multi_label_classification"
CASES = ["mean", "lora", "cls", "roberta", "distilbert", "torchvision", "timm", "timm-sized", "transformers", "resnet"]
CASES += ["pair", "pair-cls", "sets", "gpt2"]
ONNX = ["mean", "roberta", "resnet", "pair", "llama"]


def all_cases(backbone: TextBackbone, encoder_folder: Path, images: Path, folder: Path) -> dict[str, Case]:
    """The models by name. Args: images: see `draw`; folder: empty, for what they are built from."""
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
        "gpt2": case(TEXT, decoder("gpt2", folder)),
        "llama": case(NUMBER, decoder("llama", folder)),
        "torchvision": case(IMAGE, image("resnet18")),
        "timm": case(IMAGE, image("timm/test_efficientnet")),
        "timm-sized": case(IMAGE, image("timm/test_vit")),
        "transformers": case(IMAGE, image("transformers", network("vit", folder))),
        "resnet": case(IMAGE, image("transformers", network("resnet", folder))),
    }


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


def decoder(kind: str, folder: Path) -> TextBackbone:
    """A small decoder, read off its last token."""
    return TextBackbone(weights=str(small_decoder(kind, folder / kind)), max_tokens=16, dropout=0.0)


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
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(10)  # `apply` draws too; with these, every answer becomes another one by a wide margin
        method.apply(built.model)
        for name, parameter in built.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    built.model.eval()
    said = answers(built, images)
    assert abs(said - before).max() > 0.01
    method.merge(built.model)
    return Case(built, said)
