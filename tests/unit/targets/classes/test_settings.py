"""What params.yaml may say about learning classes."""

from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.targets.classes.settings import ClassTraining


@pytest.mark.parametrize(("key", "value"), [("label_smoothing", 1.0), ("class_weights", "yes")])
def test_values_that_mean_nothing_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        ClassTraining(**{key: value})
