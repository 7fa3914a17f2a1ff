"""Export a text model to a Hugging Face folder: a sequence classifier if it can answer the same, else three modules.

A transformers classifier has layers of its own between encoder and output. After the first token these are a linear
layer and tanh, which can be neutralised: scaled by 2^-12, tanh is the identity to the last bits of float32. None takes
a mean over tokens, so a model that does becomes the three modules of sentence-transformers. The encoder has a folder of
its own there: beside config.json, transformers would load a classifier with a random head and only warn.
"""

import copy
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from finetrail.contents.exported import Asking, Exported, Graph, Outputs, check, describe
from finetrail.contents.text.encoder import PooledEncoder
from finetrail.contents.text.export_snippets import classifier_snippet, modules_snippet, onnx_snippet
from finetrail.contents.text.processor import TextProcessor
from finetrail.contents.text.soft_prompts import PrefixEncoder, PromptEncoder
from finetrail.errors import ModelError
from finetrail.models.network import Network
from finetrail.models.weights import load_tensors, save_tensors
from finetrail.workspace import write_json

_SMALL = 2.0**-12
# The layers before and after tanh in the sequence classifiers of these kinds of model.
_ROBERTA = ("classifier.dense", "classifier.out_proj")
_HEADS = {
    "bert": ("bert.pooler.dense", "classifier"),
    "camembert": _ROBERTA,
    "mpnet": _ROBERTA,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}
_ENCODER = Path("0_Transformer")
_POOLING = Path("1_Pooling")
_HEAD = Path("2_Dense")
_PROBES = ["a", "the quick brown fox jumps over the lazy dog", "one two three " * 40]


def plain_encoder(network: Network) -> Any:
    """The encoder of a text model. Raises: ModelError: trained vectors stand in front of its texts."""
    backbone: Any = network.backbone
    if isinstance(backbone.encoder, PromptEncoder | PrefixEncoder):
        raise ModelError(
            f"this model was adapted by {backbone.encoder.method}, whose vectors have no place in a plain encoder; "
            "use it as it is registered, or export one adapted by another method, such as lora"
        )
    return backbone


def export_texts(network: Network, processor: TextProcessor, folder: Path, outputs: Outputs) -> Exported:
    """Write configuration, safetensors and tokenizer, and read them back to compare.

    Raises:
        ModelError: see `plain_encoder`, and `check`.
    """
    backbone = plain_encoder(network)
    config = copy.deepcopy(cast(Any, backbone.encoder).config)
    describe(config, outputs)
    contents = probes(processor, _PROBES)
    asked = [processor.written(content) for content in contents]
    with torch.no_grad():
        ours = network(processor.encode(contents).batch(range(len(contents))))
        classifies = backbone.pooling == "cls" and config.model_type in _HEADS
        tokenizer = write_tokenizer(processor, folder if classifies else folder / _ENCODER)
        batch = tokenizer(asked, padding=True, truncation=True, return_tensors="pt")
        if classifies:
            theirs = _write_classifier(network, backbone, config, folder)(**batch).logits
            library, packages = "transformers", ["transformers", "torch"]
            snippet = classifier_snippet(processor, outputs)
            note = _CLASSIFIER_NOTE
        else:
            theirs = _write_modules(network, processor, backbone, config, folder)(batch)
            library, packages = "sentence-transformers", ["transformers", "torch", "safetensors"]
            snippet = modules_snippet(processor, outputs, backbone.pooling, _ENCODER.name, _HEAD.name)
            note = _MODULES_NOTE.format(_READS[backbone.pooling])
    check(ours, theirs, "hf")
    return Exported(library, tuple(packages), snippet, reads(processor), asking(processor), note, classifies)


def graph_of_texts(network: Network, processor: TextProcessor, folder: Path, outputs: Outputs) -> Graph:
    """The model as a function of token ids, for ONNX; writes the tokenizer.

    Raises:
        ModelError: see `plain_encoder`.
    """
    batches = (["one two three", "four"], ["five", "six seven eight nine ten " * 9, "eleven"], ["twelve"])
    asked = [probes(processor, batch) for batch in batches]
    tensors = [dict(processor.encode(batch).batch(range(len(batch)))) for batch in asked]
    write_tokenizer(processor, folder)
    snippet = onnx_snippet(processor, outputs, list(tensors[0]))
    said = Exported("onnx", ("onnxruntime", "transformers"), snippet, reads(processor), asking(processor))
    module = _Plain(plain_encoder(network), network.head, list(tensors[0]))
    return Graph(module, tensors, {0: "batch", 1: "tokens"}, said)


class _Plain(nn.Module):
    """A model that takes the tensors of a batch one by one. Args: names: of the tensors, in order."""

    def __init__(self, encoder: PooledEncoder, head: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.encoder, self.head, self.names = encoder, head, names

    def forward(self, first: Tensor, second: Tensor, third: Tensor | None = None) -> Tensor:
        tensors = (first, second) if third is None else (first, second, third)
        logits: Tensor = self.head(self.encoder(dict(zip(self.names, tensors, strict=True))))
        return logits


def reads(processor: TextProcessor) -> str:
    """Say in a sentence how much of a text the model reads."""
    several = len(processor.columns) > 1
    what = f"{' and '.join(f'`{name}`' for name in processor.columns)} together" if several else "a text"
    return f"It reads the first {processor.max_tokens} tokens of {what}."


def asking(processor: TextProcessor) -> Asking:
    """Rows are written as in training; the tokenizer of the folder cuts them."""
    return Asking(lambda contents, folder: [processor.written(content) for content in contents])


def probes(processor: TextProcessor, texts: list[str]) -> list[Any]:
    """Contents as the processor takes them. Args: texts: in the first column; the other columns get them rotated."""
    if len(processor.columns) == 1:
        return list(texts)
    turned = [texts[place:] + texts[:place] for place in range(len(processor.columns))]
    return [dict(zip(processor.columns, row, strict=True)) for row in zip(*turned, strict=False)]


def write_tokenizer(processor: TextProcessor, folder: Path) -> Any:
    """Write the tokenizer so that it cuts and pads by default as in training. Returns: it, read back."""
    from transformers import AutoTokenizer

    tokenizer = copy.deepcopy(processor.tokenizer)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(0)  # any will do: it is masked
    kinds = ["token_type_ids"] if processor.has_segments else []
    own = {"padding_side": "right", "model_input_names": ["input_ids", *kinds, "attention_mask"]}
    tokenizer.init_kwargs |= own  # saving writes its keys, with the values of the attributes
    for name, value in (own | {"model_max_length": processor.max_tokens, "name_or_path": ""}).items():
        setattr(tokenizer, name, value)
    tokenizer.init_kwargs.pop("name_or_path", None)
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def filled(model: Any, encoder: nn.Module) -> Any:
    """Load an encoder's weights into a transformers model; a pooler that the encoder lacks becomes zero.

    Without it in the file, each load would warn that it is random.
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


def _write_classifier(network: Network, backbone: PooledEncoder, config: Any, folder: Path) -> nn.Module:
    from transformers import AutoModelForSequenceClassification

    head = cast(nn.Linear, network.head)
    classifier = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32, trust_remote_code=False)
    filled(classifier, backbone.encoder)
    between, last = (classifier.get_submodule(name) for name in _HEADS[config.model_type])
    between.weight.copy_(torch.eye(len(between.weight)) * _SMALL)
    between.bias.zero_()
    last.weight.copy_(head.weight / _SMALL)
    last.bias.copy_(head.bias)
    classifier.save_pretrained(folder)
    again: nn.Module = AutoModelForSequenceClassification.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    return again.eval()


class _Modules(nn.Module):
    """Does what the folder's three modules do, in order."""

    def __init__(self, pooled: PooledEncoder, head: dict[str, Tensor]) -> None:
        super().__init__()
        self.pooled = pooled
        self.weight, self.bias = head["linear.weight"], head["linear.bias"]

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return nn.functional.linear(self.pooled(batch), self.weight, self.bias)


def _write_modules(
    network: Network, processor: TextProcessor, backbone: PooledEncoder, config: Any, folder: Path
) -> nn.Module:
    from transformers import AutoModel

    head = cast(nn.Linear, network.head)
    filled(
        AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False), backbone.encoder
    ).save_pretrained(folder / _ENCODER)
    kinds = {_ENCODER.name: "Transformer", _POOLING.name: "Pooling", _HEAD.name: "Dense"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    write_json(folder / "modules.json", modules)
    write_json(
        folder / _ENCODER / "sentence_bert_config.json",
        {"max_seq_length": processor.max_tokens, "do_lower_case": False},
    )
    width, outputs = head.in_features, head.out_features
    pooled = {f"pooling_mode_{name}": False for name in ("max_tokens", "mean_sqrt_len_tokens")} | {
        "pooling_mode_cls_token": backbone.pooling == "cls",
        "pooling_mode_mean_tokens": backbone.pooling == "mean",
        "pooling_mode_lasttoken": backbone.pooling == "last",
    }
    write_json(folder / _POOLING / "config.json", {"word_embedding_dimension": width, **pooled})
    identity = "torch.nn.modules.linear.Identity"
    write_json(
        folder / _HEAD / "config.json",
        {"in_features": width, "out_features": outputs, "bias": True, "activation_function": identity},
    )
    tensors = {"linear.weight": head.weight, "linear.bias": head.bias}
    save_tensors(tensors, folder / _HEAD / "model.safetensors", {"format": "pt"})
    again = PooledEncoder(
        AutoModel.from_pretrained(folder / _ENCODER, local_files_only=True, trust_remote_code=False).eval(),
        backbone.pooling,
    )
    return _Modules(again, load_tensors(folder / _HEAD / "model.safetensors"))


_CLASSIFIER_NOTE = (
    "The dense layer before the output only scales: the model was trained without one. Load it in float32 or "
    "bfloat16; in float16 that scale would lose digits."
)


_READS = {
    "mean": "the mean over the tokens directly",
    "cls": "the first token directly",
    "last": "the last token and adds a bias",
}
_MODULES_NOTE = (
    "The head reads {}, which no `AutoModelForSequenceClassification` of this kind of model does, so encoder and head "
    "are separate, and no pipeline finds a model; `SentenceTransformer(folder).encode(texts)` gives the same outputs."
)
