"""A classifier is a backbone that gives one feature vector an example, and a head on top of it.

Of a regression the head has one output, and all that is said of logits holds for that number.
"""

import torch
from torch import Tensor, nn

Batch = dict[str, Tensor]


class Classifier(nn.Module):
    """Backbone and head.

    A batch holds either the backbone's own inputs or, where the backbone is frozen and its output was computed once,
    `features`: then only the head runs. Training loop, evaluation and saving need not know which of the two it is.

    Args:
        backbone: maps a batch to features (B, D).
        width: D, the size of the feature vector.
        classes: K, the number of classes.
        dropout: probability of dropping a feature in front of the head.
    """

    def __init__(self, backbone: nn.Module, width: int, classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def train(self, mode: bool = True) -> "Classifier":
        """Set training mode, but not in parts that are frozen as a whole.

        What does not learn is not to change either: in training mode the BatchNorms of a frozen part would go on
        averaging, and its dropouts would only add noise.
        """
        super().train(mode)
        if mode:
            _rest_where_frozen(self)
        return self

    def features(self, batch: Batch) -> Tensor:
        """The backbone's output, (B, D)."""
        features: Tensor = batch["features"] if "features" in batch else self.backbone(batch)
        return features

    def rescale(self, scale: float, shift: float) -> None:
        """Fold `output * scale + shift` into the head: what learnt standardised numbers answers in their own unit."""
        with torch.no_grad():
            self.head.weight.mul_(scale)
            self.head.bias.mul_(scale).add_(shift)

    def forward(self, batch: Batch) -> Tensor:
        """Logits, (B, K), in float32."""
        features = self.dropout(self.features(batch))
        # The head is tiny and decides: it stays in full precision under autocast.
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.head(features.float())
        return logits


def _rest_where_frozen(module: nn.Module) -> None:
    parameters = list(module.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        module.eval()
        return
    for child in module.children():
        _rest_where_frozen(child)


def count_parameters(model: nn.Module) -> dict[str, int]:
    """The number of trainable and of all parameters."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return {"trainable": sum(size for size, trains in sizes if trains), "total": sum(size for size, _ in sizes)}
