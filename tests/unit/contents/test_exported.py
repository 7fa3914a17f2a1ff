"""An export is held against the model that it was made of."""

import pytest
import torch

from finetrail.contents.exported import check
from finetrail.errors import ModelError


def test_answers_that_differ_are_refused() -> None:
    ours = torch.tensor([[1.0, 2.0]])
    check(ours, ours + 1e-5, "hf")
    with pytest.raises(ModelError, match=r"the hf export differs from the model by 0.005, where"):
        check(ours, ours + 0.01, "hf")
    with pytest.raises(
        ModelError, match=r"by nan, where 0.0001 is allowed; nothing was written: use another --format, or serve .*$"
    ):
        check(ours, ours * float("nan"), "hf")
