"""A text model as a folder of Hugging Face's: a sequence classifier where it says the same, or encoder and head.

A classifier of transformers puts layers of its own between encoder and output. Behind the first token these are a
linear layer and tanh, which can be made to do nothing: scaled by 2^-12, tanh is the identity to the last bits of
float32. A mean over tokens is in none of them, so that model becomes the three modules of sentence-transformers.
"""

import copy
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from finetrail.contents.text.backbone import PooledEncoder, TextProcessor
from finetrail.contents.text.soft_prompts import PrefixEncoder, PromptEncoder
from finetrail.errors import ModelError
from finetrail.exports.exported import Exported, answer, check, describe
from finetrail.models.weights import load_tensors, save_tensors
from finetrail.tasks.task import Built
from finetrail.workspace import write_json

_SMALL = 2.0**-12
# The layer in front of tanh and the one behind it, in the sequence classifiers of these kinds of model.
_ROBERTA = ("classifier.dense", "classifier.out_proj")
_HEADS = {
    "bert": ("bert.pooler.dense", "classifier"),
    "camembert": _ROBERTA,
    "mpnet": _ROBERTA,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}
_POOLING = Path("1_Pooling")
_HEAD = Path("2_Dense")
_PROBES = ["a", "the quick brown fox jumps over the lazy dog", "one two three " * 40]


def plain_encoder(built: Built) -> PooledEncoder:
    """The encoder of a text model. Raises: ModelError: trained vectors stand in front of its texts."""
    backbone = cast(PooledEncoder, built.model.backbone)
    if isinstance(backbone.encoder, PromptEncoder | PrefixEncoder):
        raise ModelError(
            f"this model was adapted by {backbone.encoder.method}, whose vectors have no place in a plain encoder; "
            "use it as it is registered, or export one adapted by another method, such as lora"
        )
    return backbone


def export_texts(built: Built, folder: Path) -> Exported:
    """Write configuration, safetensors, tokenizer, and read them back to compare.

    Raises:
        ModelError: see `plain_encoder`, and `check`.
    """
    backbone, processor = plain_encoder(built), cast(TextProcessor, built.processor)
    config = copy.deepcopy(cast(Any, backbone.encoder).config)
    describe(config, built)
    with torch.no_grad():
        ours = built.model(processor.encode(_PROBES).batch(range(len(_PROBES))))
        batch = write_tokenizer(processor, folder)(_PROBES, padding=True, truncation=True, return_tensors="pt")
        if backbone.pooling == "cls" and config.model_type in _HEADS:
            theirs = _write_classifier(built, backbone, config, folder)(**batch).logits
            library, packages, snippet = "transformers", ["transformers", "torch"], _classifier_snippet(built)
            note = _CLASSIFIER_NOTE
        else:
            theirs = _write_modules(built, backbone, config, folder)(batch)
            library, packages = "sentence-transformers", ["transformers", "torch", "safetensors"]
            snippet = _modules_snippet(built, backbone)
            note = _MODULES_NOTE.format("the mean over the tokens" if backbone.pooling == "mean" else "the first token")
    check(ours, theirs, "hf")
    return Exported(library, tuple(packages), snippet, reads(processor), note)


def reads(processor: TextProcessor) -> str:
    """What a model of this processor reads of a text, in a sentence."""
    return f"Of a text it reads the first {processor.max_tokens} tokens."


def write_tokenizer(processor: TextProcessor, folder: Path) -> Any:
    """Write the tokenizer so that by itself it cuts and pads as the model was trained with. Returns: it, read back."""
    from transformers import AutoTokenizer

    tokenizer = copy.deepcopy(processor.tokenizer)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(0)  # any will do: it is masked
    own = {"padding_side": "right", "model_input_names": ["input_ids", "attention_mask"]}
    tokenizer.init_kwargs |= own  # those of them are saved, with the values of the attributes
    for name, value in (own | {"model_max_length": processor.max_tokens, "name_or_path": ""}).items():
        setattr(tokenizer, name, value)
    tokenizer.init_kwargs.pop("name_or_path", None)
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _filled(model: Any, encoder: nn.Module) -> Any:
    """A model of transformers with an encoder's weights. A pooler, which the encoder has not, is zero.

    Were it left out of the file, each load would warn that it is random.
    """
    inner = model.base_model
    report = inner.load_state_dict(encoder.state_dict(), strict=False)
    lost = [name for name in (*report.missing_keys, *report.unexpected_keys) if not name.startswith("pooler.")]
    if lost:
        raise ModelError(
            f"{model.config.model_type!r} has no place for {lost[0]} in {type(model).__name__}; use --format onnx"
        )
    for name in report.missing_keys:
        inner.get_parameter(name).zero_()
    return model


def _write_classifier(built: Built, backbone: PooledEncoder, config: Any, folder: Path) -> nn.Module:
    from transformers import AutoModelForSequenceClassification

    classifier = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    _filled(classifier, backbone.encoder)
    between, last = (classifier.get_submodule(name) for name in _HEADS[config.model_type])
    between.weight.copy_(torch.eye(len(between.weight)) * _SMALL)
    between.bias.zero_()
    last.weight.copy_(built.model.head.weight / _SMALL)
    last.bias.copy_(built.model.head.bias)
    classifier.save_pretrained(folder)
    again: nn.Module = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
    return again.eval()


class _Modules(nn.Module):
    """What the folder's three modules do, one after the other."""

    def __init__(self, pooled: PooledEncoder, head: dict[str, Tensor]) -> None:
        super().__init__()
        self.pooled = pooled
        self.weight, self.bias = head["linear.weight"], head["linear.bias"]

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return nn.functional.linear(self.pooled(batch), self.weight, self.bias)


def _write_modules(built: Built, backbone: PooledEncoder, config: Any, folder: Path) -> nn.Module:
    from transformers import AutoModel

    _filled(AutoModel.from_config(config, dtype=torch.float32), backbone.encoder).save_pretrained(folder)
    max_tokens = cast(TextProcessor, built.processor).max_tokens
    kinds = {"": "Transformer", _POOLING.name: "Pooling", _HEAD.name: "Dense"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    width, outputs = built.model.head.in_features, built.model.head.out_features
    pooled = {f"pooling_mode_{name}": False for name in ("max_tokens", "mean_sqrt_len_tokens")} | {
        "pooling_mode_cls_token": backbone.pooling == "cls",
        "pooling_mode_mean_tokens": backbone.pooling == "mean",
    }
    write_json(folder / _POOLING / "config.json", {"word_embedding_dimension": width, **pooled})
    identity = "torch.nn.modules.linear.Identity"
    write_json(
        folder / _HEAD / "config.json",
        {"in_features": width, "out_features": outputs, "bias": True, "activation_function": identity},
    )
    head = {"linear.weight": built.model.head.weight, "linear.bias": built.model.head.bias}
    save_tensors(head, folder / _HEAD / "model.safetensors", {"format": "pt"})
    again = PooledEncoder(AutoModel.from_pretrained(folder, local_files_only=True).eval(), backbone.pooling)
    return _Modules(again, load_tensors(folder / _HEAD / "model.safetensors"))


_CLASSIFIER_NOTE = (
    "The dense layer in front of the output does nothing but scale: the model was trained without one. Load it in "
    "float32 or bfloat16; in float16 that scale would lose digits."
)


_MODULES_NOTE = (
    "The head reads {} with nothing between, as no `AutoModelForSequenceClassification` of this kind of model does "
    "(loaded as one, it would get a random head), so encoder and head are apart; "
    "`SentenceTransformer(folder).encode(texts)` gives the same outputs."
)


def _classifier_snippet(built: Built) -> str:
    return f"""import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForSequenceClassification.from_pretrained(".").eval()
texts = ["the shuttle reached orbit"]
with torch.no_grad():
    logits = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
{answer(built, "model.config.id2label")}
"""


def _modules_snippet(built: Built, backbone: PooledEncoder) -> str:
    if backbone.pooling == "mean":
        pooling = """    mask = batch["attention_mask"].unsqueeze(-1)
    features = (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)
"""
    else:
        pooling = "    features = tokens[:, 0]\n"
    return f"""import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
encoder = AutoModel.from_pretrained(".").eval()
head = load_file("{_HEAD}/model.safetensors")
texts = ["the shuttle reached orbit"]
batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
with torch.no_grad():
    tokens = encoder(**batch).last_hidden_state
{pooling}    logits = features @ head["linear.weight"].T + head["linear.bias"]
{answer(built, "encoder.config.id2label")}
"""
