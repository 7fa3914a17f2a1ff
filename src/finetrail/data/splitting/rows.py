"""What is divided, and how: the rows of a split before they have one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from finetrail.settings import Settings

Draw = Callable[[Sequence[int]], float]
"""A number in [0, 1) for a unit of rows, which neither their order nor that of the units can change."""
Divide = Callable[[Sequence[Sequence[int]], Sequence[tuple[str, ...]], Mapping[str, float], Draw], list[str]]
"""The share that each unit goes to, "" for the rest: of the units, the strata of all rows, and the shares by name."""


class Division(Settings):
    """What section `split:` of params.yaml says for every kind of content: how the rows are divided."""

    method: Literal["official", "stratified", "group", "hash"] = "stratified"
    val: float = Field(default=0.1, gt=0, lt=1, description="share of all rows; for official: of the train rows")
    test: float = Field(default=0.2, gt=0, lt=1, description="share of all rows; not used by official")
    seed: int = 0

    @model_validator(mode="after")
    def _room_for_train(self) -> "Division":
        if self.method != "official" and self.val + self.test >= 1:
            raise ValueError(f"val + test = {self.val + self.test:g} leaves nothing for train: make them less than 1")
        return self


@dataclass(frozen=True)
class Rows:
    """The rows to divide, column by column.

    Attributes:
        keys: what equal contents have in common: the normalised text, or the hash of the file.
        labels: what is kept in proportion: the strata that each row belongs to; see `Strata`.
        official: the source's own split.
        divide: how units are divided by label, where not each belongs to the commonest of its strata.
    """

    ids: Sequence[str]
    keys: Sequence[str]
    labels: Sequence[tuple[str, ...]]
    official: Sequence[str | None]
    groups: Sequence[str | None]
    divide: Divide | None = None
