"""Served answers in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from finetrail.evaluation.scores.metric import amount


def spoken(columns: Mapping[str, Sequence[Any]], place: int) -> str:
    """A served answer in a line. Args: columns: as `Codec.say` gives them."""
    return ", ".join(f"{name} {_value(column[place])}" for name, column in columns.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(" + ", ".join(_value(one) for one in value.values()) + ")"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return amount(float(value))
    if isinstance(value, str | int | np.integer):
        return str(value)
    return "; ".join(_value(one) for one in value) or "none"
