"""What exports of models with a linear layer on each token share."""

import copy
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from finetrail.contents.exported import Outputs, describe
from finetrail.contents.text.encoder import token_vectors
from finetrail.contents.text.export import filled, plain_encoder
from finetrail.errors import ModelError
from finetrail.models.network import Network


def write_linear(auto: Any, network: Network, folder: Path, outputs: Outputs, *, last: str, what: str) -> Any:
    """Write a model of transformers that has the network's encoder and head. Returns: it, read back.

    Args:
        auto: its class, such as AutoModelForTokenClassification.
        last: the name of its layer on each token.
        what: it is called in a message.

    Raises:
        ModelError: there is none with a linear layer for this kind of encoder; see also `plain_encoder`.
    """
    backbone, head = plain_encoder(network), cast(nn.Linear, network.head)
    config = copy.deepcopy(backbone.encoder.config)
    describe(config, outputs)
    config.problem_type = None  # such models have none
    try:
        model: Any = auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except ValueError as error:
        raise ModelError(f"transformers has no {what} for {config.model_type!r}; use --format onnx") from error
    layer = getattr(model, last, None)
    if not isinstance(layer, nn.Linear) or layer.weight.shape != head.weight.shape:
        raise ModelError(f"the {what} for {config.model_type!r} has no linear head; use --format onnx")
    with torch.no_grad():
        filled(model, backbone.encoder)
        layer.weight.copy_(head.weight)
        layer.bias.copy_(head.bias)
    model.save_pretrained(folder)
    return auto.from_pretrained(folder, local_files_only=True, trust_remote_code=False).eval()


class TokenOutputs(nn.Module):
    """A model as a function of the tensors of a batch to the outputs of every token (B, T, K).

    Args:
        names: of the tensors, in order.
    """

    def __init__(self, network: Network, names: tuple[str, ...]) -> None:
        super().__init__()
        self.encoder, self.head, self.names = plain_encoder(network).encoder, network.head, names

    def forward(self, first: Tensor, second: Tensor, third: Tensor | None = None) -> Tensor:
        tensors = (first, second) if third is None else (first, second, third)
        return self.of(dict(zip(self.names, tensors, strict=True)))

    def of(self, batch: dict[str, Tensor]) -> Tensor:
        """The same of tensors by name."""
        outputs: Tensor = self.head(token_vectors(self.encoder, batch))
        return outputs
