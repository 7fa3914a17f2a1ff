"""The answers of many units as one table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from finetrail.units.unit import Unit


def table_of(answers: "Mapping[Unit, pd.DataFrame]") -> pd.DataFrame:
    """The columns `seed` and `fraction`, then those of predictions.parquet; of no units at least id and label."""
    nothing = {"seed": pd.Series(dtype="int64"), "fraction": pd.Series(dtype="float64")}
    empty = pd.DataFrame(nothing | {name: pd.Series(dtype="str") for name in ("id", "label")})
    parts = []
    for unit, frame in answers.items():
        part = frame.copy()
        part.insert(0, "seed", unit.seed)
        part.insert(1, "fraction", unit.fraction)
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else empty
