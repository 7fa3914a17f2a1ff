"""What params.yaml may say of classes, beside their rules. Light: the command line reads this before any work."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from finetrail.data.sources.columns import ColumnName, Columns
from finetrail.targets.id2label import Id2Label
from finetrail.targets.slices import LabelSlice
from finetrail.targets.target import Training


class LabelColumns(Id2Label, Columns):
    """Which column of the source holds the label.

    Attributes:
        label: its class, as a name or a whole number.
    """

    label: ColumnName = "label"

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)


class ClassTraining(Training):
    """What section `train` of params.yaml says of classes.

    Attributes:
        loss: `cross_entropy`, or `focal` (Lin et al. 2017), which cares less for what is already right.
        metric: the validation metric that picks the best evaluation.
        focal_gamma: how much less.
        label_smoothing: the share of the target that is spread over all classes (Szegedy et al. 2016).
        class_weights: `balanced`: each class counts the same in the loss, however many rows it has (King & Zeng 2001);
            `effective`: by the effective number of its rows (Cui et al. 2019); null: each row counts the same.
        coverage: an answer also holds `label_set`, the classes among which the actual one is with this frequency
            (split-conformal: Sadinle et al. 2019); null: it does not.
        error_rate: an answer also says whether the model had better `abstain`, so that of the answers that are left
            this share is wrong; null: it does not.
    """

    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    metric: Literal["accuracy", "macro_precision", "macro_recall", "macro_f1"] = "macro_f1"
    focal_gamma: float = Field(2.0, ge=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: Literal["balanced", "effective"] | None = None
    coverage: float | None = Field(None, gt=0, lt=1)
    error_rate: float | None = Field(None, gt=0, lt=1)


class ClassSlice(LabelSlice):
    """A slice of rows with classes."""

    @classmethod
    def names(cls, label: Any) -> Iterable[str]:
        return (label,)
