"""An export is held against the model that it was made of."""

import pytest
import torch

from finetrail.contents.exported import check
from finetrail.errors import ModelError


def test_answers_that_differ_are_refused() -> None:
    ours = torch.tensor([[1.0, 2.0]])
    check(ours, ours + 1e-5, "hf")
    with pytest.raises(ModelError, match=r"the export to hf would answer otherwise than the model, by 0.005, more"):
        check(ours, ours + 0.01, "hf")
    with pytest.raises(ModelError, match=r"by nan, more than 0.0001; nothing was written: take another --format$"):
        check(ours, ours * float("nan"), "hf")
