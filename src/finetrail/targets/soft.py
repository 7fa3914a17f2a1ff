"""How far a model's outputs are from those of a teacher (Hinton et al. 2015), for each example of a batch."""

from functools import partial

from torch import Tensor
from torch.nn import functional

from finetrail.targets.per_row import Each


def of_one_class(temperature: float) -> Each:
    """For logits (B, K) of classes of which a row has one: T^2 times the KL divergence of their softmax at T."""
    return partial(_divergence, temperature)


def of_several(temperature: float) -> Each:
    """For logits (B, K) of classes of which a row has any number: T^2 times the mean KL divergence of the sigmoids."""
    return partial(_mean_divergence, temperature)


def _divergence(temperature: float, outputs: Tensor, teacher: Tensor) -> Tensor:
    logs, wanted = (functional.log_softmax(logits / temperature, 1) for logits in (outputs, teacher))
    return temperature**2 * functional.kl_div(logs, wanted, reduction="none", log_target=True).sum(1)


def _mean_divergence(temperature: float, outputs: Tensor, teacher: Tensor) -> Tensor:
    yes, no = (_of_answers(*(sign * logits / temperature for logits in (outputs, teacher))) for sign in (1, -1))
    return temperature**2 * (yes + no).mean(1)


def _of_answers(outputs: Tensor, teacher: Tensor) -> Tensor:
    """The part of the divergence (B, K) that is due to one of two answers."""
    logs, wanted = functional.logsigmoid(outputs), functional.logsigmoid(teacher)
    return functional.kl_div(logs, wanted, reduction="none", log_target=True)
