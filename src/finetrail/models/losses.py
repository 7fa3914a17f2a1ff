"""Losses: what training makes small."""

from collections.abc import Callable

from torch import Tensor, nn

from finetrail.models.classifier import Batch

Loss = Callable[[Tensor, Tensor, Batch], Tensor]
"""Maps logits (B, K), class numbers (B,) and the batch that they come from to the mean loss of the batch."""


def cross_entropy(label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> Loss:
    """Cross-entropy; where a batch was mixed (MixUp, CutMix) each example counts for both of its classes.

    Args:
        label_smoothing: the share of the target that is spread over all classes (Szegedy et al. 2016).
        class_weights: (K,), or None where every class counts the same.
    """
    compute = nn.CrossEntropyLoss(weight=class_weights, label_smoothing=label_smoothing)

    def loss(logits: Tensor, targets: Tensor, batch: Batch) -> Tensor:
        mean: Tensor = compute(logits, targets)
        return mean

    return loss
