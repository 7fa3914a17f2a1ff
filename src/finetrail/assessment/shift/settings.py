"""Section `assess.shift` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from pydantic import Field

from finetrail.settings import Settings


class Shift(Settings):
    """Section `assess.shift`.

    Attributes:
        rows: a name in section `unlabelled`.
        max_rows: the most rows that are compared, of either side.
        permutations: how often the sides of rows are drawn, to find how large a difference chance makes.
        max_shown: the rows that the report shows, and the classes.
    """

    rows: str
    max_rows: int = Field(default=1000, ge=20)
    permutations: int = Field(default=500, ge=99)
    max_shown: int = Field(default=10, ge=1, le=100)
