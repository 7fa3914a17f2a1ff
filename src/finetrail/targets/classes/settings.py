"""What params.yaml may say of classes, beside their rules. Light: the command line reads this before any work."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from finetrail.data.sources.columns import Columns
from finetrail.evaluation.slices import Slice, Sliced
from finetrail.targets.target import Training

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LabelColumns(Columns):
    """Which column of the source holds the label.

    Attributes:
        label: its class, as a name or a whole number.
    """

    label: str = "label"

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
    """

    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    metric: Literal["accuracy", "macro_precision", "macro_recall", "macro_f1"] = "macro_f1"
    focal_gamma: float = Field(2.0, ge=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: Literal["balanced", "effective"] | None = None


class LabelSlice(Slice):
    """A slice of rows with classes.

    Attributes:
        label: the classes that are meant.
    """

    label: list[str] | None = Field(default=None, min_length=1)

    def rows(self, split: Sliced) -> "NDArray[np.bool_]":
        import numpy as np

        found = super().rows(split)
        if self.label is None:
            return found
        wanted = set(self.label)
        return found & np.array([label in wanted for label in split.labels], dtype=np.bool_)
