"""What params.yaml may say of sets of classes, beside their rules. Light: the command line reads this first."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from finetrail.data.sources.columns import ColumnName, Columns
from finetrail.targets.id2label import Id2Label
from finetrail.targets.slices import LabelSlice
from finetrail.targets.target import Training


class SetColumns(Id2Label, Columns):
    """Where the source holds the classes of a row.

    Attributes:
        label: a column with lists of names, or with strings; or several columns, one a class, that hold 0 or 1.
        delimiter: what separates the names in a string; null for lists.
    """

    label: ColumnName | Annotated[tuple[ColumnName, ...], Field(strict=False, min_length=2)] = "labels"
    delimiter: str | None = Field(default=None, min_length=1)

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,) if isinstance(self.label, str) else self.label

    @model_validator(mode="after")
    def _one_way(self) -> "SetColumns":
        if self.id2label and not isinstance(self.label, str):
            raise ValueError("id2label is for one column of ids; several columns have names already, so leave it")
        if self.delimiter is not None and not isinstance(self.label, str):
            raise ValueError(f"delimiter {self.delimiter!r} is for one column of strings; name one column, or leave it")
        return self


class SetTraining(Training):
    """What section `train` of params.yaml says of sets of classes.

    Attributes:
        loss: each class is a question of its own.
        metric: the validation metric that picks the best evaluation; in an evaluation thresholds are 0.5.
        positive_weights: `balanced`: for each class the rows with it count as much as those without (King & Zeng 2001),
            within 1 to 100; null: each row counts the same.
    """

    loss: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    metric: Literal[
        "subset_accuracy", "hamming_loss", "samples_f1", "micro_f1", "macro_f1", "mean_average_precision"
    ] = "mean_average_precision"
    positive_weights: Literal["balanced"] | None = None


class SetSlice(LabelSlice):
    """A slice of rows with sets of classes."""

    @classmethod
    def names(cls, label: Any) -> Iterable[str]:
        return label  # type: ignore[no-any-return]
