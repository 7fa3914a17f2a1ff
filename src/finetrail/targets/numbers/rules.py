"""The rules about labels that are numbers."""

from typing import TYPE_CHECKING, ClassVar

from finetrail.data.validation.findings import Between, Null, Rule
from finetrail.data.validation.rules import CommonRules, Needed, row_rule
from finetrail.targets.label_rules import Bounds, labels_left_rule
from finetrail.targets.numbers.reading import to_number

if TYPE_CHECKING:
    import pandas as pd


class NumberRules(CommonRules):
    """The entries that section `validation` of params.yaml has where labels are numbers.

    Two labels are the same if their numbers are: 3 and 3.0 do not conflict.
    """

    numeric_label: Needed = Needed()
    label_range: Bounds = Bounds()

    label_key: ClassVar[str] = "number"

    def own_label_rules(self) -> tuple[Rule, ...]:
        bounds = self.label_range
        said = bounds.words or "of any size"
        return (
            row_rule(
                self,
                "numeric_label",
                None,
                "Every label is a finite number",
                "whose label is not a finite number",
                Null("label_of_words"),
                remedy="write numbers like 1234.5 or 1.2e3, with a decimal point and no thousands separators",
            ),
            row_rule(
                self,
                "label_range",
                [bounds.min, bounds.max] if bounds.words else None,
                f"Every label is a number {said}",
                f"whose label is not a number {said}",
                *([Between("number", bounds.min, bounds.max)] if bounds.words else []),
                remedy="correct the label, or change the bounds in validation.label_range",
            ),
        )

    def rules_of_all(self) -> tuple[Rule, ...]:
        different = labels_left_rule(
            2,
            "At least two different numbers are left to tell apart",
            "fewer than two different numbers are left",
            "a regression needs labels that differ; add some rows",
        )
        return (different,)

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        """Add `number`, and `label_of_words`: the label where it is not a number."""
        import pandas as pd

        numbers = [to_number(label) for label in table["label"]]
        table["number"] = pd.Series(numbers, index=table.index, dtype="float64")
        table["label_of_words"] = table["label"].where(table["number"].isna())
        return table["label_of_words"].notna() | self.label_range.broken(table["number"])

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        """Add `label_used`."""
        table["label_used"] = used["number"]

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        """Rows, least, mean and largest number."""
        numbers = [value for value in map(to_number, labels) if value is not None]
        if not numbers:
            return {"rows": 0}
        return {"rows": len(numbers), "min": min(numbers), "mean": sum(numbers) / len(numbers), "max": max(numbers)}
