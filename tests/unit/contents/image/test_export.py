"""A network and its head as one model of another library; all else of exports is tested with their cards."""

import pytest
import torch
from torch import nn

from finetrail.contents.image.export import with_head
from finetrail.errors import ModelError


@pytest.mark.parametrize(
    "whole",
    [
        {"a.weight": (2, 2), "fc.weight": (3, 5), "fc.bias": (3,)},
        {"a.weight": (2, 2), "fc.weight": (3, 4, 1, 1), "fc.bias": (3,)},
        {"a.weight": (2, 2), "fc.weight": (3, 4), "gc.bias": (3,)},
        {"a.weight": (2, 2), "fc.weight": (3, 4), "fc.bias": (3,), "fc.scale": (3,)},
        {"b.weight": (2, 2), "fc.weight": (3, 4), "fc.bias": (3,)},
    ],
)
def test_a_head_that_is_no_linear_layer_of_that_width_is_refused(whole: dict[str, tuple[int, ...]]) -> None:
    tensors = {name: torch.zeros(shape) for name, shape in whole.items()}
    with pytest.raises(ModelError, match=r"^'net' has no single linear head in its own library, .*use --format onnx$"):
        with_head(tensors, {"a.weight": torch.zeros(2, 2)}, nn.Linear(4, 3), "net")
