"""A head on a backbone, and the two kinds of batches that it takes."""

import pytest
import torch
from torch import nn

from finetrail.models.classifier import Classifier, count_parameters


class Doubler(nn.Module):
    """A backbone that doubles the batch's `x` (B, D)."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return batch["x"] * self.scale


def test_logits_are_the_heads_answer_to_the_backbones_features() -> None:
    model = Classifier(Doubler(), width=3, classes=2).eval()
    x = torch.randn(4, 3)
    expected = (2 * x) @ model.head.weight.T + model.head.bias
    torch.testing.assert_close(model({"x": x}), expected)


def test_features_that_were_computed_before_go_straight_to_the_head() -> None:
    model = Classifier(Doubler(), width=3, classes=2).eval()
    x = torch.randn(4, 3)
    features = model.features({"x": x})
    assert torch.equal(model({"features": features}), model({"x": x}))
    assert torch.equal(model.features({"features": x}), x)


def test_logits_are_in_full_precision_under_autocast() -> None:
    model = Classifier(nn.Linear(3, 3), width=3, classes=2)
    features = torch.randn(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model({"features": features.bfloat16()})
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, model.head(features.bfloat16().float()))


def test_dropout_is_in_front_of_the_head_and_only_while_training() -> None:
    model = Classifier(Doubler(), width=64, classes=2, dropout=0.5)
    features = {"features": torch.ones(1, 64)}
    assert not torch.equal(model.train()(features), model(features))
    assert torch.equal(model.eval()(features), model(features))


@pytest.mark.parametrize(("frozen", "trainable"), [(False, 1 + 3 * 2 + 2), (True, 3 * 2 + 2)])
def test_parameters_are_counted(frozen: bool, trainable: int) -> None:
    model = Classifier(Doubler(), width=3, classes=2)
    model.backbone.requires_grad_(not frozen)
    assert count_parameters(model) == {"trainable": trainable, "total": 9}
