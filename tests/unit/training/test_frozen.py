"""What a training computes once, by what is frozen."""

from pathlib import Path
from typing import Any

import pytest
import torch

from finetrail.adaptation.full import Full
from finetrail.adaptation.last_layers import LastLayers
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.methods import Adaptation
from finetrail.inference.features import Features, compute_features
from finetrail.models.inputs import Inputs
from finetrail.targets.per_row import RowTargets
from finetrail.training.block_outputs import BlockOutputs
from finetrail.training.drawn import Drawn
from finetrail.training.frozen import Remembered, computed_once
from finetrail.training.settings import Training
from tests.unit.models.networks import BUILD, Images, answers, images

PROBE, LAST = LinearProbe(method="linear_probe"), LastLayers(method="last_layers", layers=1)


class Varying(Images):
    @property
    def varies(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("adaptation", "settings", "expected"),
    [
        (PROBE, {}, Features),
        (PROBE, {"compile": True}, Features),
        (LAST, {}, BlockOutputs),
        # What is wrapped cannot be left out block by block.
        (LAST, {"compile": True}, Images),
        (LAST, {"fsdp": True, "processes": 2}, Images),
        (Full(method="full"), {}, Images),
    ],
)
def test_what_is_frozen_from_the_input_on_is_computed_once(
    adaptation: Adaptation, settings: dict[str, Any], expected: type[Any], tmp_path: Path
) -> None:
    model = BUILD["convolutions"]()
    adaptation.apply(model)
    inputs: dict[str, Inputs] = {
        name: images(count).labelled(RowTargets(torch.arange(count))) for name, count in (("train", 6), ("val", 3))
    }
    before = answers(model, inputs["val"])
    with computed_once(model, inputs, Training(**settings), "fp32", scratch=tmp_path) as fed:
        assert {name: type(one) for name, one in fed.items()} == dict.fromkeys(inputs, expected)
        assert {name: len(one) for name, one in fed.items()} == {"train": 6, "val": 3}
        assert fed["train"].batch([4, 1])["targets"].tolist() == [4, 1]
        assert abs(answers(model, fed["val"]) - before).max() < 1e-5
    assert (answers(model, inputs["val"]) == before).all()


@pytest.mark.parametrize("adaptation", [PROBE, LAST])
def test_nothing_is_computed_once_where_the_training_images_vary(adaptation: Adaptation, tmp_path: Path) -> None:
    model = BUILD["convolutions"]()
    adaptation.apply(model)
    inputs: dict[str, Inputs] = {"train": Varying(images(6).pixels), "val": images(3)}
    with computed_once(model, inputs, Training(), "fp32", scratch=tmp_path) as fed:
        assert all(fed[name] is inputs[name] for name in inputs)


def test_features_are_remembered_as_long_as_the_backbone_is_the_same() -> None:
    """Of drawn examples, those of all are computed: the next draw finds them."""
    model, inputs = BUILD["convolutions"](), images(9)
    remembered, computed = Remembered(), []

    def compute(part: Inputs) -> Inputs:
        computed.append(len(part))
        return compute_features(model, part, 4)

    wanted: list[Inputs] = [Drawn(inputs, [1, 4, 7]), Drawn(inputs, [0, 8]), inputs]
    found = [remembered.features(model, "fp32", one, compute) for one in wanted]
    assert computed == [9]
    assert torch.equal(found[0].batch([0, 1, 2])["features"], found[2].batch([1, 4, 7])["features"])
    remembered.features(model, "bf16", inputs, compute)
    with torch.no_grad():
        next(model.backbone.parameters()).add_(1)
    remembered.features(model, "bf16", inputs, compute)
    assert computed == [9, 9, 9]
