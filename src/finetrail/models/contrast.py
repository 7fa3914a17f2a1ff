"""Features that examples of one class share: a contrastive loss, and a head that learns beside it."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Probe(nn.Module):
    """A linear head that learns from the features and does not change them.

    In training it returns them beside its outputs, for a loss of their own; else it answers as the head does.
    """

    def __init__(self, head: nn.Linear) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        """Maps features (B, D) to outputs (B, K), in training (B, K + D)."""
        if not self.training:
            outputs: Tensor = self.head(features)
            return outputs
        return torch.cat([self.head(features.detach()), features], dim=1)

    def apart(self, found: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (B, K) and features (B, D) of what it returns in training."""
        classes = self.head.out_features
        return found[:, :classes], found[:, classes:]


def supervised_contrast(features: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """How much nearer than others, by cosine, the examples of the same class should be (Khosla et al. 2020).

    The mean over the examples that have another one of their class in the batch; 0 where none has.

    Args:
        features: (B, D).
        targets: class numbers (B,).
        temperature: the lower, the more the nearest of the others matter.
    """
    near = functional.normalize(features, dim=1)
    itself = torch.eye(len(near), dtype=torch.bool, device=near.device)
    logs = (near @ near.T / temperature).masked_fill(itself, float("-inf")).log_softmax(1)  # (B, B)
    same = (targets[:, None] == targets) & ~itself
    counts = same.sum(1)
    if not counts.any():
        return features.sum() * 0
    # Not times 0 where they differ: the diagonal is infinite.
    means = torch.where(same, logs, 0).sum(1)[counts > 0] / counts[counts > 0]
    return -means.mean()
