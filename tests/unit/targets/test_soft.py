"""The distance from a teacher: that of torch's distributions, 0 at the teacher's own outputs, and always finite."""

import pytest
import torch
from torch.distributions import Bernoulli, Categorical, kl_divergence

from finetrail.targets.soft import of_one_class, of_several

OUTPUTS, TEACHER = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0)) * 2


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_it_is_the_divergence_of_the_softened_answers(temperature: float) -> None:
    one, other = (Categorical(logits=logits / temperature) for logits in (TEACHER, OUTPUTS))
    expected = kl_divergence(one, other) * temperature**2
    torch.testing.assert_close(of_one_class(temperature)(OUTPUTS, TEACHER), expected)
    yes, no = (Bernoulli(logits=logits / temperature) for logits in (TEACHER, OUTPUTS))
    expected = kl_divergence(yes, no).mean(1) * temperature**2
    torch.testing.assert_close(of_several(temperature)(OUTPUTS, TEACHER), expected)


@pytest.mark.parametrize("each", [of_one_class(2.0), of_several(2.0)])
def test_a_sure_teacher_gives_no_nan(each: object) -> None:
    sure = torch.tensor([[500.0, -500.0, 0.0]])
    outputs = (-sure).requires_grad_()
    loss = each(outputs, sure)  # type: ignore[operator]
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()
    assert float(each(sure, sure)) == 0.0  # type: ignore[operator]
