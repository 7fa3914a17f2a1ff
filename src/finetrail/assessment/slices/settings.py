"""Section `assess.slices` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from pydantic import Field

from finetrail.settings import Settings


class Slices(Settings):
    """Section `assess.slices`.

    Attributes:
        max_conditions: the most conditions of a slice.
        clusters: how many groups of similar rows are looked at; 0 for none.
        min_rows: a slice has at least so many rows in each half of the validation split.
        max_tested: the most slices that are tested.
        false_discoveries: the share of the slices found that may be none.
    """

    max_conditions: int = Field(default=2, ge=1, le=4)
    clusters: int = Field(default=10, ge=0, le=100)
    min_rows: int = Field(default=20, ge=5)
    max_tested: int = Field(default=10, ge=1, le=100)
    false_discoveries: float = Field(default=0.05, gt=0, lt=1)
