"""Direct preference optimization."""

from torch import Tensor
from torch.nn import functional

from finetrail.models.network import Batch
from finetrail.targets.learning import START, Loss


def margins(outputs: Tensor, start: Tensor) -> Tensor:
    """By how much more a model prefers each chosen answer to the rejected one than before its first step (B,).

    Args:
        outputs, start: log-probabilities of the chosen and of the rejected answers (B, 2), in nats.
    """
    gained = outputs - start
    return gained[:, 0] - gained[:, 1]


def dpo_loss(beta: float, smoothing: float) -> Loss:
    """The loss of Rafailov et al., Direct Preference Optimization (2023), equation 7.

    Args:
        beta: of the rewards.
        smoothing: the share of pairs that are taken to be the wrong way round (Mitchell, A note on DPO with noisy
            preferences, 2023); 0: none.
    """

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        logits = beta * margins(outputs.float(), batch[START])
        right, wrong = functional.logsigmoid(logits), functional.logsigmoid(-logits)
        return -((1 - smoothing) * right + smoothing * wrong).mean()

    return loss
