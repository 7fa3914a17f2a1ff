"""Section `assess.explanations` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from pydantic import Field

from finetrail.settings import Settings


class Explanations(Settings):
    """Section `assess.explanations`.

    Attributes:
        max_rows: mistakes to explain, the worst first.
        steps: points between the baseline and the row at which gradients are taken.
    """

    max_rows: int = Field(default=24, ge=1, le=50)
    steps: int = Field(default=32, ge=8, le=1000)
