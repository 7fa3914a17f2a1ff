"""What makes a text fit to train on: section `validation` of params.yaml for texts."""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from finetrail.contents.text.stored import FACTS, in_a_line
from finetrail.data.store.shards import pick
from finetrail.data.validation.findings import Between, NotNull, Rule
from finetrail.data.validation.rules import (
    CommonRules,
    Length,
    Needed,
    RowRule,
    active,
    compare,
    label_rules,
    prepare,
    repetition_rules,
    row_rule,
    schema_rule,
)

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 200  # characters of a text in quarantine.csv


class TextualRules(CommonRules):
    """The entries that section `validation` of params.yaml has for all that is written. The schema is always checked.

    Attributes:
        column: of the contents in the shards.
        noun: what a content is called.
    """

    length: Length = Length()

    column: ClassVar[str] = "text"
    noun: ClassVar[str] = "text"
    content_key: ClassVar[str] = "canonical"

    @abstractmethod
    def own_rules(self) -> tuple[Rule, ...]:
        """The rules about a single content, besides its length."""

    def catalogue(self) -> tuple[Rule, ...]:
        """Every rule, in the order of application."""
        low, high = self.length.min_characters, self.length.max_characters
        length = row_rule(
            self,
            "length",
            [low, high],
            f"Every {self.noun} has {low} to {high} characters",
            f"with fewer than {low} or more than {high} characters",
            Between("length", low, high),
            remedy="change the bounds in validation.length",
        )
        own = (schema_rule(self.manifest), *self.own_rules(), length)
        return (*own, *label_rules(self), *repetition_rules(self, self.noun), *self.rules_of_all())

    def too_long(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        """The rows that `length` puts aside, too short ones among them."""
        low, high = self.length.min_characters, self.length.max_characters
        return active(self.length, (table["length"] < low) | (table["length"] > high))

    def excerpts(self, raw: Path, manifest: "pd.DataFrame", ids: Collection[str]) -> dict[str, str]:
        """The first characters of these contents, on one line, by id."""
        return {name: in_a_line(content, SHOWN) for name, content in pick(raw, self.column, ids).items()}


class TextRules(TextualRules):
    """The entries for texts."""

    missing_text: Needed = Needed()
    empty_text: RowRule = RowRule()

    facts: ClassVar[Mapping[str, str]] = FACTS

    def own_rules(self) -> tuple[Rule, ...]:
        missing = row_rule(self, "missing_text", None, "Every row has a text", "without a text", NotNull("sha256"))
        empty = row_rule(
            self,
            "empty_text",
            None,
            "No text is empty or only white space or invisible characters",
            "whose text is empty or only white space or invisible characters",
            Between("words", low=1),
        )
        return missing, empty

    def derive(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        """The manifest with `length` and the columns of `compare`.

        Returns:
            `length` is the characters of a text that is not empty; of several texts of a row those of one that breaks
            the bounds, if any does.
        """
        table = prepare(manifest, self.manifest)
        empty = active(self.empty_text, table["words"] == 0)
        over = table["longest"] > self.length.max_characters
        length = table["longest"].where(over, table["shortest"])
        table["length"] = length.where(~empty).astype("Int64")
        return compare(table, empty | self.too_long(table), self)
