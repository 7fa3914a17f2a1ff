"""What makes a text fit to train on: section `validation` of params.yaml for texts."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from finetrail.contents.text.stored import FACTS, in_a_line
from finetrail.data.store.shards import pick
from finetrail.data.validation.findings import Between, NotNull, Rule
from finetrail.data.validation.rules import (
    CommonRules,
    Needed,
    RowPolicy,
    RowRule,
    active,
    compare,
    label_rules,
    prepare,
    repetition_rules,
    row_rule,
    schema_rule,
)
from finetrail.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 200  # characters of a text in quarantine.csv


class Length(Settings):
    """A text with fewer or more characters than allowed."""

    policy: RowPolicy = "quarantine"
    min_characters: int = Field(default=1, ge=0)
    max_characters: int = Field(default=100_000, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Length":
        if self.min_characters > self.max_characters:
            raise ValueError(
                f"min_characters {self.min_characters} is above max_characters {self.max_characters}; swap them"
            )
        return self


class TextRules(CommonRules):
    """The entries that section `validation` of params.yaml has for texts. The schema is always checked."""

    missing_text: Needed = Needed()
    empty_text: RowRule = RowRule()
    length: Length = Length()

    facts: ClassVar[Mapping[str, str]] = FACTS
    content_key: ClassVar[str] = "canonical"

    def catalogue(self) -> tuple[Rule, ...]:
        """Every rule, in the order of application."""
        low, high = self.length.min_characters, self.length.max_characters
        missing = row_rule(self, "missing_text", None, "Every row has a text", "without a text", NotNull("sha256"))
        empty = row_rule(
            self,
            "empty_text",
            None,
            "No text is empty or only white space or invisible characters",
            "whose text is empty or only white space or invisible characters",
            Between("words", low=1),
        )
        length = row_rule(
            self,
            "length",
            [low, high],
            f"Every text has {low} to {high} characters",
            f"with fewer than {low} or more than {high} characters",
            Between("length", low, high),
            remedy="change the bounds in validation.length",
        )
        own = (schema_rule(self.manifest), missing, empty, length)
        return (*own, *label_rules(self), *repetition_rules(self, "text"), *self.rules_of_all())

    def derive(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        """The manifest with `length` and the columns of `compare`.

        Returns:
            `length` is the characters of a text that is not empty; of several texts of a row those of one that breaks
            the bounds, if any does.
        """
        table = prepare(manifest, self.manifest)
        empty = active(self.empty_text, table["words"] == 0)
        low, high = self.length.min_characters, self.length.max_characters
        length = table["longest"].where(table["longest"] > high, table["shortest"])
        table["length"] = length.where(~empty).astype("Int64")
        bad = (table["length"] < low) | (table["length"] > high)
        return compare(table, empty | active(self.length, bad), self)

    def excerpts(self, raw: Path, manifest: "pd.DataFrame", ids: Collection[str]) -> dict[str, str]:
        """The first characters of these texts, on one line, by id."""
        return {name: in_a_line(content, SHOWN) for name, content in pick(raw, "text", ids).items()}
