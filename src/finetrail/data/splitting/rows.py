"""The rows before they have a split, and the settings that divide them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from finetrail.settings import Settings

Draw = Callable[[Sequence[int]], float]
"""A number in [0, 1) for a unit of rows, independent of the order of rows and units."""
Divide = Callable[[Sequence[Sequence[int]], Sequence[tuple[str, ...]], Mapping[str, float], Draw], list[str]]
"""The share that each unit goes to, "" for the rest: from the units, the strata of all rows, and the shares by name."""


class Division(Settings):
    """The part of section `split:` of params.yaml that all kinds of content share: how to divide the rows."""

    method: Literal["official", "stratified", "group", "hash"] = "stratified"
    val: float = Field(default=0.1, gt=0, lt=1, description="share of all rows; for official: of the train rows")
    test: float = Field(default=0.2, ge=0, lt=1, description="share of all rows; for official: 0 if there is no test")
    seed: int = 0

    @model_validator(mode="after")
    def _room_for_train(self) -> "Division":
        if self.method != "official" and not self.test:
            raise ValueError("test = 0 leaves nothing to test on: give it a share, or use method official")
        if self.method != "official" and self.val + self.test >= 1:
            raise ValueError(f"val + test = {self.val + self.test:g} leaves nothing for train: make them less than 1")
        return self

    @property
    def untested(self) -> bool:
        """Whether there is to be no test split: such a model can be used, but neither tested nor registered."""
        return self.method == "official" and not self.test


@dataclass(frozen=True)
class Rows:
    """The rows to divide, column by column.

    Attributes:
        keys: what equal contents share: the normalised text, or the hash of the file.
        labels: what to keep in proportion: the strata that each row belongs to; see `Strata`.
        official: the source's own split.
        divide: how to divide units by label; None if a unit belongs to its most common stratum.
    """

    ids: Sequence[str]
    keys: Sequence[str]
    labels: Sequence[tuple[str, ...]]
    official: Sequence[str | None]
    groups: Sequence[str | None]
    divide: Divide | None = None
